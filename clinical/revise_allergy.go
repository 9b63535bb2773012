package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReviseAllergyInput changes what is known of an allergy, or withdraws "none known".
type ReviseAllergyInput struct {
	ID      hmstype.AllergyID `json:"id"`      // required
	Version int64             `json:"version"` // the version that was read
	Status  AllergyStatus     `json:"status"`  // empty keeps it
	// unconfirmed, confirmed, refuted, entered-in-error; empty keeps it
	Verification Verification `json:"verification"`
	Reason       string       `json:"reason"` // required, up to 200 characters
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

var opReviseAllergy = usecase.Command[ReviseAllergyInput, Allergy]{
	Name: "clinical.revise_allergy", Permission: hmstype.PermVitalsWrite, Shows: allergies.One(),
	Sample: ReviseAllergyInput{Version: 1, Status: AllergyInactive, Reason: "outgrown"},
}.Declare()

// ReviseAllergy changes the clinical or the verification status of an allergy. A record
// entered in error stays so. Where the record begins to count again, the same holds as for
// [Service.RecordAllergy], and prescribers are told. [hmstype.ErrStale] where it was changed meanwhile.
// Permission: [hmstype.PermVitalsWrite].
func (s *Service) ReviseAllergy(ctx context.Context, in ReviseAllergyInput) (Allergy, error) {
	return opReviseAllergy.Run(ctx, &s.base, in, s.reviseAllergy)
}

func (s *Service) reviseAllergy(ctx context.Context, db dbx.DB, in ReviseAllergyInput) (Allergy, error) {
	row, err := s.lockAllergy(ctx, db, in.ID)
	if err != nil {
		return Allergy{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Allergy{}, err
	}
	if row.VerificationStatus == EnteredInError {
		return Allergy{}, errTerminal("allergy", EnteredInError, in.Verification)
	}
	revised := row
	revised.StatusReason = in.Reason
	if in.Status != "" {
		revised.Status = in.Status
	}
	if in.Verification != "" {
		revised.VerificationStatus = in.Verification
	}
	isStep := revised.Status != row.Status
	if isStep {
		if err := AllergyTransitions.Check("allergy", row.Status, revised.Status); err != nil {
			return Allergy{}, err
		}
	}
	if revised.standing() && !row.standing() {
		if err := refuseSecond(ctx, db, revised); err != nil {
			return Allergy{}, err
		}
	}
	if isStep {
		revised.Status = row.Status // the step's to change
		step := dbx.Change[allergyRow, AllergyStatus]{To: in.Status, Reason: in.Reason}
		err = dbx.Move(ctx, db, allergySteps, &revised, step)
	} else {
		err = dbx.Update(ctx, db, &revised, allergySteps.Columns...)
	}
	if err == nil && revised.standing() && !row.standing() {
		err = s.alertPrescribers(ctx, db, revised)
	}
	return revised.allergy(), err
}

// lockAllergy locks a patient and an allergy of his. Revisions of one patient take turns: two
// that met in the constraint would deadlock.
func (s *Service) lockAllergy(ctx context.Context, db dbx.DB, id hmstype.AllergyID) (allergyRow, error) {
	row, err := dbx.Get[allergyRow](ctx, db, "allergy", id)
	if err != nil {
		return row, err
	}
	if _, err := s.ports.Patients.Lock(ctx, db.Conn(), row.PatientID); err != nil {
		return row, err
	}
	return dbx.Get[allergyRow](ctx, db, "allergy", id, dbx.ForUpdate)
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
