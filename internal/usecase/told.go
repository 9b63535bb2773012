package usecase

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// withholder is a refusal of which whoever may not see the patient's record gets less.
type withholder interface {
	error
	WithheldError() error
}

// Told gives a refusal that tells something of a patient: what he is allergic to, that he lies in a bed. It leaves the
// trail of a read, which outlives the refusal's rollback. Of a restricted record that the actor may not see it tells
// less, and leaves that of a search, as what is withheld in a result does. Where that cannot be recorded nothing is
// told.
func Told(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID, entity, id string, refusal error,
) error {
	access := dbx.Access{Action: "read", Entity: entity, ID: id, Patient: patient}
	if !db.SeesRestricted() {
		restricted, err := db.Restricted(ctx, patient)
		if err != nil {
			return err
		}
		if restricted[patient] {
			access.Action = "search"
			var whole withholder
			if errors.As(refusal, &whole) {
				refusal = whole.WithheldError()
			}
		}
	}
	if err := db.RecordShown(ctx, access); err != nil {
		return err
	}
	return refusal
}
