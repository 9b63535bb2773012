package hospital_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// tickingClock is the library's clock: the test's, and a microsecond more at every reading, so that
// no two readings are alike and none is a time that the test put into an input.
type tickingClock struct {
	mu       sync.Mutex
	base     func() time.Time
	n        int
	readings map[time.Time]bool
}

func (c *tickingClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	at := c.base().UTC().Add(time.Duration(c.n) * time.Microsecond)
	c.readings[at] = true
	return at
}

// reading tells whether a text is an instant that the library read off its clock.
func (c *tickingClock) reading(text string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, err := time.Parse(time.RFC3339Nano, text)
	at = at.UTC()
	return at, err == nil && c.readings[at]
}

// written is one event of the trail with an instant among what was written.
type written struct {
	Xid, Operation, Entity, Field, Value string
}

// noteTransactions notes which transaction wrote an event: that it was delivered another one writes into its row.
func noteTransactions(t *testing.T, env *hmstest.Env) {
	t.Helper()
	for _, statement := range []string{
		`CREATE TABLE public.event_xid (id uuid, xid text)`,
		`CREATE FUNCTION public.note_xid() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			INSERT INTO public.event_xid VALUES (NEW.id, pg_current_xact_id()::text); RETURN NULL; END $$`,
		`CREATE TRIGGER note_xid AFTER INSERT ON hms.outbox FOR EACH ROW EXECUTE FUNCTION public.note_xid()`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// Every instant that one transaction takes off the clock is the same one, whatever it writes, in
// which table, through which port, in the outbox. The clock ticks at every reading.
func TestOperation_HasOneInstant(t *testing.T) {
	t.Parallel()
	clock := &tickingClock{readings: map[time.Time]bool{}}
	env := hmstest.NewOwn(t, day.WithLog(t), func(c *hms.Config) { c.Now = clock.now })
	clock.base = env.Now
	noteTransactions(t, env)
	fixture.LivedDay(t, env)

	var all []written
	err := env.DB.NewRaw(`SELECT e.xid::text AS xid, e.operation, e.entity, f.key AS field,
			CASE e.action WHEN 'update' THEN f.value ->> 1 ELSE f.value #>> '{}' END AS value
		FROM hms.audit_event AS e CROSS JOIN LATERAL jsonb_each(e.changes) AS f
		WHERE e.tenant_id = ? AND e.action IN ('create', 'update')
		ORDER BY e.xid`, env.Tenant).Scan(t.Context(), &all)
	require.NoError(t, err)
	known := map[time.Time]string{} // the transaction that wrote an instant first; later ones may copy it
	where := map[string]map[time.Time][]string{}
	dated := map[string]bool{} // the transactions that wrote an instant on the trail
	for _, w := range all {    // in the order of transactions
		at, ok := clock.reading(w.Value)
		if !ok {
			continue
		}
		key := w.Xid + " " + w.Operation
		if known[at] == "" {
			known[at] = key
		}
		dated[w.Xid] = true
		if known[at] == key {
			if where[key] == nil {
				where[key] = map[time.Time][]string{}
			}
			where[key][at] = append(where[key][at], w.Entity+"."+w.Field)
		}
	}
	require.Greater(t, len(where), 50, "the day had that many transactions")
	for key, instants := range where {
		var report []string
		for at, fields := range instants {
			report = append(report, fmt.Sprintf("%s: %s", at.Format("05.000000"), strings.Join(fields, ", ")))
		}
		require.Len(t, instants, 1, "%s read the clock more than once:\n%s", key, strings.Join(report, "\n"))
	}

	// What the trail does not repeat: the outbox and the histories of states.
	queries := []string{`SELECT o.event_type AS what, o.occurred_at AS at, e.xid, o.tenant_id FROM hms.outbox AS o
		JOIN public.event_xid AS e ON e.id = o.id`}
	for _, table := range dbtest.Texts(t, env.DB, `SELECT c.relname FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'stepped_at' WHERE n.nspname = 'hms'
			AND c.relkind = 'r'`) {
		queries = append(queries, fmt.Sprintf(`SELECT '%s', stepped_at, xmin::text, tenant_id FROM hms.%s`, table, table))
	}
	var events []struct {
		What, Xid string
		At        time.Time
	}
	err = env.DB.NewRaw(`SELECT what, at, xid FROM (`+strings.Join(queries, " UNION ALL ")+`) AS e WHERE tenant_id = ?`,
		env.Tenant).
		Scan(t.Context(), &events)
	require.NoError(t, err)
	require.NotEmpty(t, events)
	apart := map[string]bool{}
	alone := map[string]time.Time{} // of transactions that wrote no instant but such
	for _, e := range events {
		at := e.At.UTC()
		if known[at] != "" {
			continue
		}
		if first, met := alone[e.Xid]; dated[e.Xid] || (met && first != at) {
			apart[e.What] = true
		}
		alone[e.Xid] = at
	}
	require.Empty(t, slices.Sorted(maps.Keys(apart)), "these have an instant that nothing else of their transaction has")
}
