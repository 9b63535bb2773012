package clinical

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// VitalsStatus is FHIR R4 observation-status, as far as vital signs need it.
type VitalsStatus string

// The states of a set of vital signs.
const (
	VitalsFinal          VitalsStatus = "final"
	VitalsEnteredInError VitalsStatus = "entered-in-error"
)

// VitalsTransitions are the allowed steps between the states.
var VitalsTransitions = hmstype.Transitions[VitalsStatus]{VitalsFinal: {VitalsEnteredInError}}

// Vitals is one set of vital signs of a patient, taken together.
type Vitals struct {
	ID         hmstype.VitalsID
	Encounter  hmstype.EncounterID
	Patient    hmstype.PatientID
	Status     VitalsStatus
	TakenAt    time.Time // UTC; CreatedAt says when it was recorded
	RecordedBy string    // an actor, as in the audit trail
	Measurements
	BodyMassIndex *decimal.Decimal // derived from height and weight of this set
	Warnings      []Warning        // values that are possible and unusual at any age, in the order of the fields
	ErrorReason   string           // why it was entered in error
	CreatedAt     time.Time        // UTC
	Version       int64
}

type vitalsRow struct {
	bun.BaseModel `bun:"table:hms.vitals,alias:v"`
	dbx.Tenanted
	ID                      hmstype.VitalsID `bun:"id,pk"`
	PatientID               hmstype.PatientID
	EncounterID             hmstype.EncounterID
	Status                  VitalsStatus
	TakenAt                 time.Time
	RecordedBy              string
	TemperatureCelsius      *decimal.Decimal
	PulsePerMinute          *int
	BreathsPerMinute        *int
	SystolicMmhg            *int
	DiastolicMmhg           *int
	OxygenSaturationPercent *int
	HeightCm                *decimal.Decimal
	WeightKg                *decimal.Decimal
	Bmi                     *decimal.Decimal
	PainScore               *int
	ErrorReason             string
	CreatedAt               time.Time
	Version                 int64
}

func (r vitalsRow) Position() hmstype.Position {
	return hmstype.Position{At: r.TakenAt, ID: r.ID.UUID()}
}

func (r vitalsRow) vitals() Vitals {
	vitals := Vitals{
		ID: r.ID, Encounter: r.EncounterID, Patient: r.PatientID, Status: r.Status, TakenAt: r.TakenAt.UTC(), RecordedBy: r.RecordedBy,
		Measurements: Measurements{
			TemperatureCelsius: r.TemperatureCelsius, PulsePerMinute: r.PulsePerMinute, BreathsPerMinute: r.BreathsPerMinute,
			SystolicMmHg: r.SystolicMmhg, DiastolicMmHg: r.DiastolicMmhg, OxygenSaturationPercent: r.OxygenSaturationPercent,
			HeightCm: r.HeightCm, WeightKg: r.WeightKg, PainScore: r.PainScore,
		},
		BodyMassIndex: r.Bmi, ErrorReason: r.ErrorReason, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
	vitals.Warnings = vitals.Unusual()
	return vitals
}

// RecordVitalsInput describes a set of vital signs.
type RecordVitalsInput struct {
	Encounter hmstype.EncounterID // required, open
	TakenAt   time.Time           // zero means now; not in the future
	Measurements
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RecordVitalsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.validate(&v)
	return v.Err()
}

// RecordVitals adds a set of vital signs; the body mass index is computed, never taken
// from the caller.
func (s *Service) RecordVitals(ctx context.Context, in RecordVitalsInput) (Vitals, error) {
	op := usecase.Op{Name: "vitals.record", Permission: hmstype.PermVitalsWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, recordVitals)
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
	m := in.Measurements
	row := vitalsRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.VitalsID](),
		PatientID: encounter.PatientID, EncounterID: encounter.ID, Status: VitalsFinal, TakenAt: taken, RecordedBy: db.ActorName(),
		TemperatureCelsius: m.TemperatureCelsius, PulsePerMinute: m.PulsePerMinute, BreathsPerMinute: m.BreathsPerMinute,
		SystolicMmhg: m.SystolicMmHg, DiastolicMmhg: m.DiastolicMmHg, OxygenSaturationPercent: m.OxygenSaturationPercent,
		HeightCm: m.HeightCm, WeightKg: m.WeightKg, Bmi: m.BMI(), PainScore: m.PainScore, CreatedAt: db.Now, Version: 1,
	}
	return row.vitals(), dbx.Insert(ctx, db, row)
}

// VitalsErrorInput takes back a set of vital signs.
type VitalsErrorInput struct {
	ID     hmstype.VitalsID // required
	Reason string           // required, up to 200 characters
}

// Validate implements the rules above.
func (in VitalsErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// MarkVitalsError says that a set was entered in error. Its values stay on record; a right
// set is recorded anew, with the time at which it was taken.
func (s *Service) MarkVitalsError(ctx context.Context, in VitalsErrorInput) (Vitals, error) {
	op := usecase.Op{Name: "vitals.mark_error", Permission: hmstype.PermVitalsWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in VitalsErrorInput) (Vitals, error) {
		row, err := dbx.Get[vitalsRow](ctx, db, "vitals", in.ID, dbx.ForUpdate)
		if err != nil {
			return Vitals{}, err
		}
		if err := VitalsTransitions.Check("vitals", row.Status, VitalsEnteredInError); err != nil {
			return Vitals{}, err
		}
		row.Status, row.ErrorReason = VitalsEnteredInError, in.Reason
		err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "error_reason")
		row.Version++
		return row.vitals(), err
	})
}

// Vitals lists a patient's vital signs, the latest taken first; those entered in error are
// among them and say so.
func (s *Service) Vitals(ctx context.Context, in OfPatient) (hmstype.List[Vitals], error) {
	op := usecase.Op{Name: "vitals.list", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in OfPatient) (hmstype.List[Vitals], error) {
		return listOf(ctx, db, in, "vitals", dbx.Order{At: "taken_at", Desc: true}, vitalsRow.vitals)
	})
}

// EncounterVitals gives the vital signs of an encounter in the order of their recording.
func (s *Service) EncounterVitals(ctx context.Context, id hmstype.EncounterID) ([]Vitals, error) {
	op := usecase.Op{Name: "vitals.of_encounter", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.EncounterID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) ([]Vitals, error) {
			return inEncounter(ctx, db, in.ID, "vitals", vitalsRow.vitals)
		})
}
