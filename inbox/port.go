package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of the inbox inside the transaction of a use case that asked for its permission. Only
// hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// Tell sends one notification to each of some users; in.To is not looked at. Who has no account in the tenant is left
// out, for the deed that he is told of must not fail for him.
func (p Port) Tell(ctx context.Context, conn bun.IConn, users []hmstype.UserID, in NotifyInput) error {
	if len(users) == 0 {
		return nil
	}
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	return dbx.Map(p.tell(ctx, db, users, in))
}

func (p Port) tell(ctx context.Context, db dbx.DB, users []hmstype.UserID, in NotifyInput) error {
	var known []hmstype.UserID
	err := db.NewRaw(`SELECT id FROM hms.user_account WHERE tenant_id = ? AND id = ANY (?) ORDER BY id`,
		db.Tenant(), dbx.Array(users)).Scan(ctx, &known)
	if err != nil {
		return err
	}
	s := Service{base: p.base}
	for _, user := range known {
		in.To = Recipient{User: user}
		if err := in.Validate(); err != nil {
			return err
		}
		if _, err := s.insertNotification(ctx, db, in, hmstype.RoleID{}); err != nil {
			return err
		}
	}
	return nil
}
