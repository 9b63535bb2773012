package outbox

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// What may be decided of a dead event.
const (
	decisionRetry   = "retry"
	decisionDiscard = "discard"
)

// decisionRow keeps what was decided, and of which event; nobody changes it.
type decisionRow struct {
	bun.BaseModel `bun:"table:hms.outbox_decision"`
	dbx.Tenanted
	ID         hmstype.OutboxDecisionID `bun:"id,pk"`
	CreatedAt  time.Time
	CreatedBy  hmstype.ActorRef
	Decision   string
	Reason     string
	EventID    hmstype.OutboxEventID
	EventType  string
	Entity     string
	EntityID   string
	OccurredAt time.Time
	Attempts   int
	Failure    string
}

func decided(db dbx.DB, r row, decision, reason string) decisionRow {
	return decisionRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.OutboxDecisionID](), CreatedAt: db.Now,
		CreatedBy: db.By(), Decision: decision, Reason: reason, EventID: r.ID, EventType: r.EventType, Entity: r.Entity,
		EntityID: r.EntityID, OccurredAt: r.OccurredAt, Attempts: r.Attempts, Failure: r.Failure,
	}
}

// lockDead locks events that must all be dead, in the order in which relays lock.
func lockDead(ctx context.Context, db dbx.DB, to Status, ids ...hmstype.OutboxEventID) ([]row, error) {
	rows, err := dbx.All[row](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.id = ANY (?::uuid[])", dbx.Array(ids)).Order("recorded_at", "id")
	}, dbx.ForUpdate)
	if err != nil {
		return nil, err
	}
	found := make(map[hmstype.OutboxEventID]bool, len(rows))
	for _, r := range rows {
		found[r.ID] = true
		if err := Transitions.Check("outbox", r.Status, to); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, hmstype.NotFound("outbox", id)
		}
	}
	return rows, nil
}
