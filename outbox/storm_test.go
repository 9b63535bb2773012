package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/outbox"
)

// fill puts n events of so many entities there, in turn, past the services: they are only there to be delivered.
func fill(tb testing.TB, env *dbtest.Env, n, entities int) {
	tb.Helper()
	_, err := env.DB.NewRaw(`INSERT INTO hms.outbox (tenant_id, id, event_type, entity, entity_id, data, occurred_at,
			recorded_at, due_at)
		SELECT ?::uuid, gen_random_uuid(), 'outbox.tested', 'bed', (i % ?)::text, jsonb_build_object('n', i / ?),
			?::timestamptz,
			?::timestamptz + i * interval '1 us', ?::timestamptz FROM generate_series(0, ? - 1) AS i`,
		env.Tenant, entities, entities, dbtest.Start, dbtest.Start, dbtest.Start, n).Exec(tb.Context())
	require.NoError(tb, err)
	_, err = env.DB.NewRaw(`ANALYZE hms.outbox`).Exec(tb.Context())
	require.NoError(tb, err)
}

// storm is what the receiver saw.
type storm struct {
	mu         sync.Mutex
	next       map[string]int // the number that the entity's next event has, where it was not seen yet
	deliveries int
	poison     string
	broken     []string
}

func (s *storm) seen() (total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.next {
		total += n
	}
	return total
}

// take is the receiver: it fails and panics at random, and never takes the third event of the poisoned entity.
func (s *storm) take(e outbox.Event) error {
	switch p := rand.Float64(); {
	case p < 0.02:
		return errors.New("at random")
	case p < 0.025:
		panic("at random")
	}
	var data struct{ N int }
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return err
	}
	if e.EntityID == s.poison && data.N == 2 {
		return errors.New("poison")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries++
	if data.N > s.next[e.EntityID] {
		s.broken = append(s.broken, "event "+strconv.Itoa(data.N)+" of "+e.EntityID+" came before the one that is before it")
	}
	s.next[e.EntityID] = max(s.next[e.EntityID], data.N+1)
	return nil
}

// stormSize is the number of events: HMS_TEST_OUTBOX_EVENTS=100000 for the whole.
func stormSize(t *testing.T) int {
	t.Helper()
	size := os.Getenv("HMS_TEST_OUTBOX_EVENTS")
	if size == "" {
		return 3000
	}
	n, err := strconv.Atoi(size)
	require.NoError(t, err)
	return n
}

// Eight relays, of which one in twenty calls dies with what it had claimed, and a receiver that fails at random: each
// event is delivered, in the order of its entity, and one that is never taken keeps nobody else waiting.
func TestService_Relay_ConcurrentStorm(t *testing.T) {
	t.Parallel()
	env := dbtest.NewOwn(t)
	s := outbox.New(env.Base)
	n := stormSize(t)
	const each = 10
	fill(t, env, n, n/each)
	st := &storm{next: map[string]int{}, poison: "7"}
	wanted := n - each + 2 // what is behind the poison waits
	began := time.Now()
	var calls, lost, dead, deaths int
	work := func() (claimed int) {
		var done outbox.Relayed
		var died int
		if rand.Float64() < 0.05 {
			_, err := s.Die(env.Ctx, func(e outbox.Event) bool {
				failed := func() (failed bool) {
					defer func() { failed = failed || recover() != nil }()
					return st.take(e) != nil
				}()
				return failed || rand.Float64() < 0.05
			})
			require.NoError(t, err)
			died, done.Claimed = 1, 1
		} else {
			var err error
			done, err = s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error { return st.take(e) })
			var failed *outbox.DeliveryError
			if err != nil {
				require.ErrorAs(t, err, &failed)
			}
		}
		st.mu.Lock()
		defer st.mu.Unlock()
		calls, lost, dead, deaths = calls+1, lost+done.Lost, dead+done.Dead, deaths+died
		return done.Claimed
	}
	var relays sync.WaitGroup
	for range 8 {
		relays.Go(func() {
			for st.seen() < wanted {
				if work() == 0 {
					env.Clock.Advance(15 * time.Second) // pauses and leases pass
				}
			}
		})
	}
	relays.Wait()
	t.Logf("%d events, %d deliveries, %d calls, %d deaths of relays, %d late confirmations: %v",
		n, st.deliveries, calls, deaths, lost, time.Since(began).Round(time.Millisecond))
	require.Empty(t, st.broken)
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT deadlocks FROM pg_stat_database
		WHERE datname = current_database()`),
		"relays never wait for each other in a circle")

	for dead == 0 { // what nobody takes is given up, and what is behind it waits for a decision
		env.Clock.Advance(15 * time.Minute)
		work()
	}
	require.Equal(t, wanted, st.seen())
	list, err := s.ListEvents(env.Ctx, outbox.ListEventsInput{Status: outbox.StatusDead})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	_, err = s.DiscardEvent(env.Ctx, outbox.DiscardEventInput{Event: list.Items[0].ID, Reason: "it is poison"})
	require.NoError(t, err)
	st.next[st.poison] = 3
	for left := int64(1); left > 0; {
		env.Clock.Advance(15 * time.Minute)
		work()
		backlog, err := s.CountUndelivered(env.Ctx)
		require.NoError(t, err)
		left = backlog.Waiting.Count + backlog.Failing.Count + backlog.Dead.Count
	}
	require.Empty(t, st.broken)
	require.Equal(t, n, st.seen())
	require.Equal(t, n-1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.outbox
		WHERE tenant_id = ? AND status = 'delivered'`, env.Tenant))
}
