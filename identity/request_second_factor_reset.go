package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RequestSecondFactorResetInput asks that somebody's second factor be taken away.
type RequestSecondFactorResetInput struct {
	User   hmstype.UserID `json:"user"`   // required
	Reason string         `json:"reason"` // why, and how the person was recognised; required, 3 to 500 characters
}

// Validate implements the rules above.
func (in RequestSecondFactorResetInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	v.Text(in.Reason, "reason", 3, maxAccessReason)
	return v.Err()
}

var opRequestSecondFactorReset = usecase.Command[RequestSecondFactorResetInput, AccessChange]{
	Name: "identity.request_second_factor_reset", Permission: hmstype.PermIdentityManage,
	Shows:  usecase.Nobody[AccessChange](noPatient),
	Sample: RequestSecondFactorResetInput{Reason: "Lost her telephone; came to the desk with her badge"},
}.Declare()

// RequestSecondFactorReset asks for what [Service.ResetSecondFactor] does. Nothing is taken away until another person
// approves by [Service.DecideAccessChange]. [ErrOwnSecondFactor] for an account of the actor's own, [ErrDeactivated]
// for one that is closed.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) RequestSecondFactorReset(
	ctx context.Context, in RequestSecondFactorResetInput,
) (AccessChange, error) {
	return opRequestSecondFactorReset.Run(ctx, &s.base, in, requestSecondFactorReset)
}

func requestSecondFactorReset(
	ctx context.Context, db dbx.DB, in RequestSecondFactorResetInput,
) (AccessChange, error) {
	user, err := dbx.Get[userRow](ctx, db, "user_account", in.User)
	switch {
	case err != nil:
		return AccessChange{}, err
	case user.PersonID == db.By().Person:
		return AccessChange{}, ErrOwnSecondFactor
	case user.Status == UserDeactivated:
		return AccessChange{}, ErrDeactivated
	}
	row := newAccessChange(db, AccessSecondFactor, in.Reason)
	row.UserID, row.UserVersion = user.ID, user.Version
	return insertAccessChange(ctx, db, row)
}
