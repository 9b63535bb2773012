package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EnterVitalsInErrorInput takes back a set of vital signs.
type EnterVitalsInErrorInput struct {
	ID     hmstype.VitalsID `json:"id"`     // required
	Reason string           `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in EnterVitalsInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opEnterVitalsInError = usecase.Command[EnterVitalsInErrorInput, Vitals]{
	Name: "clinical.enter_vitals_in_error", Permission: hmstype.PermVitalsWrite, Shows: vitalSigns.One(),
	Sample: EnterVitalsInErrorInput{Reason: "typing error"},
}.Declare()

// EnterVitalsInError says that a set was entered in error. Its values stay on record; a right
// set is recorded anew, with the time at which it was taken.
// Permission: [hmstype.PermVitalsWrite].
func (s *Service) EnterVitalsInError(ctx context.Context, in EnterVitalsInErrorInput) (Vitals, error) {
	return opEnterVitalsInError.Run(ctx, &s.base, in, markVitalsError)
}

func markVitalsError(ctx context.Context, db dbx.DB, in EnterVitalsInErrorInput) (Vitals, error) {
	row, err := dbx.Step(ctx, db, vitalsSteps, in.ID, dbx.Change[vitalsRow, VitalsStatus]{
		To: VitalsEnteredInError, Reason: in.Reason,
		Apply: func(row *vitalsRow) error {
			row.ErrorReason = in.Reason
			return nil
		},
	})
	return row.vitals(), err
}
