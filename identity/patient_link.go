package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LinkPatientInput says which patient a user is.
type LinkPatientInput struct {
	User    hmstype.UserID    `json:"user"`    // required
	Version int64             `json:"version"` // the user's version that the caller read; required
	Patient hmstype.PatientID `json:"patient"` // zero takes the link away
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
	User    hmstype.UserID    `json:"user"`
	Patient hmstype.PatientID `json:"patient"` // zero for who is none
	Version int64             `json:"version"` // of the user's account
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, which the actor gave himself.
	Withheld bool `json:"withheld,omitempty"`
}

// patientLinks is what a link shows of whom.
var patientLinks = usecase.Entity[PatientLink]{
	Table:   "user_account",
	Patient: func(l *PatientLink) hmstype.PatientID { return l.Patient },
	ID:      func(l *PatientLink) string { return l.User.String() },
}

var opLinkPatient = usecase.Command[LinkPatientInput, PatientLink]{
	Name: "identity.link_patient", Permission: hmstype.PermIdentityManage, Shows: patientLinks.One(),
	Sample: LinkPatientInput{Version: 1},
}.Declare()

// LinkPatient notes that a user is a patient of the hospital, so that accesses to the own record
// can be found (audit.SuspicionOwnRecord). It gives the user no right, and [User] does not show
// it: that somebody is a patient is the patient's secret. The link is on the patient's trail.
// [hmstype.ErrStale] where somebody else was faster.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) LinkPatient(ctx context.Context, in LinkPatientInput) (PatientLink, error) {
	return opLinkPatient.Run(ctx, &s.base, in, linkPatient)
}

func linkPatient(ctx context.Context, db dbx.DB, in LinkPatientInput) (PatientLink, error) {
	row, err := dbx.Get[userRow](ctx, db, "user_account", in.User, dbx.ForUpdate)
	if err != nil {
		return PatientLink{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return PatientLink{}, err
	}
	if !in.Patient.IsZero() {
		err := db.RecordAccess(ctx, dbx.Access{
			Action: "link", Entity: "user_account", ID: in.User.String(), Patient: in.Patient,
		})
		if err != nil {
			return PatientLink{}, err
		}
	}
	row.PatientID = in.Patient
	err = dbx.Update(ctx, db, &row, "patient_id")
	return PatientLink{User: row.ID, Patient: row.PatientID, Version: row.Version}, err
}
