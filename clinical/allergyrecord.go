package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// RecordAllergyInput describes an allergy, or that none is known.
type RecordAllergyInput struct {
	Patient        hmstype.PatientID // required
	Substance      hmstype.Code      // the display is required unless NoneKnown
	NoneKnown      bool              // the patient was asked and knows of none
	Category       string            // food, medication, environment, biologic; empty means not told
	Criticality    string            // low, high or unable-to-assess, which empty means
	Reaction       string            // what happened, up to 500 characters
	Unconfirmed    bool              // told, and not confirmed clinically
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RecordAllergyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("substance", in.Substance.Validate())
	v.Check(in.NoneKnown == (substanceKey(in.Substance.Display) == ""), "substance.display", "required unless none is known, and only then")
	v.Check(!in.NoneKnown || in.Substance.IsZero(), "substance", "must not be given where none is known")
	hmstype.OneOf(&v, in.Category, "category", "", "food", "medication", "environment", "biologic")
	hmstype.OneOf(&v, in.Criticality, "criticality", "", "low", "high", "unable-to-assess")
	v.Text(in.Reaction, "reaction", 0, 500)
	return v.Err()
}

// RecordAllergy records an allergy, or that none is known. [ErrAllergyContradiction] (an
// *AllergyContradictionError) where the patient's active record says otherwise,
// [ErrAllergyRecorded] where it says the same.
func (s *Service) RecordAllergy(ctx context.Context, in RecordAllergyInput) (Allergy, error) {
	op := usecase.Op{Name: "allergy.record", Permission: hmstype.PermVitalsWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, allergyText, s.recordAllergy))
}

func (s *Service) recordAllergy(ctx context.Context, db dbx.DB, in RecordAllergyInput) (Allergy, error) {
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
		return Allergy{}, err
	}
	row := allergyRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.AllergyID](), PatientID: in.Patient,
		SubstanceSystem: in.Substance.System, SubstanceValue: in.Substance.Value, SubstanceDisplay: in.Substance.Display,
		SubstanceKey: substanceKey(in.Substance.Display), NoneKnown: in.NoneKnown,
		Category: in.Category, Criticality: in.Criticality, Reaction: in.Reaction,
		Status: AllergyActive, VerificationStatus: Confirmed, RecordedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
	}
	if row.Criticality == "" {
		row.Criticality = "unable-to-assess"
	}
	if in.Unconfirmed {
		row.VerificationStatus = Unconfirmed
	}
	if err := s.seal(ctx, db, row.PatientID, row.ID, fieldcrypt.Part{Field: fieldAllergyReaction, Text: &row.Reaction}); err != nil {
		return Allergy{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Allergy{}, err
	}
	if !done {
		return Allergy{}, allergyInTheWay(ctx, db, row)
	}
	return row.allergy(), db.Emit(ctx, dbx.Event{Type: "allergy.recorded", Entity: "allergy", ID: row.ID,
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
	if len(contradiction.Allergies) == 0 {
		return ErrAllergyRecorded
	}
	return contradiction
}

func standingAllergies(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]allergyRow, error) {
	return dbx.All[allergyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("al.patient_id = ?", patient).Where("al.status = ?", AllergyActive).
			Where("al.verification_status IN (?)", bun.List([]Verification{Unconfirmed, Confirmed})).Order("al.id")
	})
}

// ReviseAllergyInput changes what is known of an allergy, or withdraws "none known".
type ReviseAllergyInput struct {
	ID           hmstype.AllergyID // required
	Version      int64             // the version that was read
	Status       AllergyStatus     // empty keeps it
	Verification Verification      // unconfirmed, confirmed, refuted, entered-in-error; empty keeps it
	Reason       string            // required, up to 200 characters
}

// Validate implements the rules above.
func (in ReviseAllergyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Check(in.Status != "" || in.Verification != "", "status", "nothing is to be changed")
	hmstype.OneOf(&v, in.Status, "status", append(AllergyTransitions.States(), "")...)
	hmstype.OneOf(&v, in.Verification, "verification", "", Unconfirmed, Confirmed, Refuted, EnteredInError)
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// ReviseAllergy changes the clinical or the verification status of an allergy. A record
// entered in error stays so. Where the record begins to count again, the same holds as for
// [Service.RecordAllergy]. [hmstype.ErrStale] where it was changed meanwhile.
func (s *Service) ReviseAllergy(ctx context.Context, in ReviseAllergyInput) (Allergy, error) {
	op := usecase.Op{Name: "allergy.revise", Permission: hmstype.PermVitalsWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, allergyText, s.reviseAllergy))
}

func (s *Service) reviseAllergy(ctx context.Context, db dbx.DB, in ReviseAllergyInput) (Allergy, error) {
	row, err := dbx.Get[allergyRow](ctx, db, "allergy", in.ID)
	if err != nil {
		return Allergy{}, err
	}
	// Revisions of one patient take turns: two that met in the constraint would deadlock.
	if _, err := s.ports.Patients.Lock(ctx, db.Conn(), row.PatientID); err != nil {
		return Allergy{}, err
	}
	if row, err = dbx.Get[allergyRow](ctx, db, "allergy", in.ID, dbx.ForUpdate); err != nil {
		return Allergy{}, err
	}
	if row.VerificationStatus == EnteredInError {
		return Allergy{}, errTerminal("allergy", EnteredInError, in.Verification)
	}
	counted := row.standing()
	if in.Status != "" && in.Status != row.Status {
		if err := AllergyTransitions.Check("allergy", row.Status, in.Status); err != nil {
			return Allergy{}, err
		}
		row.Status = in.Status
	}
	if in.Verification != "" {
		row.VerificationStatus = in.Verification
	}
	row.StatusReason = in.Reason
	if row.standing() && !counted {
		if err := refuseSecond(ctx, db, row); err != nil {
			return Allergy{}, err
		}
	}
	err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "status", "verification_status", "status_reason")
	row.Version = in.Version + 1
	return row.allergy(), err
}

// refuseSecond gives the typed error for a record that may not begin to count, which the
// database would refuse as well.
func refuseSecond(ctx context.Context, db dbx.DB, row allergyRow) error {
	rows, err := standingAllergies(ctx, db, row.PatientID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.NoneKnown != row.NoneKnown || r.SubstanceKey == row.SubstanceKey {
			return allergyInTheWay(ctx, db, row)
		}
	}
	return nil
}
