package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/outbox"
)

// bench is a test's outbox with some beds that have events.
type bench struct {
	*dbtest.Env
	t    *testing.T
	s    *outbox.Service
	beds []hmstype.BedID
}

func newBench(t *testing.T, beds, each int) *bench {
	t.Helper()
	env := dbtest.New(t)
	b := &bench{Env: env, t: t, s: outbox.New(env.Base)}
	for range beds {
		b.beds = append(b.beds, hmstype.NewID[hmstype.BedID]())
	}
	emit(t, env, b.beds, each)
	return b
}

var errBus = errors.New("the bus does not take it")

// relay calls Relay once with a function that takes all but the events of these beds.
func (b *bench) relay(refused ...hmstype.BedID) (outbox.Relayed, []int, error) {
	b.t.Helper()
	var taken []int
	done, err := b.s.Relay(b.Ctx, func(_ context.Context, e outbox.Event) error {
		for _, bed := range refused {
			if e.EntityID == bed.String() {
				return errBus
			}
		}
		taken = append(taken, number(b.t, e))
		return nil
	})
	return done, taken, err
}

func (b *bench) list(status outbox.Status) []outbox.Undelivered {
	b.t.Helper()
	list, err := b.s.ListEvents(b.Ctx, outbox.ListEventsInput{Status: status})
	require.NoError(b.t, err)
	return list.Items
}

// kill lets the events of the bed fail until the first one is dead, and gives that.
func (b *bench) kill(bed hmstype.BedID) outbox.Undelivered {
	b.t.Helper()
	for range outbox.MaxAttempts {
		_, _, err := b.relay(bed)
		require.ErrorIs(b.t, err, errBus)
		b.Clock.Advance(15 * time.Minute)
	}
	dead := b.list(outbox.StatusDead)
	require.Len(b.t, dead, 1)
	return dead[0]
}

func TestPause(t *testing.T) {
	t.Parallel()
	for failures, whole := range map[int]time.Duration{
		1: 5 * time.Second, 2: 10 * time.Second, 8: 640 * time.Second, 9: 15 * time.Minute, 49: 15 * time.Minute,
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			p := outbox.Pause(failures)
			require.GreaterOrEqual(t, p, whole/2)
			require.LessOrEqual(t, p, whole)
			seen[p] = true
		}
		require.Greater(t, len(seen), 100, "chance takes its part")
	}
}

// What fails comes again after its pause, and is dead after fifty failures. Its entity waits, the rest goes on.
func TestService_Relay_DeadLetter(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 3)
	done, taken, err := b.relay(b.beds[0])
	var failed *outbox.DeliveryError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, []any{1, false, "*errors.errorString"}, []any{failed.Attempts, failed.Dead, failed.Failure})
	require.NotContains(t, err.Error(), errBus.Error(), "the host's text is the host's")
	require.Equal(t, outbox.Relayed{Claimed: 6, Delivered: 3, Failed: 1}, done)
	require.Equal(t, []int{0, 1, 2}, taken)

	done, _, err = b.relay(b.beds[0])
	require.NoError(t, err)
	require.Zero(t, done, "the pause is not over")
	require.Len(t, b.list(outbox.StatusWaiting), 2)
	failing := b.list(outbox.StatusFailing)
	require.Len(t, failing, 1)
	require.Equal(t, failed.Event, failing[0].ID)
	require.WithinRange(t, failing[0].DueAt, b.Clock.Now().Add(2500*time.Millisecond), b.Clock.Now().Add(5*time.Second))
	require.Equal(t, b.Clock.Now(), failing[0].FailedAt)

	for i := 2; i <= outbox.MaxAttempts; i++ {
		b.Clock.Advance(15 * time.Minute)
		done, _, err = b.relay(b.beds[0])
		require.ErrorAs(t, err, &failed)
		require.Equal(t, i, failed.Attempts)
		require.Equal(t, i == outbox.MaxAttempts, failed.Dead)
	}
	require.Equal(t, 1, done.Dead)
	b.Clock.Advance(24 * time.Hour)
	emit(t, b.Env, b.beds, 1)
	done, taken, err = b.relay()
	require.NoError(t, err)
	require.Equal(t, outbox.Relayed{Claimed: 1, Delivered: 1}, done, "a dead event's entity waits for a decision")
	require.Equal(t, []int{0}, taken)

	backlog, err := b.s.CountUndelivered(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, outbox.Pile{Count: 3, Oldest: dbtest.Start, Age: b.Clock.Now().Sub(dbtest.Start)}, backlog.Waiting)
	require.Equal(t, int64(1), backlog.Dead.Count)
	require.Zero(t, backlog.Failing)
}

// Where the host says that trying again is of no use, nobody does.
func TestService_Relay_Undeliverable(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 2)
	done, err := b.s.Relay(b.Ctx, func(context.Context, outbox.Event) error {
		return fmt.Errorf("HTTP 410: %w", outbox.ErrUndeliverable)
	})
	require.ErrorIs(t, err, outbox.ErrUndeliverable)
	require.Equal(t, outbox.Relayed{Claimed: 2, Failed: 1, Dead: 1}, done)
	require.Equal(t, "undeliverable", b.list(outbox.StatusDead)[0].Failure)
}

