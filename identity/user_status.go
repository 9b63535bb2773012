package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// userSteps is how an account changes its state.
var userSteps = dbx.Machine[userRow, UserStatus]{
	Table: "user_account", Transitions: UserTransitions,
	State: func(r *userRow) *UserStatus { return &r.Status },
}

// SetUserStatusInput moves a user to another state.
type SetUserStatusInput struct {
	ID     hmstype.UserID `json:"id"`     // required
	Status UserStatus     `json:"status"` // required
}

// Validate implements the rules above.
func (in SetUserStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", UserTransitions.States()...)
	return v.Err()
}

var opSetUserStatus = usecase.Command[SetUserStatusInput, User]{
	Name: "identity.set_user_status", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[User](noPatient),
	Sample: SetUserStatusInput{Status: UserLocked},
}.Declare()

// SetUserStatus locks, unlocks or deactivates a user. [hmstype.ErrInvalidTransition] for
// a step that is not in [UserTransitions]; [ErrLastAdministrator] where nobody else could
// administer the tenant.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) SetUserStatus(ctx context.Context, in SetUserStatusInput) (User, error) {
	user, err := opSetUserStatus.Run(ctx, &s.base, in, s.setUserStatus)
	s.cache.forget(ctx, in.ID)
	s.sessions.clear()
	return user, err
}

func (s *Service) setUserStatus(ctx context.Context, db dbx.DB, in SetUserStatusInput) (User, error) {
	return keepAdministrator(ctx, db, func() (User, error) {
		row, err := dbx.Get[userRow](ctx, db, "user_account", in.ID, dbx.ForUpdate)
		if err != nil {
			return User{}, err
		}
		if err := dbx.Move(ctx, db, userSteps, &row, dbx.Change[userRow, UserStatus]{To: in.Status}); err != nil {
			return User{}, err
		}
		if in.Status == UserLocked || in.Status == UserDeactivated {
			if err := endAccess(ctx, db, in.ID, string(in.Status)); err != nil {
				return User{}, err
			}
		}
		return s.loadUser(ctx, db, in.ID)
	})
}

var opGetUserHistory = usecase.Query[usecase.ByID[hmstype.UserID], hmstype.History]{
	Name: "identity.get_user_history", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[hmstype.History](noPatient), Quiet: noPatient,
}.Declare()

// GetUserHistory gives the steps of an account from state to state, the oldest first.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) GetUserHistory(ctx context.Context, id hmstype.UserID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.UserID, userRow](userSteps.Table, nil)
	return opGetUserHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
