package schema_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/dbx"
)

// Statements are prepared by name, so from its sixth execution on one may have a plan that knows no value. Every
// statement of a lived day that reads is planned so, in a database in which one hospital has a hundred times as much as
// each of forty others: none may touch much more than the plan that knows the tenant and the values.
func TestGenericPlans_UnderOneLargeTenant(t *testing.T) {
	t.Parallel()
	env, seen := fixture.Traced(t, hmstest.NewOwn(t))
	fixture.LivedDay(t, env).RequireAllReached()
	statements := seen.Take()
	grow(t, env)

	compared, worst := 0, 0.0
	handle := dbx.NewHandle(env.DB, dbx.Options{Now: env.Now})
	for text, args := range statements {
		if !reading.MatchString(text) || strings.Contains(text, "FOR UPDATE") || strings.Contains(text, "record_access") {
			continue
		}
		values, ok := literals(args)
		if !ok || slices.Contains(args, any(pgx.QueryExecModeExec)) { // which is planned for its values each time
			continue
		}
		require.NoError(t, handle.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			later, own := touched(t, ctx, db, text, values)
			compared++
			worst = max(worst, float64(later)/float64(max(own, 50)))
			assert.LessOrEqual(t, later, 5*own+100, "%d pages by the plan for all, %d by its own: %s", later, own, text)
			return nil
		}), text)
	}
	t.Logf("%d statements; at worst the later plan touches %.1f times as many pages", compared, worst)
	if dbtest.Hardened() { // nothing goes by name
		require.Zero(t, compared)
		return
	}
	require.Greater(t, compared, 150)
}

// reading is a statement that reads a table of ours.
var reading = regexp.MustCompile(`(?s)^\s*(SELECT|WITH).*FROM\s+"?hms"?\."?[a-z_]+"?[^(a-z_]`)

// touched gives how many pages the statement touches by the plan that the server makes for its values, and by the one
// that it settles on.
func touched(t *testing.T, ctx context.Context, db dbx.DB, text, values string) (later, own int) {
	t.Helper()
	exec := func(query string) {
		_, err := db.Conn().ExecContext(ctx, query, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err, query)
	}
	exec("PREPARE asked AS " + text)
	defer exec("DEALLOCATE asked")
	execute := "EXECUTE asked"
	if values != "" {
		execute += " (" + values + ")"
	}
	pages := func(mode string) int {
		exec("SET LOCAL plan_cache_mode = " + mode)
		var out []byte
		row := db.Conn().QueryRowContext(ctx, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) "+execute,
			pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, row.Scan(&out), text)
		var plans []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		require.NoError(t, json.Unmarshal(out, &plans))
		return plans[0].Plan.Hit + plans[0].Plan.Read
	}
	for range 5 { // from then on the server compares what they cost with what a plan without values would
		own = pages("auto")
	}
	pages("auto") // a plan's first execution also reads the catalogue
	return pages("auto"), own
}

// literals writes values as EXECUTE takes them; not those that this test does not know how to write.
func literals(args []any) (string, bool) {
	var all []string
	for _, arg := range args {
		switch arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormatsByOID: // how the driver sends it
			continue
		}
		if v, ok := arg.(driver.Valuer); ok {
			value, err := v.Value()
			if err != nil {
				return "", false
			}
			arg = value
		}
		switch v := arg.(type) {
		case nil:
			all = append(all, "NULL")
			continue
		case time.Time:
			all = append(all, "'"+v.UTC().Format(time.RFC3339Nano)+"'")
			continue
		case []string:
			all = append(all, "'{"+strings.Join(v, ",")+"}'")
			continue
		}
		switch reflect.ValueOf(arg).Kind() { //nolint:exhaustive // the others are not written
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
			all = append(all, "'"+strings.ReplaceAll(fmt.Sprint(arg), "'", "''")+"'")
		default:
			return "", false
		}
	}
	return strings.Join(all, ", "), true
}

// grow multiplies what the day left, past every trigger: for forty other tenants as it is, and for the day's own a
// hundred times with other ids. Of a table in which numbers or codes are unique there is what these let in.
func grow(t *testing.T, env *hmstest.Env) {
	t.Helper()
	var tables []struct {
		Name    string
		Columns []string `bun:",array"`
		Types   []string `bun:",array"`
	}
	require.NoError(t, env.DB.NewRaw(`SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
			array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum) AS types
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attgenerated = '' AND a.attidentity = ''
		WHERE c.relnamespace = 'hms'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND c.relname NOT LIKE 'audit%'
			AND EXISTS (SELECT FROM pg_attribute AS k WHERE k.attrelid = c.oid AND k.attname = 'tenant_id')
		GROUP BY c.relname ORDER BY c.relname`).Scan(t.Context(), &tables))
	require.Greater(t, len(tables), 80)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	exec := func(query string) error {
		_, err := tx.ExecContext(t.Context(), query)
		return err
	}
	require.NoError(t, exec(`SET LOCAL session_replication_role = replica`))
	multiplied := 0
	for _, table := range tables {
		columns := strings.Join(table.Columns, ", ")
		others, own := slices.Clone(table.Columns), slices.Clone(table.Columns)
		for i, column := range table.Columns {
			switch {
			case column == "tenant_id":
				others[i] = "md5('tenant' || n)::uuid"
			case table.Types[i] == "uuid":
				own[i] = "md5(" + column + "::text || n)::uuid"
			}
		}
		from := " FROM hms." + table.Name + ", generate_series(1, %d) AS n WHERE tenant_id = '" + env.Tenant.String() +
			"' ON CONFLICT DO NOTHING"
		insert := "INSERT INTO hms." + table.Name + " (" + columns + ") OVERRIDING SYSTEM VALUE SELECT "
		for n, as := range map[int][]string{40: others, 100: own} {
			require.NoError(t, exec("SAVEPOINT more"))
			if exec(insert+strings.Join(as, ", ")+fmt.Sprintf(from, n)) != nil { // a check keeps a row's ciphers to it
				require.NoError(t, exec("ROLLBACK TO SAVEPOINT more"))
				continue
			}
			multiplied++
		}
	}
	require.NoError(t, tx.Commit())
	_, err = env.DB.ExecContext(t.Context(), "ANALYZE")
	require.NoError(t, err)
	t.Logf("%d times of %d, a table has more", multiplied, 2*len(tables))
	require.Greater(t, multiplied, len(tables))
}
