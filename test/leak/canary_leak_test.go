package leak_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmsotel"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/fieldcrypt"
)

func TestCanaries_NeverLeak(t *testing.T) {
	t.Parallel()
	c := newHospital(t)
	c.live()
	c.requireAllFed()
	c.misuse()
	c.requireStored()
	c.requireNone(t, c.log.String(), "the log")
	require.Greater(t, strings.Count(c.log.String(), "\n"), 1000, "the log was looked through")
	c.requireNone(t, c.serverLog(), "the server's log")
	c.requireNoneObserved()
	c.requireServerLogLeaksWithParameters()
}

// requireNoneObserved looks through all spans and metrics, names, labels and values alike.
func (c *hospital) requireNoneObserved() {
	spans := c.spans.GetSpans()
	require.Greater(c.t, len(spans), 1000, "the spans were looked through")
	body, err := json.Marshal(spans)
	require.NoError(c.t, err)
	c.requireNone(c.t, string(body), "the spans")
	operations := map[string]bool{}
	for _, s := range spans {
		operations[s.Name] = true
	}
	require.Greater(c.t, len(operations), 200)
	var metrics metricdata.ResourceMetrics
	require.NoError(c.t, c.metrics.Collect(context.Background(), &metrics))
	body, err = json.Marshal(metrics)
	require.NoError(c.t, err)
	require.Contains(c.t, string(body), hmsotel.MetricDuration)
	c.requireNone(c.t, string(body), "the metrics")
}

// requireAllFed fails for a method that the day did not reach, and for a field that no canary went
// into.
func (c *hospital) requireAllFed() {
	c.day.RequireAllReached()
	for _, m := range method.Public(c.h) {
		_, texts := filling{now: c.clock.Now(), text: func(string) string { return "" }}.arguments(m)
		for _, l := range texts {
			_, exempt := day.TakesNoText(l.Path)
			assert.True(c.t, !l.IsPlain() || c.fed[l.Path] || exempt, "no canary went into %s", l.Path)
		}
	}
}

// requireStored looks through every column of every table, and each column's history in the trail.
func (c *hospital) requireStored() {
	var tables []string
	require.NoError(c.t, c.db.NewRaw(`SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			ORDER BY 1`).Scan(c.t.Context(), &tables))
	clear, sealed, listed := map[string]bool{}, map[string]bool{}, clearColumns()
	for _, table := range tables {
		var rows []string
		require.NoError(c.t, c.db.NewRaw(`SELECT to_jsonb(t)::text FROM hms.`+table+` AS t`).Scan(c.t.Context(), &rows))
		for _, row := range rows {
			for column, value := range c.values(table, row) {
				sealed[column] = sealed[column] || strings.Contains(value, "hms1:")
				// why a step was taken; lists are made of it
				if c.isClear(column, value) && !strings.HasSuffix(column, "_status.reason") {
					clear[column] = true
				}
			}
		}
	}
	assert.Equal(c.t, slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(clear)),
		"the columns in clear are those that staysClear lists")
	for _, column := range fieldcrypt.Columns() {
		name := column.Table + "." + column.Name
		assert.True(c.t, sealed[name], "%s holds nothing sealed", name)
		for _, n := range []string{name, column.Table + "." + column.Index} {
			assert.NotContains(c.t, listed, n, "an encrypted field")
		}
	}
}

// values gives a row's values by column; those of the trail's changes by the columns changed.
func (c *hospital) values(table, row string) map[string]string {
	var columns map[string]json.RawMessage
	require.NoError(c.t, json.Unmarshal([]byte(row), &columns))
	values := map[string]string{}
	for column, value := range columns {
		values[table+"."+column] = string(value)
	}
	if table == "audit_event" {
		delete(values, "audit_event.changes")
		var entity string
		var changes map[string]json.RawMessage
		require.NoError(c.t, json.Unmarshal(columns["entity"], &entity))
		require.NoError(c.t, json.Unmarshal(columns["changes"], &changes))
		for column, change := range changes {
			values[entity+"."+column] = string(change)
		}
	}
	return values
}

// isClear tells whether a stored value gives an input away. A secret may be nowhere.
func (c *hospital) isClear(column, value string) bool {
	found := c.find(value)
	if _, after, ok := strings.Cut(value, `"\\x`); ok { // bytea
		body, _ := hex.DecodeString(strings.TrimSuffix(after, `"`))
		found = append(found, c.find(string(body))...)
	}
	for _, n := range found {
		assert.False(c.t, c.secrets[n], "%s holds the secret %s", column, c.paths[n])
	}
	if len(found) > 0 && !strings.HasSuffix(column, "_status.reason") && clearColumns()[column] == "" {
		c.t.Logf("%s holds %s", column, c.describe(found[:1]))
	}
	return len(found) > 0
}

