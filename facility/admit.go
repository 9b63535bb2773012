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
	Again:  usecase.ReadAgain(func(s Stay) hmstype.StayID { return s.ID }, getStay),
	Sample: AdmitInput{},
}.Declare()

// Admit puts the patient of an open encounter into a bed, now. Of many who want the last
// bed at once, one gets it; the others get [ErrBedTaken] or [ErrBedNotReady].
// [ErrPatientInBed] where the patient lies in another one; [patient.ErrDeceased], [patient.ErrMerged] or
// [patient.ErrInactive] where nothing new begins for him.
// Permission: [hmstype.PermAdmit].
func (s *Service) Admit(ctx context.Context, in AdmitInput) (Stay, error) {
	return opAdmit.Run(ctx, &s.base, in, s.admit)
}

func (s *Service) admit(ctx context.Context, db dbx.DB, in AdmitInput) (Stay, error) {
	who, err := s.ports.Encounters.PatientOf(ctx, db.Conn(), in.Encounter)
	if err != nil {
		return Stay{}, err
	}
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), who); err != nil {
		return Stay{}, err
	}
	_, open, err := s.ports.Encounters.EncounterPatient(ctx, db.Conn(), in.Encounter)
	if err != nil {
		return Stay{}, err
	}
	if !open {
		return Stay{}, ErrEncounter
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
