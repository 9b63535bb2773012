package inbox

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
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
