package outbox

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RetryEventsInput names dead events.
type RetryEventsInput struct {
	Events []hmstype.OutboxEventID `json:"events"` // 1 to 500, each once
}

// maxRetried bounds the events of one call: a page of [Service.ListEvents].
const maxRetried = hmstype.MaxPageSize

// Validate implements the rules above.
func (in RetryEventsInput) Validate() error {
	var v hmstype.Validator
	v.Required(len(in.Events) > 0, "events")
	v.Check(len(in.Events) <= maxRetried, "events", "must be at most 500")
	seen := map[hmstype.OutboxEventID]bool{}
	for i, id := range in.Events {
		path := fmt.Sprintf("events[%d]", i)
		v.Required(!id.IsZero(), path)
		v.Check(!seen[id], path, "must be named once")
		seen[id] = true
	}
	return v.Err()
}

var opRetryEvents = usecase.Command[RetryEventsInput, int]{
	Name: "outbox.retry_events", Permission: hmstype.PermOutboxManage, Shows: usecase.Nobody[int]("counts only"),
	Sample: RetryEventsInput{Events: make([]hmstype.OutboxEventID, 1)},
}.Declare()

// RetryEvents makes dead events wait for a relay again, as if they had never failed, and tells how many: all of
// them, or none. One that is not dead gives a [hmstype.TransitionError]. The trail has who asked.
// Permission: [hmstype.PermOutboxManage].
func (s *Service) RetryEvents(ctx context.Context, in RetryEventsInput) (int, error) {
	return opRetryEvents.Run(ctx, &s.base, in, retryEvents)
}

func retryEvents(ctx context.Context, db dbx.DB, in RetryEventsInput) (int, error) {
	rows, err := lockDead(ctx, db, StatusWaiting, in.Events...)
	if err != nil {
		return 0, err
	}
	decisions := make([]decisionRow, len(rows))
	for i, r := range rows {
		decisions[i] = decided(db, r, decisionRetry, "")
	}
	if err := dbx.Insert(ctx, db, decisions...); err != nil {
		return 0, err
	}
	_, err = db.NewUpdate().Model((*row)(nil)).Set("status = ?", StatusWaiting).Set("due_at = ?", db.Now).
		Set("attempts = 0").Set("failure = ''").Set("failed_at = NULL").
		Where("tenant_id = ?", db.Tenant()).Where("id = ANY (?::uuid[])", dbx.Array(in.Events)).Exec(ctx)
	return len(rows), err
}
