package dbx

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
)

// Event is a change of state that others may care about. It is written in the use case's
// transaction and delivered later, at least once, in order per entity.
type Event struct {
	Type *EventType   // nil, in a [Machine], tells nobody
	ID   fmt.Stringer // the entity's id: events of one entity are delivered in order
	Data any          // marshalled to JSON: ids, codes and quantities, never a patient's data
}

// Emit writes the events to the outbox.
func (db DB) Emit(ctx context.Context, events ...Event) error {
	for _, e := range events {
		data, err := e.body()
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, `INSERT INTO hms.outbox (tenant_id, id, event_type, entity, entity_id, data, occurred_at,
			due_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
			db.Tenant(), hmstype.NewID[hmstype.OutboxEventID](), e.Type.Name, e.Type.Entity, e.ID.String(), data, db.Now)
		if err != nil {
			return err
		}
	}
	return nil
}
