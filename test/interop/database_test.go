package interop

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/internal/dbtest/catalogue"
	"github.com/chelal/hms/migrate"
)

// golang-migrate leaves the goroutines that read ahead behind where a migration fails.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/golang-migrate/migrate/v4.(*Migrate).readUp"),
		goleak.IgnoreAnyFunction("github.com/golang-migrate/migrate/v4.(*Migrate).read"),
		goleak.IgnoreAnyFunction("github.com/golang-migrate/migrate/v4.(*Migration).Buffer"))
}

func open(dsn string) (*bun.DB, error) { return hms.OpenDB(dsn) }

// openDatabase opens a database for as long as the test runs.
func openDatabase(t *testing.T, dsn string) *bun.DB {
	t.Helper()
	db, err := open(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// newDatabase gives the DSN of an empty database of the test's own, as superuser.
func newDatabase(t *testing.T) string {
	t.Helper()
	dsn, drop, err := makeDatabase(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, drop()) })
	return dsn
}

// makeDatabase makes an empty database on the server of all tests.
func makeDatabase(ctx context.Context) (dsn string, drop func() error, err error) {
	server, err := pgserver.Shared(ctx, pgserver.Options{})
	if err != nil {
		return "", nil, err
	}
	u, err := url.Parse(server.DSN(""))
	if err != nil {
		return "", nil, err
	}
	admin, err := open(server.DSN(""))
	if err != nil {
		return "", nil, err
	}
	name := "hms_interop_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, errors.Join(err, admin.Close())
	}
	u.Path = "/" + name
	parameters := u.Query()
	parameters.Set("application_name", name) // by which a test knows its own sessions
	u.RawQuery = parameters.Encode()
	return u.String(), func() error {
		_, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		return errors.Join(err, admin.Close())
	}, nil
}

// newHost makes an ordinary role that owns nothing, with what a migrator needs in the database, and
// gives its DSN and its name.
func newHost(t *testing.T, dsn string) (host, role string) {
	t.Helper()
	require.NoError(t, byPgx(t.Context(), newDatabase(t), 1), "the server knows the roles")
	role = "hms_host_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	db := openDatabase(t, dsn)
	do(t, db, "CREATE ROLE "+role+" LOGIN CREATEROLE PASSWORD 'host'")
	do(t, db, "GRANT hms_owner, hms_app, hms_sealer, hms_scheduler TO "+role)
	do(t, db, "GRANT CREATE ON SCHEMA public TO "+role)
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	do(t, db, "GRANT CREATE ON DATABASE "+strings.TrimPrefix(u.Path, "/")+" TO "+role)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.Background(),
			"REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role)
		require.NoError(t, err)
	})
	u.User = url.UserPassword(role, "host")
	return u.String(), role
}

func do(t *testing.T, db *bun.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// query gives the rows of one column.
func query[T any](t *testing.T, db *bun.DB, statement string) []T {
	t.Helper()
	var rows []T
	require.NoError(t, db.NewRaw(statement).Scan(t.Context(), &rows))
	return rows
}

// rows are the steps that a database has, with the instants at which they came.
func rows(t *testing.T, db *bun.DB) []string {
	t.Helper()
	return query[string](t, db, `SELECT concat_ws(' ', version, name, checksum, compatible_from, applied_at)
		FROM hms.migration ORDER BY version`)
}

// schema gives the catalogue as text.
func schema(t *testing.T, db *bun.DB) string {
	t.Helper()
	text, err := catalogue.Read(t.Context(), db)
	require.NoError(t, err)
	return text
}

// requireWhole tells that a database is whole: this version works with it, its trail has its
// partitions, the catalogue is the golden one, and a later Migrate finds nothing to do.
func requireWhole(t *testing.T, dsn string) {
	t.Helper()
	db := openDatabase(t, dsn)
	state, err := migrate.Check(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, migrate.State{Number: last}, state)
	missing := query[string](t, db, `SELECT wanted FROM (
			SELECT 'audit_event_' || to_char(date_trunc('month', now()) + make_interval(months => i), 'YYYY"m"MM') AS wanted
			FROM generate_series(-1, 23) AS months (i)) AS w
		WHERE NOT EXISTS (SELECT FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhrelid
			WHERE h.inhparent = 'hms.audit_event'::regclass AND c.relname = wanted)`)
	require.Empty(t, missing, "partitions of the trail")

	before, made := rows(t, db), schema(t, db)
	require.NoError(t, migrate.Migrate(t.Context(), db))
	require.Equal(t, before, rows(t, db), "Migrate has nothing to do")
	require.Equal(t, made, schema(t, db))
	golden, err := catalogue.IsGolden(t.Context(), db)
	require.NoError(t, err)
	if golden {
		want, err := os.ReadFile("../../migrate/schema.sql")
		require.NoError(t, err)
		require.Empty(t, catalogue.Diff(string(want), made))
		require.Equal(t, string(want), made)
	}
}
