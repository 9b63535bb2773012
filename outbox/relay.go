package outbox

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Event is one change of state, as it is delivered.
type Event struct {
	ID         hmstype.OutboxEventID `json:"id"`         // the same at each delivery: drop what you have seen
	Type       string                `json:"type"`       // such as "pharmacy.dispensed"
	Entity     string                `json:"entity"`     // such as "dispense"
	EntityID   string                `json:"entityId"`   // events of one entity come in order
	Data       json.RawMessage       `json:"data"`       // ids, codes and quantities; no patient's data
	OccurredAt time.Time             `json:"occurredAt"` // UTC
}

// relayBatch is the number of events of one transaction.
const relayBatch = 100

type eventRow struct {
	bun.BaseModel `bun:"table:hms.outbox"`
	dbx.Tenanted
	ID          hmstype.OutboxEventID `bun:"id,pk"`
	EventType   string
	Entity      string
	EntityID    string
	Data        json.RawMessage `bun:"type:jsonb"`
	OccurredAt  time.Time
	DeliveredAt time.Time `bun:",nullzero"`
}

// delivery is what one call of Relay did; the failure of fn must not undo what it took.
type delivery struct {
	count  int
	failed error
}

// Given gives how many were delivered, for a hook.
func (d delivery) Given() any { return d.count }

var opRelay = usecase.Command[usecase.None, delivery]{
	Name: "outbox.relay", Permission: hmstype.PermOutboxRelay, Shows: usecase.Nobody[delivery]("counts only"),
	Quiet: "marks what was delivered; the events tell of changes that are on the trail",
}.Declare()

// Relay hands waiting events to fn, at most a hundred, oldest first, and tells how many
// fn took; call it again until it gives none. fn gets an event a second time if the
// process dies between fn's success and our commit. Where fn fails, that event and the
// later ones of its entity wait for the next call, and fn's error is returned.
//
// Several relays may run at once: none gets an event that another is delivering, nor one
// of an entity whose earlier event waits.
// Permission: [hmstype.PermOutboxRelay].
func (s *Service) Relay(ctx context.Context, fn func(context.Context, Event) error) (int, error) {
	done, err := opRelay.Run(ctx, &s.base, usecase.None{}, func(
		ctx context.Context, db dbx.DB, _ usecase.None,
	) (delivery, error) {
		return deliver(ctx, db, fn)
	})
	if err != nil {
		return 0, err
	}
	return done.count, done.failed
}

func deliver(ctx context.Context, db dbx.DB, fn func(context.Context, Event) error) (delivery, error) {
	rows, err := dbx.All[eventRow](ctx, db, firstOfEntity)
	if err != nil {
		return delivery{}, err
	}
	var done delivery
	for _, row := range rows {
		if done.failed = fn(ctx, row.event()); done.failed != nil {
			break
		}
		row.DeliveredAt = db.Now
		if _, err := db.NewUpdate().Model(&row).Column("delivered_at").WherePK().Exec(ctx); err != nil {
			return delivery{}, err
		}
		done.count++
	}
	return done, nil //nolint:nilerr // fn's failure must not undo what it took; Relay returns it
}

// firstOfEntity selects the oldest waiting event of each entity and locks it, passing
// over what another relay has locked.
func firstOfEntity(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("?TableAlias.delivered_at IS NULL").
		Where(`NOT EXISTS (SELECT 1 FROM hms.outbox AS earlier
			WHERE earlier.tenant_id = ?TableAlias.tenant_id AND earlier.entity = ?TableAlias.entity
			AND earlier.entity_id = ?TableAlias.entity_id AND earlier.delivered_at IS NULL
			AND earlier.id < ?TableAlias.id)`).
		Order("id").Limit(relayBatch).For("UPDATE OF ?TableAlias SKIP LOCKED")
}

func (r eventRow) event() Event {
	return Event{
		ID: r.ID, Type: r.EventType, Entity: r.Entity, EntityID: r.EntityID,
		Data: r.Data, OccurredAt: r.OccurredAt.UTC(),
	}
}
