package isolation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/usecase"
)

// ask is one call of a service's method with one choice of ids: those of the caller's own day,
// and in the places that are aimed at those of the victim's, or of nobody's.
type ask struct {
	service string
	called  reflect.Method
	omit    []string // fields that are left zero
	aim     int      // the place of an id that is aimed at; everywhere: all
	latest  bool     // the victim's last id of the kind, not his first
	nobody  bool     // ids that exist nowhere stand for the victim's
	turn    int      // which of his own ids the caller takes
	victim  *day.Day
	own     *day.Day
	tables  []string // where the caller's rows are

	declared map[string]usecase.Info

	place  int             // counts the places of ids
	given  map[string]bool // the ids that were put in for the victim's
	choice bool            // the victim has more than one id of a kind that was aimed at
	more   bool            // the caller has more of his own than those of this turn
}

// everywhere and nowhere are aims beside the places.
const (
	everywhere = -1
	nowhere    = -2
)

// name is the method's, such as "pharmacy.Dispense".
func (a *ask) name() string { return method.DomainOf(a.called.Type.In(0)) + "." + a.called.Name }

// where names the call in a failure.
func (a *ask) where() string { return fmt.Sprintf("%s without %v, id %d", a.name(), a.omit, a.aim) }

// id gives the id for the next place.
func (a *ask) id(t reflect.Type) reflect.Value {
	aimed := a.aim == everywhere || a.aim == a.place
	a.place++
	if known := a.own.IDs[t]; !aimed && len(known) > 0 {
		a.more = a.more || len(known) > a.turn+1
		return known[min(a.turn, len(known)-1)]
	}
	id := reflect.New(t).Elem()
	fresh := uuid.Must(uuid.NewV7())
	reflect.Copy(id, reflect.ValueOf(fresh[:]))
	if known := a.victim.IDs[t]; aimed && len(known) > 0 {
		a.choice = a.choice || len(known) > 1
		switch {
		case a.nobody:
		case a.latest:
			id = known[len(known)-1]
		default:
			id = known[0]
		}
	}
	if aimed {
		a.given[fmt.Sprint(id.Interface())] = true
	}
	return id
}

// fill gives a value that a validation lets pass, with ids in all places for them.
func (a *ask) fill(t reflect.Type, path string) reflect.Value {
	if kind, ok := idTexts[path]; ok {
		return reflect.ValueOf(fmt.Sprint(a.id(kind).Interface()))
	}
	if method.IsID(t) {
		return a.id(t)
	}
	for _, sample := range []any{fields[path], samples[t]} {
		if sample != nil {
			return reflect.ValueOf(sample).Convert(t)
		}
	}
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.IsExported() && !slices.Contains(a.omit, f.Name) {
				v.Field(i).Set(a.fill(f.Type, t.Name()+"."+f.Name))
			}
		}
	case reflect.Slice:
		v = reflect.Append(v, a.fill(t.Elem(), path))
	case reflect.String:
		v.SetString("some text")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	default: // stays zero
	}
	return v
}

// isPort tells whether the method runs on the connection of a use case that made its settings.
func (a *ask) isPort() bool {
	return a.called.Type.NumIn() > 2 && a.called.Type.In(2) == reflect.TypeFor[bun.IConn]()
}

// arguments are those after the service and the context.
func (a *ask) arguments(conn bun.IConn) []reflect.Value {
	var args []reflect.Value
	for i := 2; i < a.called.Type.NumIn(); i++ {
		if i == 2 && a.isPort() {
			args = append(args, reflect.ValueOf(conn))
			continue
		}
		args = append(args, a.input(a.called.Type.In(i)))
	}
	return args
}

// input gives the sample that the method's declaration has, with ids in all places for them.
func (a *ask) input(t reflect.Type) reflect.Value {
	if v, ok := method.Sample(a.declared[method.Operation(a.name())], t, a.id, a.omit...); ok {
		return v
	}
	return a.fill(t, a.called.Name)
}

