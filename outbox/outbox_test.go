package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/outbox"
)

var eventTest = dbx.DeclareEvent(dbx.EventType{Name: "outbox.tested", Entity: "bed", Data: []string{"n"}})

// emit writes the events first to last of some entities.
func emit(t *testing.T, env *dbtest.Env, entities []hmstype.BedID, each int) {
	t.Helper()
	for i := range each {
		for _, id := range entities {
			require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
				return db.Emit(ctx, dbx.Event{Type: eventTest, ID: id, Data: map[string]int{"n": i}})
			}))
		}
	}
}

// What a test tells must be in the catalogue, name by name.
func TestEvents_AreHeldAgainstTheirType(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		id := hmstype.NewID[hmstype.BedID]()
		return db.Emit(ctx, dbx.Event{Type: eventTest, ID: id, Data: map[string]int{"more": 1}})
	})
	require.ErrorContains(t, err, `"more" is not declared`)
	require.Panics(t, func() { dbx.DeclareEvent(*eventTest) }, "declared twice")
}

func number(t *testing.T, e outbox.Event) int {
	t.Helper()
	var n int
	_, err := fmt.Sscanf(string(e.Data), `{"n": %d}`, &n)
	require.NoError(t, err)
	return n
}

func TestService_Relay(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := outbox.New(env.Base)
	entities := []hmstype.BedID{hmstype.NewID[hmstype.BedID](), hmstype.NewID[hmstype.BedID]()}
	emit(t, env, entities, 3)

	broken := errors.New("the bus is down")
	n, err := s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
		if e.EntityID == entities[1].String() {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, outbox.Relayed{Claimed: 6, Delivered: 3, Failed: 1}, n, "the other entity's go out all the same")

	env.Clock.Advance(time.Minute)
	next := map[string]int{entities[0].String(): 3, entities[1].String(): 0}
	for n.Claimed > 0 {
		n, err = s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
			require.Equal(t, next[e.EntityID], number(t, e), "events of one entity come in order")
			next[e.EntityID]++
			return nil
		})
		require.NoError(t, err)
	}
	require.Equal(t, map[string]int{entities[0].String(): 3, entities[1].String(): 3}, next)

	env.Clock.Advance(time.Hour)
	gone, err := s.Purge(env.Ctx, outbox.PurgeInput{DeliveredBefore: env.Clock.Now()})
	require.NoError(t, err)
	require.Equal(t, int64(6), gone)
	_, err = s.Relay(env.As(t, identity.RoleDoctor), func(context.Context, outbox.Event) error { return nil })
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_Relay_ConcurrentRelaysDeliverEachOnceInOrder(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := outbox.New(env.Base)
	entities := make([]hmstype.BedID, 8)
	for i := range entities {
		entities[i] = hmstype.NewID[hmstype.BedID]()
	}
	emit(t, env, entities, 6)
	var mu sync.Mutex
	next := map[string]int{}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for idle := 0; idle < 3; {
				n, err := s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
					mu.Lock()
					defer mu.Unlock()
					if got := number(t, e); got != next[e.EntityID] {
						t.Errorf("event %d came when %d was due", got, next[e.EntityID])
					}
					next[e.EntityID]++
					return nil
				})
				if err != nil {
					t.Errorf("relay: %v", err)
					return
				}
				if n.Claimed == 0 {
					idle++
				}
			}
		})
	}
	wg.Wait()
	for more := true; more; { // what was locked while others looked
		n, err := s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error { next[e.EntityID]++; return nil })
		require.NoError(t, err)
		more = n.Claimed > 0
	}
	for _, id := range entities {
		require.Equal(t, 6, next[id.String()])
	}
}
