package identity

import (
	"context"
	_ "embed"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opUnlockPassword = usecase.Command[usecase.ByID[hmstype.UserID], usecase.None]{
	Name: "identity.unlock_password", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[usecase.None](noPatient),
}.Declare()

// UnlockPassword lets a user try again whose account too many wrong passwords have locked.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) UnlockPassword(ctx context.Context, id hmstype.UserID) error {
	_, err := opUnlockPassword.Run(ctx, &s.base, usecase.ID(id), unlockPassword)
	return err
}

func unlockPassword(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (usecase.None, error) {
	if _, err := dbx.Get[userRow](ctx, db, "user_account", in.ID); err != nil {
		return usecase.None{}, err
	}
	if err := forgetFailures(ctx, db, in.ID, ""); err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, record(ctx, db, "unlocked", in.ID)
}
