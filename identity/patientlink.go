package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LinkPatientInput says which patient a user is.
type LinkPatientInput struct {
	User    hmstype.UserID    // required
	Version int64             // the user's version that the caller read; required
	Patient hmstype.PatientID // zero takes the link away
}

// Validate implements the rules above.
func (in LinkPatientInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	v.Check(in.Version >= 1, "version", "required")
	return v.Err()
}

// PatientLink says that a user of the tenant is its patient, too.
type PatientLink struct {
	User    hmstype.UserID
	Patient hmstype.PatientID // zero for who is none
	Version int64             // of the user's account
}

// LinkPatient notes that a user is a patient of the hospital, so that accesses to the own record
// can be found (audit.SuspicionOwnRecord). It gives the user no right, and [User] does not show
// it: that somebody is a patient is the patient's secret. The link is on the patient's trail.
// [hmstype.ErrStale] where somebody else was faster.
func (s *Service) LinkPatient(ctx context.Context, in LinkPatientInput) (PatientLink, error) {
	op := usecase.Op{Name: "identity.link_patient", Permission: hmstype.PermIdentityManage}
	return usecase.Write(ctx, &s.base, op, in, linkPatient)
}

func linkPatient(ctx context.Context, db dbx.DB, in LinkPatientInput) (PatientLink, error) {
	if _, err := dbx.Get[userRow](ctx, db, "user", in.User, dbx.ForUpdate); err != nil {
		return PatientLink{}, err
	}
	if !in.Patient.IsZero() {
		err := db.RecordAccess(ctx, dbx.Access{Action: "link", Entity: "user_account", ID: in.User.String(), Patient: in.Patient})
		if err != nil {
			return PatientLink{}, err
		}
	}
	n, err := db.Exec(ctx, `UPDATE hms.user_account SET patient_id = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND version = $4`,
		in.Patient, db.Tenant(), in.User, in.Version)
	if err == nil && n == 0 {
		err = hmstype.ErrStale
	}
	return PatientLink{User: in.User, Patient: in.Patient, Version: in.Version + 1}, err
}
