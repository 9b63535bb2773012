package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opEndMyDevice = usecase.Proof{Name: "identity.end_my_device", Why: ownAccount}.Declare()

// EndMyDevice forgets one of the actor's own devices: the next login from it is a stranger's. Sessions
// that were begun from it go on. Not found for another's. It asks for no permission: it acts on the
// actor's own account only.
func (s *Service) EndMyDevice(ctx context.Context, id hmstype.UserDeviceID) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	return s.asSelf(ctx, opEndMyDevice, func(ctx context.Context, db dbx.DB) error {
		n, err := db.Exec(ctx, `DELETE FROM hms.user_device WHERE tenant_id = $1 AND user_id = $2 AND id = $3`,
			db.Tenant(), actor.User, id)
		if err == nil && n == 0 {
			err = hmstype.NotFound("user_device", id)
		}
		if err != nil {
			return err
		}
		return record(ctx, db, "device_ended", actor.User)
	})
}
