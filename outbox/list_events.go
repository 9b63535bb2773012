package outbox

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Undelivered is an event that is not delivered, without its data: what one needs to decide what becomes of it.
type Undelivered struct {
	ID         hmstype.OutboxEventID `json:"id"`
	Type       string                `json:"type"`                // such as "pharmacy.dispensed"
	Entity     string                `json:"entity"`              // such as "dispense"
	EntityID   string                `json:"entityId"`            // later events of it wait for this one
	OccurredAt time.Time             `json:"occurredAt,omitzero"` // UTC
	Status     Status                `json:"status"`              // waiting, failing or dead
	Attempts   int                   `json:"attempts"`            // failures so far
	Failure    string                `json:"failure,omitempty"`   // the last one's kind or type of error; empty for none
	FailedAt   time.Time             `json:"failedAt,omitzero"`   // when that was, UTC
	DueAt      time.Time             `json:"dueAt,omitzero"`      // not before, UTC; zero behind an earlier event
	LeaseUntil time.Time             `json:"leaseUntil,omitzero"` // until when a relay has it, UTC; zero for none
}

// ListEventsInput says which events are listed.
type ListEventsInput struct {
	Status Status       `json:"status"` // waiting, failing or dead; required
	Page   hmstype.Page `json:"page"`
}

// Validate implements the rules above.
func (in ListEventsInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", StatusWaiting, StatusFailing, StatusDead)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListEvents = usecase.Query[ListEventsInput, hmstype.List[Undelivered]]{
	Name: "outbox.list_events", Permission: hmstype.PermOutboxManage,
	Shows: usecase.Nobody[hmstype.List[Undelivered]]("types, ids and instants, without the events' data"),
	Quiet: "tells of changes by their ids; who saw more is on the trail", Sample: ListEventsInput{Status: StatusDead},
}.Declare()

// ListEvents lists the events of a state that are not delivered, the oldest first.
// Permission: [hmstype.PermOutboxManage].
func (s *Service) ListEvents(ctx context.Context, in ListEventsInput) (hmstype.List[Undelivered], error) {
	return opListEvents.Run(ctx, &s.base, in, func(
		ctx context.Context, db dbx.DB, in ListEventsInput,
	) (hmstype.List[Undelivered], error) {
		return dbx.List(ctx, db, in.Page, dbx.Order{At: "occurred_at"}, row.undelivered,
			func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("?TableAlias.status = ?", in.Status).Where(open)
			})
	})
}

func (r row) undelivered() Undelivered {
	return Undelivered{
		ID: r.ID, Type: r.EventType, Entity: r.Entity, EntityID: r.EntityID, OccurredAt: r.OccurredAt.UTC(),
		Status: r.Status, Attempts: r.Attempts, Failure: r.Failure, FailedAt: r.FailedAt.UTC(), DueAt: r.DueAt.UTC(),
		LeaseUntil: r.LeaseUntil.UTC(),
	}
}
