package inbox

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of the inbox inside the transaction of a use case that asked for its permission.
// Only hms.New can make one.
type Port struct{ service *Service }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base, ports Ports) Port { return Port{service: New(base, ports)} }

// Tell notifies a user, or, where he is nobody or his account is not active any more, everybody who holds a role; it
// tells whether there was somebody to tell. in.To is theirs. It runs in the caller's transaction.
func (p Port) Tell(
	ctx context.Context, conn bun.IConn, user hmstype.UserID, role string, in NotifyInput,
) (told bool, err error) {
	db, err := p.service.base.DB.Join(ctx, conn)
	if err != nil {
		return false, err
	}
	in.To = Recipient{User: user}
	if !user.IsZero() {
		err = requireActive(ctx, db, user)
	}
	if user.IsZero() || errors.Is(err, ErrUserInactive) {
		in.To = Recipient{Role: role}
		err = nil
	}
	if err != nil {
		return false, err
	}
	id, err := roleNamed(ctx, db, in.To.Role)
	if errors.Is(err, hmstype.ErrNotFound) { // the tenant has no such role
		return false, nil
	}
	if err == nil {
		_, err = p.service.insertNotification(ctx, db, in, id)
	}
	return err == nil, err
}

// TellEach sends one notification to each of some users; in.To is not looked at. Who has no account in the tenant is
// left out, for the deed that he is told of must not fail for him. It runs in the caller's transaction.
func (p Port) TellEach(ctx context.Context, conn bun.IConn, users []hmstype.UserID, in NotifyInput) error {
	if len(users) == 0 {
		return nil
	}
	db, err := p.service.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	return dbx.Map(p.tellEach(ctx, db, users, in))
}

func (p Port) tellEach(ctx context.Context, db dbx.DB, users []hmstype.UserID, in NotifyInput) error {
	var known []hmstype.UserID
	err := db.NewRaw(`SELECT id FROM hms.user_account WHERE tenant_id = ? AND id = ANY (?) ORDER BY id`,
		db.Tenant(), dbx.Array(users)).Scan(ctx, &known)
	if err != nil {
		return err
	}
	for _, user := range known {
		in.To = Recipient{User: user}
		if err := in.Validate(); err != nil {
			return err
		}
		if _, err := p.service.insertNotification(ctx, db, in, hmstype.RoleID{}); err != nil {
			return err
		}
	}
	return nil
}
