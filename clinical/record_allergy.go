package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// RecordAllergyInput describes an allergy, or that none is known.
type RecordAllergyInput struct {
	Patient        hmstype.PatientID `json:"patient"` // required
	AllergyDetails                   // an empty criticality means unable-to-assess
	Unconfirmed    bool              `json:"unconfirmed"` // told, and not confirmed clinically
	IdempotencyKey string            `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RecordAllergyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.AllergyDetails.validate(&v)
	return v.Err()
}

var opRecordAllergy = usecase.Command[RecordAllergyInput, Allergy]{
	Name: "clinical.record_allergy", Permission: hmstype.PermVitalsWrite, Shows: allergies.One(),
	Key:   func(in RecordAllergyInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(a Allergy) hmstype.AllergyID { return a.ID }, getAllergy),
	Sample: RecordAllergyInput{AllergyDetails: AllergyDetails{
		Substance: hmstype.Code{Display: "Latex"}, Category: "environment", Criticality: "low", Reaction: "hives",
	}},
}.Declare()

// RecordAllergy records an allergy, or that none is known. [ErrAllergyContradiction] (an
// *AllergyContradictionError) where the patient's active record says otherwise,
// [ErrAllergyRecorded] where it says the same. Who prescribed what is being taken and what it speaks against is told
// through the inbox.
// Permission: [hmstype.PermVitalsWrite].
func (s *Service) RecordAllergy(ctx context.Context, in RecordAllergyInput) (Allergy, error) {
	return opRecordAllergy.Run(ctx, &s.base, in, s.recordAllergy)
}

func (s *Service) recordAllergy(ctx context.Context, db dbx.DB, in RecordAllergyInput) (Allergy, error) {
	if _, err := s.ports.Patients.Lock(ctx, db.Conn(), in.Patient); err != nil {
		return Allergy{}, err
	}
	row := allergyRow{
		Header: dbx.NewHeader[hmstype.AllergyID](db), PatientID: in.Patient, AllergyDetails: in.AllergyDetails,
		SubstanceKey: names.SubstanceKey(in.Substance.Display), Status: AllergyActive, VerificationStatus: Confirmed,
	}
	if row.Criticality == "" {
		row.Criticality = "unable-to-assess"
	}
	if in.Unconfirmed {
		row.VerificationStatus = Unconfirmed
	}
	if err := allergyTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.AllergyDetails); err != nil {
		return Allergy{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Allergy{}, err
	}
	if !done {
		return Allergy{}, allergyInTheWay(ctx, db, row)
	}
	if err := s.alertPrescribers(ctx, db, row); err != nil {
		return Allergy{}, err
	}
	return row.allergy(), db.Emit(ctx, dbx.Event{Type: eventAllergyRecorded, ID: row.ID,
		Data: map[string]string{"id": row.ID.String()}})
}

// allergyInTheWay finds what the database refused to stand beside the record.
func allergyInTheWay(ctx context.Context, db dbx.DB, wanted allergyRow) error {
	rows, err := standingAllergies(ctx, db, wanted.PatientID)
	if err != nil {
		return err
	}
	contradiction := &AllergyContradictionError{}
	for _, r := range rows {
		if r.ID != wanted.ID && r.NoneKnown != wanted.NoneKnown {
			contradiction.Allergies = append(contradiction.Allergies, r.ID)
		}
	}
	var refusal error = contradiction
	if len(contradiction.Allergies) == 0 {
		refusal = ErrAllergyRecorded
	}
	return usecase.Told(ctx, db, wanted.PatientID, "allergy", "", refusal)
}

func getAllergy(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AllergyID]) (Allergy, error) {
	row, err := dbx.Get[allergyRow](ctx, db, "allergy", in.ID)
	return row.allergy(), err
}
