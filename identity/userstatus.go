package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SetUserStatusInput moves a user to another state.
type SetUserStatusInput struct {
	ID     hmstype.UserID // required
	Status UserStatus     // required
}

// Validate implements the rules above.
func (in SetUserStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", UserTransitions.States()...)
	return v.Err()
}

// SetUserStatus locks, unlocks or deactivates a user. [hmstype.ErrInvalidTransition] for
// a step that is not in [UserTransitions]; [ErrLastAdministrator] where nobody else could
// administer the tenant.
func (s *Service) SetUserStatus(ctx context.Context, in SetUserStatusInput) (User, error) {
	op := usecase.Op{Name: "identity.set_user_status", Permission: hmstype.PermIdentityManage}
	user, err := usecase.Write(ctx, &s.base, op, in, s.setUserStatus)
	s.cache.forget(ctx, in.ID)
	s.sessions.clear()
	return user, err
}

func (s *Service) setUserStatus(ctx context.Context, db dbx.DB, in SetUserStatusInput) (User, error) {
	return keepAdministrator(ctx, db, func() (User, error) {
		row, err := dbx.Get[userRow](ctx, db, "user", in.ID, dbx.ForUpdate)
		if err != nil {
			return User{}, err
		}
		if err := UserTransitions.Check("user", row.Status, in.Status); err != nil {
			return User{}, err
		}
		row.Status = in.Status
		if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status"); err != nil {
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