// reply is what a call brought.
type reply struct {
	kind  hms.Kind
	text  string   // the result as JSON, or the error's text; all ids made alike
	ids   []string // in the result or the error
	stays []string // tables with a row of the caller that holds an id that was put in
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// put makes the call in a transaction that is rolled back.
func (a ask) put(t testing.TB, ctx context.Context) (ask, reply) { //nolint:revive // t comes first
	t.Helper()
	a.given = map[string]bool{}
	tx, err := a.own.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	service := reflect.ValueOf(a.own.H.WithTx(tx)).Elem().FieldByName(a.service)
	if a.isPort() {
		for _, s := range []string{"SET LOCAL ROLE hms_app", "SET LOCAL hms.tenant = '" + a.own.Tenant.String() + "'"} {
			_, err := tx.ExecContext(t.Context(), s)
			require.NoError(t, err)
		}
	}
	out := method.Drained(a.called.Func.Call(append([]reflect.Value{service, reflect.ValueOf(ctx)}, a.arguments(tx)...)))
	var r reply
	if err, ok := out[len(out)-1].Interface().(error); ok && err != nil {
		r.kind, r.text = hms.KindOf(err), err.Error()
	} else {
		for _, v := range out[:len(out)-1] {
			body, err := json.Marshal(v.Interface())
			require.NoError(t, err)
			r.text += string(body)
		}
		r.stays = a.stays(t, tx)
	}
	r.ids = anyID.FindAllString(r.text, -1)
	r.text = anyID.ReplaceAllString(r.text, "#")
	return a, r
}

// stays looks for the ids that were put in among the caller's rows.
func (a ask) stays(t testing.TB, tx bun.Tx) []string {
	t.Helper()
	found := []string{}
	if len(a.given) == 0 {
		return found
	}
	_, err := tx.ExecContext(t.Context(), "RESET ROLE")
	require.NoError(t, err)
	var like, queries []string
	for id := range a.given {
		like = append(like, `t::text LIKE '%`+id+`%'`)
	}
	for _, table := range a.tables {
		queries = append(queries, fmt.Sprintf(`(SELECT '%s' FROM hms.%s AS t WHERE tenant_id = '%s' AND (%s) LIMIT 1)`,
			table, table, a.own.Tenant, strings.Join(like, " OR ")))
	}
	require.NoError(t, tx.NewRaw(strings.Join(queries, " UNION ALL ")).Scan(t.Context(), &found))
	return found
}

// asks lists every method of every service, one for each way in which its input can be filled.
func asks(t *testing.T, victim, own *day.Day) []ask {
	t.Helper()
	// The trail, the outbox and the idempotency keys may repeat what was asked for.
	tables := dbtest.Texts(t, own.DB, `SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname NOT IN ('migration', 'context_key', 'audit_event', 'outbox', 'idempotency_key')`)
	var all []ask
	services := reflect.TypeFor[hms.HMS]()
	for i := range services.NumField() {
		f := services.Field(i)
		if !f.IsExported() {
			continue
		}
		for m := range f.Type.NumMethod() {
			a := ask{service: f.Name, called: f.Type.Method(m), aim: nowhere, victim: victim, own: own, tables: tables,
				declared: method.Declared()}
			if _, ok := notAsked[a.name()]; ok {
				continue
			}
			ways := method.Omissions[a.name()]
			if ways == nil {
				ways = [][]string{nil}
			}
			for _, omit := range ways {
				a.omit = omit
				all = append(all, a)
			}
		}
	}
	return all
}

// everyAim gives the calls with the victim's ids in each place alone, and in all.
func (a ask) everyAim(places int) []ask {
	var aims []ask
	for aim := range places {
		a.aim = aim
		aims = append(aims, a)
	}
	if places > 1 {
		a.aim = everywhere
		aims = append(aims, a)
	}
	return aims
}

// figures are what the calls with a victim's ids brought.
type figures struct {
	methods, calls, leaks int
	kinds                 map[hms.Kind]int
}

// holds counts a leak where a check did not hold.
func (f *figures) holds(ok bool) {
	if !ok {
		f.leaks++
	}
}

// noSuchRow is what else than not found says that an id names no row of the tenant.
var noSuchRow = regexp.MustCompile(`must refer to an existing|belongs to another order or patient|` +
	`must be an encounter of the patient|does not treat patients|must be a patient of the tenant|` +
	`has no share of this bill`)

// compare puts a call with the victim's ids beside the same with nobody's, and tells whether
// the call got as far as looking the id up, and whether the caller has others of his own to go with it.
func (f *figures) compare(
	t testing.TB, ctx context.Context, a ask, theirs map[string]bool,
) (looked, more bool, last string) {
	t.Helper()
	for _, latest := range []bool{false, true} {
		a.latest = latest
		made, got := a.put(t, ctx)
		nobodys := a
		nobodys.nobody = true
		_, want := nobodys.put(t, ctx)
		f.calls++
		f.kinds[got.kind]++
		f.holds(assert.Equal(t, want.kind, got.kind, a.where()))
		if _, ok := ofOwnTrail[a.name()]; ok {
			f.holds(assert.NotRegexp(t, byOthers, got.text, a.where()))
		} else {
			f.holds(assert.Equal(t, want.text, got.text, a.where()))
		}
		for _, id := range got.ids {
			f.holds(assert.False(t, theirs[id] && !made.given[id], "%s: shows an id of another tenant", a.where()))
		}
		if _, ok := keepsUnchecked[a.name()]; !ok {
			f.holds(assert.Empty(t, got.stays, "%s: keeps an id that is not the tenant's", a.where()))
		}
		looked = looked || got.kind == hmstype.KindNotFound || got.kind == hmstype.KindNone || noSuchRow.MatchString(got.text)
		more, last = made.more, got.text
		if !made.choice {
			break
		}
	}
	return looked, more, last
}

// idsOf gives the victim's ids that no answer may show.
func idsOf(victim *day.Day) map[string]bool {
	theirs := map[string]bool{victim.Tenant.String(): true}
	for _, known := range victim.IDs {
		for _, id := range known {
			theirs[fmt.Sprint(id.Interface())] = true
		}
	}
	return theirs
}

// openAllTables takes row-level security off all tables.
const openAllTables = `DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms'
		AND c.relkind IN ('r', 'p') LOOP
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t);
	END LOOP; END $$`

// Whoever calls a service with another tenant's ids gets the very answer that he would get
// with ids that exist nowhere: not found, or an empty list. It shows nothing of the other's
// and keeps none of the ids. That holds without row-level security, too: each query names
// the tenant.
func TestMethods_ShowNothingOfAnotherTenant(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]string{"BothGuards": `SELECT 1`, "QueriesAlone": openAllTables} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := hmstest.NewOwn(t, day.WithLog(t))
			victim, own := fixture.LivedDay(t, env), fixture.LivedDay(t, env.Neighbour(t))
			_, err := env.DB.ExecContext(t.Context(), prepare)
			require.NoError(t, err)
			did := callAll(t, victim, own)
			t.Logf("service isolation: %d methods, %d calls with the victim's ids, each beside one with nobody's: %v; leaks %d",
				did.methods, did.calls, did.kinds, did.leaks)
			require.Zero(t, did.leaks)
			require.Greater(t, did.methods, 150)
			require.Greater(t, did.calls, 400)
		})
	}
}

