package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opForgetDevices = usecase.Command[usecase.ByID[hmstype.UserID], usecase.None]{
	Name: "identity.forget_devices", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[usecase.None](noPatient),
}.Declare()

// ForgetDevices forgets all devices from which a user has logged in, as after a theft: the next login from
// each is a stranger's. Sessions go on; [Service.EndSessions] ends them.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) ForgetDevices(ctx context.Context, user hmstype.UserID) error {
	_, err := opForgetDevices.Run(ctx, &s.base, usecase.ID(user), forgetAllDevices)
	return err
}

func forgetAllDevices(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (usecase.None, error) {
	if _, err := dbx.Get[userRow](ctx, db, "user_account", in.ID); err != nil {
		return usecase.None{}, err
	}
	if err := forgetDevices(ctx, db, in.ID); err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, record(ctx, db, "devices_forgotten", in.ID)
}