func TestService_RetryEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 3)
	dead := b.kill(b.beds[0])
	_, err := b.s.RetryEvents(b.As(t, "Doctor"), outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead.ID}})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	unknown := hmstype.NewID[hmstype.OutboxEventID]()
	_, err = b.s.RetryEvents(b.Ctx, outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead.ID, unknown}})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.s.RetryEvents(b.Ctx, outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead.ID, dead.ID}})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.Len(t, b.list(outbox.StatusDead), 1, "all or none")

	n, err := b.s.RetryEvents(b.Ctx, outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead.ID}})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = b.s.RetryEvents(b.Ctx, outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead.ID}})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	done, taken, err := b.relay()
	require.NoError(t, err)
	require.Equal(t, outbox.Relayed{Claimed: 3, Delivered: 3}, done)
	require.Equal(t, []int{0, 1, 2}, taken)
}

func TestService_DiscardEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 3)
	alive := b.list(outbox.StatusWaiting)[1]
	_, err := b.s.DiscardEvent(b.Ctx, outbox.DiscardEventInput{Event: alive.ID, Reason: "not dead"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	dead := b.kill(b.beds[0])
	_, err = b.s.DiscardEvent(b.Ctx, outbox.DiscardEventInput{Event: dead.ID, Reason: "  "})
	require.Equal(t, "reason", hmstype.Fields(err)[0].Path)
	gone, err := b.s.DiscardEvent(b.Ctx, outbox.DiscardEventInput{Event: dead.ID, Reason: "the receiver is gone"})
	require.NoError(t, err)
	require.Equal(t, outbox.StatusDiscarded, gone.Status)
	require.Equal(t, "the receiver is gone", dbtest.Scalar[string](t, b.Env, `SELECT changes ->> 'reason'
		FROM hms.audit_event WHERE tenant_id = ? AND entity = 'outbox_decision' AND operation = 'outbox.discard_event'`,
		b.Tenant))
	_, taken, err := b.relay()
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, taken, "what waited behind it goes on")

	b.Clock.Advance(time.Hour)
	purged, err := b.s.Purge(b.Ctx, outbox.PurgeInput{DeliveredBefore: b.Clock.Now()})
	require.NoError(t, err)
	require.Equal(t, int64(3), purged)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.outbox_decision
		WHERE tenant_id = ?`, b.Tenant))
}

// Nothing of what the host's function says of a failure is kept.
func TestService_Relay_KeepsNoTextOfAFailure(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 1)
	secret := "Ada Lovelace, born 1815"
	fail := []func() error{
		func() error { return errors.New(secret) }, func() error { panic(secret) },
		func() error { return hmstype.NotFound(secret, b.Tenant) }, func() error { return context.DeadlineExceeded },
	}
	done, err := b.s.Relay(b.Ctx, func(context.Context, outbox.Event) error {
		f := fail[0]
		fail = fail[1:]
		return f()
	})
	require.Equal(t, outbox.Relayed{Claimed: 4, Failed: 4}, done)
	require.NotContains(t, err.Error(), secret)
	var panicked *outbox.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Equal(t, secret, panicked.Value)
	require.Contains(t, string(panicked.Stack), "failing_test.go")
	var classes []string
	for _, e := range b.list(outbox.StatusFailing) {
		classes = append(classes, e.Failure)
	}
	require.Equal(t, []string{"*errors.errorString", "panic", "not_found", "deadline_exceeded"}, classes)
	require.Zero(t, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.outbox AS o
		WHERE tenant_id = ? AND to_jsonb(o)::text LIKE '%Ada%'`, b.Tenant))
}

// Who is told to stop stores what was taken and gives the rest back at once.
func TestService_Relay_StopsCleanly(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(cancel func()) error{
		"cancelled, and the function takes the event": func(cancel func()) error { cancel(); return nil },
		"cancelled, and the function heeds it":        func(cancel func()) error { cancel(); return context.Canceled },
		"the function ends its goroutine":             func(func()) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 2, 3)
			ctx, cancel := context.WithCancel(b.Ctx)
			defer cancel()
			calls, ended := 0, make(chan error, 1)
			go func() {
				err := errors.New("ended")
				defer func() { ended <- err }()
				_, err = b.s.Relay(ctx, func(ctx context.Context, _ outbox.Event) error {
					until, ok := ctx.Deadline()
					if !ok || time.Until(until) > outbox.Lease {
						t.Error("the function's context ends with the lease")
					}
					if calls++; calls == 3 {
						return stop(cancel)
					}
					return nil
				})
			}()
			require.Error(t, <-ended)
			require.Equal(t, 3, calls)
			require.Empty(t, b.list(outbox.StatusFailing))
			for _, e := range b.list(outbox.StatusWaiting) {
				require.Zero(t, e.LeaseUntil)
			}
			done, _, err := b.relay()
			require.NoError(t, err)
			require.Contains(t, []int{3, 4}, done.Delivered, "at once, and all of it")
		})
	}
}

// In a host's transaction there is nothing to relay.
func TestService_Relay_RefusesATransaction(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 1)
	tx, err := b.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	bound := outbox.New(b.Base.Bind(tx, b.Identity))
	_, err = bound.Relay(b.Ctx, func(context.Context, outbox.Event) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, outbox.ErrInTransaction)
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
}
