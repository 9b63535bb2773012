package outbox

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
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

// Status is where an event stands on its way to the host.
type Status string

// The states of an event.
const (
	StatusWaiting   Status = "waiting"   // for a relay, or for an earlier event of its entity
	StatusFailing   Status = "failing"   // was not taken, and comes again after a pause
	StatusDead      Status = "dead"      // given up, until somebody retries or discards it
	StatusDelivered Status = "delivered" // final
	StatusDiscarded Status = "discarded" // final: somebody decided that it is never delivered
)

// Transitions are the steps that an event may take.
var Transitions = hmstype.Transitions[Status]{
	StatusWaiting: {StatusFailing, StatusDelivered, StatusDead},
	StatusFailing: {StatusDelivered, StatusDead},
	StatusDead:    {StatusWaiting, StatusDiscarded},
}

// row is an event with what the relays know of it.
type row struct {
	bun.BaseModel `bun:"table:hms.outbox"`
	dbx.Tenanted
	ID         hmstype.OutboxEventID `bun:"id,pk"`
	EventType  string
	Entity     string
	EntityID   string
	Data       json.RawMessage `bun:"type:jsonb"`
	OccurredAt time.Time
	RecordedAt time.Time
	Status     Status
	DueAt      time.Time `bun:",nullzero"`
	Attempts   int
	Failure    string
	FailedAt   time.Time `bun:",nullzero"`
	LeaseUntil time.Time `bun:",nullzero"`

	DiscardID hmstype.OutboxDecisionID `bun:",nullzero"`
}

// Position implements dbx.Positioned.
func (r row) Position() hmstype.Position {
	return hmstype.Position{At: r.OccurredAt, ID: uuid.UUID(r.ID)}
}

// open selects what is neither delivered nor discarded, in the words of the indexes.
const open = `delivered_at IS NULL AND discard_id IS NULL`

// entity is what events are in order of.
type entity struct{ table, id string }

func (r row) entity() entity { return entity{r.Entity, r.EntityID} }

// columns gives the entities as two lists, for unnest.
func columns(entities []entity) (tables, ids []string) {
	for _, e := range entities {
		tables, ids = append(tables, e.table), append(ids, e.id)
	}
	return tables, ids
}
