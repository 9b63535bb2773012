package identity

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of the staff inside the transaction of a use case that asked for its
// permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// OnDuty gives who is there at an instant, each once: those on duty before those on call, and among them who came
// first before the others, by the rules of [Service.ListOnDuty]. An empty ward, service or role's name
// selects everything. Nobody is no error. It runs in the caller's transaction.
func (p Port) OnDuty(
	ctx context.Context, conn bun.IConn, ward hmstype.WardID, service, role string, at time.Time,
) ([]hmstype.UserID, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[dutyRow](ctx, db, DutyPlace{Ward: ward, Service: service}.selected(), onDutyAt(db, at, role),
		func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.OrderExpr("d.kind = ? DESC, d.starts_at, d.id", DutyOnDuty)
		})
	users := make([]hmstype.UserID, 0, len(rows))
	for _, r := range rows {
		if !slices.Contains(users, r.UserID) {
			users = append(users, r.UserID)
		}
	}
	return users, dbx.Map(err)
}

// RequireRole refuses a name that no role of the tenant has, in any case, width and spacing: it is not found.
func (p Port) RequireRole(ctx context.Context, conn bun.IConn, name string) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	known, err := dbx.Exists[roleRow](ctx, db, dbx.Equal("name_key", names.NameKey(name)))
	if err == nil && !known {
		err = &hmstype.Error{Entity: "role", Err: hmstype.ErrNotFound}
	}
	return dbx.Map(err)
}
