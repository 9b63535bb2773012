package outbox

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// DiscardEventInput names a dead event that is never to be delivered.
type DiscardEventInput struct {
	Event  hmstype.OutboxEventID `json:"event"`  // required
	Reason string                `json:"reason"` // required: 3 to 500 characters, and no patient's data
}

// Validate implements the rules above.
func (in DiscardEventInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Event.IsZero(), "event")
	v.Text(in.Reason, "reason", 3, 500)
	return v.Err()
}

var opDiscardEvent = usecase.Command[DiscardEventInput, Undelivered]{
	Name: "outbox.discard_event", Permission: hmstype.PermOutboxManage,
	Shows:  usecase.Nobody[Undelivered]("type, ids and instants, without the event's data"),
	Sample: DiscardEventInput{Reason: "The receiver was shut down for good"},
}.Declare()

// DiscardEvent gives a dead event up for good: the host never gets it, and what waits behind it goes on. One that is
// not dead gives a [hmstype.TransitionError]. The trail keeps who decided it, and why.
// Permission: [hmstype.PermOutboxManage].
func (s *Service) DiscardEvent(ctx context.Context, in DiscardEventInput) (Undelivered, error) {
	return opDiscardEvent.Run(ctx, &s.base, in, discardEvent)
}

func discardEvent(ctx context.Context, db dbx.DB, in DiscardEventInput) (Undelivered, error) {
	rows, err := lockDead(ctx, db, StatusDiscarded, in.Event)
	if err != nil {
		return Undelivered{}, err
	}
	r := rows[0]
	decision := decided(db, r, decisionDiscard, in.Reason)
	if err := dbx.Insert(ctx, db, decision); err != nil {
		return Undelivered{}, err
	}
	r.Status, r.DiscardID = StatusDiscarded, decision.ID
	if _, err := db.NewUpdate().Model(&r).Column("status", "discard_id").WherePK().Exec(ctx); err != nil {
		return Undelivered{}, err
	}
	return r.undelivered(), wake(ctx, db, r.entity())
}
