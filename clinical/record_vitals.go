package clinical

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RecordVitalsInput describes a set of vital signs.
type RecordVitalsInput struct {
	Encounter hmstype.EncounterID `json:"encounter"`        // required, open
	TakenAt   time.Time           `json:"takenAt,omitzero"` // zero means now; not in the future
	Measurements
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RecordVitalsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.Measurements.validate(&v)
	return v.Err()
}

var opRecordVitals = usecase.Command[RecordVitalsInput, Vitals]{
	Name: "clinical.record_vitals", Permission: hmstype.PermVitalsWrite, Shows: vitalSigns.One(),
	Key:    func(in RecordVitalsInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(v Vitals) hmstype.VitalsID { return v.ID }, getVitals),
	Sample: RecordVitalsInput{TakenAt: usecase.SampleAt, Measurements: Measurements{PulsePerMinute: new(70)}},
}.Declare()

// RecordVitals adds a set of vital signs; the body mass index is computed, never taken
// from the caller.
// Permission: [hmstype.PermVitalsWrite].
func (s *Service) RecordVitals(ctx context.Context, in RecordVitalsInput) (Vitals, error) {
	return opRecordVitals.Run(ctx, &s.base, in, recordVitals)
}

func recordVitals(ctx context.Context, db dbx.DB, in RecordVitalsInput) (Vitals, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Vitals{}, err
	}
	taken := hmstype.Instant(in.TakenAt)
	if in.TakenAt.IsZero() {
		taken = db.Now
	}
	if taken.After(db.Now) {
		return Vitals{}, hmstype.Invalid("takenAt", "must not lie in the future")
	}
	row := vitalsRow{
		Header:    dbx.NewHeader[hmstype.VitalsID](db),
		PatientID: encounter.PatientID, EncounterID: encounter.ID, Status: VitalsFinal, TakenAt: taken,
		Measurements: in.Measurements, Bmi: in.BMI(),
	}
	return row.vitals(), dbx.Insert(ctx, db, row)
}

func getVitals(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.VitalsID]) (Vitals, error) {
	row, err := dbx.Get[vitalsRow](ctx, db, "vitals", in.ID)
	return row.vitals(), err
}