// wrongs are the ways in which a text is no text that the library takes.
var wrongs = map[string]func(string) string{
	"NUL":           func(s string) string { return s + "\x00" },
	"invalid UTF-8": func(s string) string { return s + "\xff" },
	"1 MB":          func(s string) string { return strings.Repeat(s+" ", 1<<20/(len(s)+1)) },
	"1 MB of space": func(s string) string { return s + strings.Repeat(" ", 1<<20) },
}

// misuse calls every method as it must not be called: with text that is none, codes that are not
// of their list, ids of nothing, numbers out of range, by actors who may all and by one who may
// nothing.
func (c *hospital) misuse() {
	actors := map[string]context.Context{"host": c.sys, "person": c.day.Person(c.day.Role), "nobody": c.day.Person()}
	for _, m := range method.Public(c.h) {
		texts := map[string]string{}
		f := filling{now: c.clock.Now(), text: func(path string) string {
			if texts[path] == "" {
				texts[path] = c.Text(path)
			}
			return texts[path]
		}}
		for who, ctx := range actors {
			for _, extreme := range []bool{false, true} {
				f.extreme = extreme
				args, _ := f.arguments(m)
				c.look(m, who, attempt(ctx, m, args))
			}
			f.extreme = false
			// who may not is told nothing of what he gave
			if isHosts := method.Declared()[method.Operation(m.Name)].HostOnly; who == "host" || who == "person" && !isHosts {
				c.spoil(m, f, who, ctx)
			}
		}
	}
	require.Greater(c.t, c.errored, 3000)
}

// spoil calls a method once for each of its texts and each way in which that is no text.
func (c *hospital) spoil(m method.Method, f filling, who string, ctx context.Context) {
	_, all := f.arguments(m)
	for wrong, spoil := range wrongs {
		for i := range all {
			args, one := f.arguments(m)
			one[i].Value.SetString(spoil(one[i].Value.String()))
			err := attempt(ctx, m, args)
			c.look(m, who+", "+wrong+" in "+one[i].Path, err)
			if one[i].IsPlain() {
				c.requireRefused(one[i], wrong, err)
			}
		}
	}
}

// look looks through what a misuse gave: never an error that the library did not foresee.
func (c *hospital) look(m method.Method, how string, err error) {
	if err == nil {
		return
	}
	c.errored++
	assert.NotEqual(c.t, hmstype.KindInternal, hmstype.KindOf(err), "%s as %s: %v", m.Name, how, err)
	assert.NotContains(c.t, err.Error(), "panic", "%s as %s", m.Name, how)
	c.requireNoneIn(c.t, err, m.Name+" as "+how)
}

// requireRefused wants a field that holds no text named as such. A secret is refused as a whole.
func (c *hospital) requireRefused(l method.Leaf, wrong string, err error) {
	isSecret := l.Value.Type() == reflect.TypeFor[hmstype.Secret]()
	if l.IsNamedIn(err) || isSecret && err != nil || errors.Is(err, identity.ErrPersonRequired) {
		return
	}
	assert.Fail(c.t, "not refused", "%s in %s: %.200v", wrong, l.Path, err)
}

// requireServerLogLeaksWithParameters shows that a failed statement is logged without a value also by
// the server's own settings, and why SECURITY.md asks to leave those alone that log parameters.
func (c *hospital) requireServerLogLeaksWithParameters() {
	const defaults = "&log_min_error_statement=error&log_error_verbosity=default"
	_, byDefault := c.open(c.dsn + defaults)
	_, withParameters := c.open(c.dsn + defaults + "&log_parameter_max_length_on_error=-1")
	taken := identity.CreateUserInput{Profile: identity.Profile{
		Username: c.Text("identity.CreateUser.Profile.Username"), LastName: "Test",
	}}
	_, err := c.h.Identity.CreateUser(c.sys, taken)
	require.NoError(c.t, err)
	fails := func(h *hms.HMS) {
		_, err := h.Identity.CreateUser(c.sys, taken)
		require.ErrorIs(c.t, err, identity.ErrUsernameTaken)
	}
	fails(c.h)
	fails(byDefault)
	c.requireNone(c.t, c.serverLog(), "the server's log")
	fails(withParameters)
	require.NotEmpty(c.t, c.find(c.serverLog()), "the parameters are logged")
}
