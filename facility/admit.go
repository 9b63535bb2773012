package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AdmitInput puts a patient into a bed.
type AdmitInput struct {
	Encounter      hmstype.EncounterID `json:"encounter"` // required, open
	Bed            hmstype.BedID       `json:"bed"`       // required, unoccupied
	IdempotencyKey string              `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AdmitInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Required(!in.Bed.IsZero(), "bed")
	return v.Err()
}

var opAdmit = usecase.Command[AdmitInput, Stay]{
	Name: "facility.admit", Permission: hmstype.PermAdmit, Shows: stays.One(),
	Key:    func(in AdmitInput) string { return in.IdempotencyKey },
	Sample: AdmitInput{},
}.Declare()

// Admit puts the patient of an open encounter into a bed, now. Of many who want the last
// bed at once, one gets it; the others get [ErrBedTaken] or [ErrBedNotReady].
// [ErrPatientInBed] where the patient lies in another one.
// Permission: [hmstype.PermAdmit].
func (s *Service) Admit(ctx context.Context, in AdmitInput) (Stay, error) {
	return opAdmit.Run(ctx, &s.base, in, s.admit)
}

func (s *Service) admit(ctx context.Context, db dbx.DB, in AdmitInput) (Stay, error) {
	who, open, err := s.ports.Encounters.EncounterPatient(ctx, db.Conn(), in.Encounter)
	if err != nil {
		return Stay{}, err
	}
	if !open {
		return Stay{}, ErrEncounter
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), who); err != nil {
		return Stay{}, err
	}
	bed, err := lockBed(ctx, db, in.Bed)
	if err != nil {
		return Stay{}, err
	}
	row := newStay(db, who, in.Encounter, bed)
	if err := row.occupy(ctx, db, &bed); err != nil {
		return Stay{}, err
	}
	return row.stay(), db.Emit(ctx, dbx.Event{
		Type: eventAdmitted, ID: row.ID, Data: map[string]string{"bed": bed.ID.String()},
	})
}

func newStay(db dbx.DB, who hmstype.PatientID, encounter hmstype.EncounterID, bed bedRow) stayRow {
	return stayRow{
		Header: dbx.NewHeader[hmstype.StayID](db), PatientID: who, EncounterID: encounter,
		BedID: bed.ID, WardID: bed.WardID, Status: StayActive, StartsAt: db.Now,
	}
}

// occupy inserts the stay into a locked bed and marks that as occupied.
func (r *stayRow) occupy(ctx context.Context, db dbx.DB, bed *bedRow) error {
	switch bed.Status {
	case BedUnoccupied:
	case BedOccupied:
		return inTheWay(ctx, db, *r)
	default:
		return ErrBedNotReady
	}
	done, err := dbx.InsertIfFree(ctx, db, r)
	if err != nil {
		return err
	}
	if !done {
		return inTheWay(ctx, db, *r)
	}
	return bed.step(ctx, db, BedOccupied)
}

// inTheWay finds the stay that the wanted one would overlap.
func inTheWay(ctx context.Context, db dbx.DB, wanted stayRow) error {
	rows, err := dbx.All[stayRow](ctx, db,
		dbx.Where("(st.bed_id = ? OR st.patient_id = ?)", wanted.BedID, wanted.PatientID),
		dbx.Where("st.status <> ?", StayEnteredInError), dbx.Where("(st.ends_at IS NULL OR st.ends_at > ?)", wanted.StartsAt),
		dbx.OrderBy("st.starts_at", "st.id"))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.BedID == wanted.BedID {
			return &BedTakenError{Stay: r.ID, Since: r.StartsAt.UTC()}
		}
	}
	if len(rows) > 0 {
		return ErrPatientInBed
	}
	return ErrBedTaken
}