// callAll calls every method as the tenant's system and as his administrator.
func callAll(t *testing.T, victim, own *day.Day) figures {
	t.Helper()
	admin, theirs := own.Person(identity.RoleAdmin), idsOf(victim)
	did := figures{kinds: map[hms.Kind]int{}}
	for _, a := range asks(t, victim, own) {
		places, r := a.put(t, own.Ctx)
		for _, id := range r.ids {
			did.holds(assert.False(t, theirs[id], "%s: shows an id of another tenant", a.name()))
		}
		did.methods++
		for _, aimed := range a.everyAim(places.place) {
			looked, said := did.compareAll(t, aimed, theirs, own.Ctx, admin)
			assert.True(t, looked, "%s: refused before the id was looked at: %s", aimed.where(), said)
		}
	}
	return did
}

// maxTurns is how many of the caller's own ids of a kind are tried.
const maxTurns = 24

// compareAll compares a call of each actor, with one after another of the caller's own ids in the places
// that are not aimed at, until one gets as far as looking at the id. What has moved on since, such as
// the first bill of the day, refuses before.
func (f *figures) compareAll(t *testing.T, a ask, theirs map[string]bool, actors ...context.Context) (bool, []string) {
	t.Helper()
	var said []string
	for a.turn = range maxTurns {
		looked, more := false, false
		for _, ctx := range actors {
			at, has, text := f.compare(t, ctx, a, theirs)
			looked, more = looked || at, more || has
			said = append(said, text)
		}
		if looked || !more {
			return looked, said
		}
	}
	return false, said
}

// Where a query forgets the tenant and nothing stands behind it, the comparison finds it.
func TestMethods_AForgottenTenantIsFound(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, day.WithLog(t))
	victim, own := fixture.LivedDay(t, env), fixture.LivedDay(t, env.Neighbour(t))
	_, err := env.DB.ExecContext(t.Context(), openAllTables+`;
		CREATE OR REPLACE FUNCTION hms.lock_payment(p_tenant uuid, p_payment uuid, p_now timestamptz)
		RETURNS hms.payment LANGUAGE sql AS 'SELECT * FROM hms.payment WHERE id = p_payment'`)
	require.NoError(t, err)
	p := &probe{TB: t}
	did := figures{kinds: map[hms.Kind]int{}}
	for _, a := range asks(t, victim, own) {
		if a.name() == "billing.CancelPayment" {
			a.aim = 0
			did.compare(p, own.Ctx, a, idsOf(victim))
		}
	}
	require.True(t, p.failed)
	require.NotZero(t, did.leaks)
}
