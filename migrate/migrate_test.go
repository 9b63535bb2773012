package migrate_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/migrate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newDatabase gives an empty database of the test's own.
func newDatabase(t *testing.T) *bun.DB {
	t.Helper()
	server, err := pgserver.Shared(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	admin, err := dbx.Open(server.DSN(""))
	require.NoError(t, err)
	name := "hms_migrate_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	u, err := url.Parse(server.DSN(""))
	require.NoError(t, err)
	u.Path = "/" + name
	db, err := dbx.Open(u.String())
	require.NoError(t, err)
	t.Cleanup(func() {
		_, dropErr := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, errors.Join(db.Close(), dropErr, admin.Close()))
	})
	return db
}

// A host need not be superuser: it may create roles, and things in its database.
func TestMigrate_AsAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	require.NoError(t, migrate.Migrate(t.Context(), newDatabase(t)), "the server knows the roles")
	db := newDatabase(t)
	role := "hms_host_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	for _, s := range []string{
		"CREATE ROLE " + role + " LOGIN CREATEROLE PASSWORD 'host'",
		"GRANT hms_owner, hms_app, hms_sealer TO " + role,
		"DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO " + role + "', current_database()); END $$",
	} {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
	var name string
	require.NoError(t, db.NewRaw("SELECT current_database()").Scan(t.Context(), &name))
	server, err := pgserver.Shared(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	u, err := url.Parse(server.DSN(name))
	require.NoError(t, err)
	u.User, u.Path = url.UserPassword(role, "host"), "/"+name
	host, err := dbx.Open(u.String())
	require.NoError(t, err)
	defer func() {
		require.NoError(t, host.Close())
		_, err := db.ExecContext(context.Background(), "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role)
		require.NoError(t, err)
	}()
	require.NoError(t, migrate.Migrate(t.Context(), host))
	require.NoError(t, migrate.Check(t.Context(), host))
}

func applied(t *testing.T, db *bun.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.NewRaw(`SELECT count(*) FROM hms.migration`).Scan(t.Context(), &n))
	return n
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	list, err := migrate.Migrations()
	require.NoError(t, err)
	require.ErrorIs(t, migrate.Check(t.Context(), db), migrate.ErrSchema)
	require.NoError(t, migrate.Migrate(t.Context(), db))
	require.NoError(t, migrate.Check(t.Context(), db))
	require.Equal(t, len(list), applied(t, db))
	require.NoError(t, migrate.Migrate(t.Context(), db), "a second run does nothing")
	require.Equal(t, len(list), applied(t, db))

	for _, change := range []string{
		`UPDATE hms.migration SET checksum = 'edited' WHERE version = 2`,
		`DELETE FROM hms.migration WHERE version = 2`,
		`INSERT INTO hms.migration (version, name, checksum) VALUES (9999, 'later', 'x')`,
	} {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), change)
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
		require.ErrorIs(t, migrate.Check(t.Context(), db), migrate.ErrSchema, change)
		if strings.HasPrefix(change, "UPDATE") {
			require.ErrorIs(t, migrate.Migrate(t.Context(), db), migrate.ErrSchema, "an edited migration is refused")
		}
	}
}

func TestMigrate_ConcurrentMigratorsTakeTurns(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	list, err := migrate.Migrations()
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := migrate.Migrate(t.Context(), db); err != nil {
				t.Errorf("migrate: %v", err)
			}
			if err := migrate.Check(t.Context(), db); err != nil {
				t.Errorf("whoever returns finds the schema whole: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, len(list), applied(t, db))
}

// A crash in the middle leaves each migration wholly done or wholly undone: whatever
// moment the backend dies at, the next run completes the schema.
func TestMigrate_CrashInTheMiddle(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	list, err := migrate.Migrations()
	require.NoError(t, err)
	done := make(chan struct{})
	hits := 0
	var wg sync.WaitGroup
	wg.Go(func() { // kills migrating backends of this database, again and again
		for hits < 8 {
			select {
			case <-done:
				return
			default:
			}
			var killed int
			err := db.NewRaw(`SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query ~ 'CREATE'`).
				Scan(t.Context(), &killed)
			if err != nil {
				t.Errorf("kill: %v", err)
				return
			}
			hits += killed
		}
	})
	failures := 0
	for err = migrate.Migrate(t.Context(), db); err != nil && failures < 100; err = migrate.Migrate(t.Context(), db) {
		failures++
	}
	close(done)
	wg.Wait()
	require.NoError(t, err)
	require.Positive(t, hits, "something was killed")
	require.NoError(t, migrate.Check(t.Context(), db))
	require.Equal(t, len(list), applied(t, db))
}
