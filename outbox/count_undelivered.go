package outbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Backlog is what is not delivered, by state: what a hospital's monitoring watches.
type Backlog struct {
	At      time.Time `json:"at,omitzero"` // the instant at which it was counted, UTC
	Waiting Pile      `json:"waiting"`
	Failing Pile      `json:"failing"`
	Dead    Pile      `json:"dead"` // somebody must retry or discard these
}

// Pile is the events of one state.
type Pile struct {
	Count  int64     `json:"count"`
	Oldest time.Time `json:"oldest,omitzero"` // when the oldest one occurred, UTC; zero for none
	// Age is how long ago that was; zero for none.
	Age time.Duration `json:"age"`
}

var opCountUndelivered = usecase.Query[usecase.None, Backlog]{
	Name: "outbox.count_undelivered", Permission: hmstype.PermOutboxRelay, Shows: usecase.Nobody[Backlog]("counts only"),
	Quiet: "counts rows, and tells of nobody",
}.Declare()

// CountUndelivered counts the events that are not delivered, and tells how old the oldest of each state is. What
// waits behind a dead event is waiting, and grows old. It costs as much as there are events not delivered.
// Permission: [hmstype.PermOutboxRelay].
func (s *Service) CountUndelivered(ctx context.Context) (Backlog, error) {
	return opCountUndelivered.Run(ctx, &s.base, usecase.None{}, countUndelivered)
}

func countUndelivered(ctx context.Context, db dbx.DB, _ usecase.None) (Backlog, error) {
	rows, err := db.Query(ctx, `SELECT status, count(*), min(occurred_at) FROM hms.outbox
		WHERE tenant_id = $1 AND delivered_at IS NULL AND discard_id IS NULL GROUP BY status`, db.Tenant())
	if err != nil {
		return Backlog{}, err
	}
	type counted struct {
		Pile
		status Status
	}
	all, err := scanAll(rows, func(c *counted) []any { return []any{&c.status, &c.Count, &c.Oldest} })
	if err != nil {
		return Backlog{}, err
	}
	b := Backlog{At: db.Now}
	piles := map[Status]*Pile{StatusWaiting: &b.Waiting, StatusFailing: &b.Failing, StatusDead: &b.Dead}
	for _, c := range all {
		*piles[c.status] = Pile{Count: c.Count, Oldest: c.Oldest.UTC(), Age: db.Now.Sub(c.Oldest)}
	}
	return b, nil
}
