package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// UpdateUserInput replaces what an account says of its person.
type UpdateUserInput struct {
	ID      hmstype.UserID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	Profile
}

// Validate implements the rules above.
func (in UpdateUserInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.validate(&v)
	return v.Err()
}

var opUpdateUser = usecase.Command[UpdateUserInput, User]{
	Name: "identity.update_user", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[User](noPatient),
	Sample: UpdateUserInput{Version: 1, Profile: sampleProfile},
}.Declare()

// UpdateUser changes a user's profile. Errors as for [Service.CreateUser];
// [hmstype.ErrStale] where somebody else was faster, [ErrDeactivated] for an account that is closed. To change
// the e-mail address, to which links for a new password go, wants a recent proof: [ErrProofRequired], and that the
// actor holds what the user's roles allow, or [hmstype.PermIdentityEscalate]: whoever has the address can be this
// user; [ErrApprovalRequired] for another administrator's. Links that went to the old one end.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) UpdateUser(ctx context.Context, in UpdateUserInput) (User, error) {
	return giving(ctx, s, opUpdateUser, in, s.updateUser)
}

func (s *Service) updateUser(ctx context.Context, db dbx.DB, in UpdateUserInput, g granting) (User, error) {
	row, err := dbx.Get[userRow](ctx, db, "user_account", in.ID, dbx.ForUpdate)
	if err != nil {
		return User{}, err
	}
	if row.Status == UserDeactivated {
		return User{}, ErrDeactivated
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return User{}, err
	}
	if mail := names.CodeKey(in.Email); mail != row.EmailKey { // whoever has the address can have the password
		if err := changeEntry(ctx, db, row, g); err != nil {
			return User{}, err
		}
	}
	row.setProfile(in.Profile)
	err = dbx.Update(ctx, db, &row, "username", "username_key", "email", "email_key",
		"first_name", "last_name", "phone_number", "profile_image", "language", "speciality", "directory_key")
	if err != nil {
		return User{}, err
	}
	if err := storeLooks(ctx, db, &row); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, in.ID)
}

// changeEntry allows another e-mail address, and ends the links that went to the old one.
func changeEntry(ctx context.Context, db dbx.DB, user userRow, g granting) error {
	if err := usecase.RequireRecentProof(db); err != nil {
		return err
	}
	if err := g.checkEntry(ctx, db, user); err != nil {
		return err
	}
	return endTokens(ctx, db, user.ID, purposeReset)
}
