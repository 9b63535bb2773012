package identity

import (
	"context"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opListMyDevices = usecase.Proof{
	Name: "identity.list_my_devices", Why: ownAccount, Quiet: "one's own account, no patient's data",
}.Declare()

// ListMyDevices lists the devices from which the actor has logged in and that are still known, the last
// used first; at most 20. It asks for no permission: it acts on the actor's own account only.
func (s *Service) ListMyDevices(ctx context.Context) ([]Device, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	var list []Device
	err = s.asSelf(ctx, opListMyDevices, func(ctx context.Context, db dbx.DB) error {
		rows, err := dbx.All[deviceRow](ctx, db, dbx.Equal("user_id", actor.User),
			dbx.Where("d.expires_at > ?", db.Now), dbx.OrderBy("d.last_used_at DESC", "d.id DESC"))
		list = make([]Device, len(rows))
		for i, r := range rows {
			list[i] = r.device()
		}
		return err
	})
	return list, err
}
