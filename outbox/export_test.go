package outbox

import (
	"context"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// The statements of a claim, whose plans the tests read.
const (
	BlockedEvents = blockedEvents
	LockHeads     = lockHeads
)

// MaxAttempts and the others are what the documentation promises.
const (
	MaxAttempts = maxAttempts
	Lease       = lease
)

// Pause is how long an event waits after so many failures.
var Pause = pause

// Die is a relay whose process dies where dies says so, which is asked before each event: it stores nothing then.
// It tells how many events it had claimed.
func (s *Service) Die(ctx context.Context, dies func(Event) bool) (int, error) {
	c, err := opRelay.Run(ctx, &s.base, usecase.None{}, func(
		ctx context.Context, db dbx.DB, _ usecase.None,
	) (claim, error) {
		return takeOn(ctx, db)
	})
	if err != nil {
		return 0, err
	}
	for _, e := range c.events {
		if dies(e.Event) {
			return len(c.events), nil
		}
	}
	d := &delivery{base: &s.base, claim: c, taken: c.events, stopped: map[entity]bool{}}
	return len(c.events), d.confirm(ctx)
}
