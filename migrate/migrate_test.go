package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/migrate"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

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
	db, err := dbx.Open(dbtest.Named(t, u.String()))
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
		"GRANT hms_owner, hms_app, hms_sealer, hms_scheduler TO " + role,
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
		_, err := db.ExecContext(
			context.Background(), "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role,
		)
		require.NoError(t, err)
	}()
	require.NoError(t, migrate.Migrate(t.Context(), host))
	requireChecked(t, host)
}

func applied(t *testing.T, db *bun.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.NewRaw(`SELECT count(*) FROM hms.migration`).Scan(t.Context(), &n))
	return n
}

// requireChecked tells that this version works with the database, and gives what is newer there.
func requireChecked(t *testing.T, db *bun.DB) migrate.State {
	t.Helper()
	state, err := migrate.Check(t.Context(), db)
	require.NoError(t, err)
	return state
}

func exec(t *testing.T, db *bun.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	_, err := migrate.Check(t.Context(), db)
	require.ErrorIs(t, err, migrate.ErrSchema)
	require.ErrorContains(t, err, "never migrated")
	require.NoError(t, migrate.Migrate(t.Context(), db))
	last := len(migrate.Steps())
	require.Equal(t, migrate.State{Number: last}, requireChecked(t, db))
	require.Equal(t, last, applied(t, db))
	require.NoError(t, migrate.Migrate(t.Context(), db), "a second run does nothing")
	require.Equal(t, last, applied(t, db))
}

// An administrator may have run the bootstrap by itself, which records nothing.
func TestMigrate_AfterTheBootstrapAlone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	exec(t, db, "BEGIN; "+strings.ReplaceAll(migrate.Bootstrap(), "?", `\?`)+"; COMMIT")
	require.NoError(t, migrate.Migrate(t.Context(), db))
	require.Equal(t, migrate.State{Number: len(migrate.Steps())}, requireChecked(t, db))
}

// What a database has is held against the list before anything is changed.
func TestMigrate_RefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	last := len(migrate.Steps())
	newer := `INSERT INTO hms.migration (version, name, checksum, compatible_from) VALUES (%d, 'table_later', 'x', %d)`
	tests := map[string]struct {
		change  string
		want    string // of both errors
		migrate bool   // whether Migrate mends it
	}{
		"AnotherText": {
			`UPDATE hms.migration SET checksum = 'edited' WHERE version = 2`,
			"0002_routine_core_actor_person was applied with another text", false,
		},
		"LateNumber": {
			`DELETE FROM hms.migration WHERE version = 2`, "0002_routine_core_actor_person is missing, although step", false,
		},
		"Older": {
			fmt.Sprintf(`DELETE FROM hms.migration WHERE version = %d`, last),
			fmt.Sprintf("it is older: step %04d_partition is missing", last), true,
		},
		"Newer": {
			fmt.Sprintf(newer, last+1, last+1),
			fmt.Sprintf("it is newer: this version cannot go on after step %04d_table_later", last+1), false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDatabase(t)
			require.NoError(t, migrate.Migrate(t.Context(), db))
			exec(t, db, tt.change)
			before := applied(t, db)
			_, err := migrate.Check(t.Context(), db)
			require.ErrorIs(t, err, migrate.ErrSchema)
			require.ErrorContains(t, err, tt.want)
			err = migrate.Migrate(t.Context(), db)
			if tt.migrate {
				require.NoError(t, err)
				requireChecked(t, db)
				return
			}
			require.ErrorIs(t, err, migrate.ErrSchema)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, before, applied(t, db), "nothing was changed")
		})
	}
}

// While a release is rolled out, instances of the old version meet the database of the new one.
func TestCheck_GoesOnWithACompatibleStep(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	require.NoError(t, migrate.Migrate(t.Context(), db))
	last := len(migrate.Steps())
	exec(t, db, fmt.Sprintf(`INSERT INTO hms.migration (version, name, checksum, compatible_from)
		VALUES (%d, 'table_later', 'x', %d), (%d, 'routine_core_later', 'y', %d)`, last+1, last, last+2, last-1))
	state := requireChecked(t, db)
	require.Equal(t, migrate.State{
		Number: last + 2,
		Newer:  []string{fmt.Sprintf("%04d_table_later", last+1), fmt.Sprintf("%04d_routine_core_later", last+2)},
	}, state)
	require.NoError(t, migrate.Migrate(t.Context(), db), "a newer database is left as it is")
	require.Equal(t, last+2, applied(t, db))
}

func TestMigrate_ConcurrentMigratorsTakeTurns(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := migrate.Migrate(t.Context(), db); err != nil {
				t.Errorf("migrate: %v", err)
			}
			if _, err := migrate.Check(t.Context(), db); err != nil {
				t.Errorf("whoever returns finds the schema whole: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, len(migrate.Steps()), applied(t, db))
}

// A crash in the middle leaves each migration wholly done or wholly undone: whatever
// moment the backend dies at, the next run completes the schema.
func TestMigrate_CrashInTheMiddle(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	done := make(chan struct{})
	hits := 0
	var wg sync.WaitGroup
	wg.Go(func() { // kills the test's own migrating backends, again and again
		for hits < 8 {
			select {
			case <-done:
				return
			default:
			}
			killed, err := dbtest.EndSessions(t.Context(), db, "state = 'active' AND query ~ 'CREATE'")
			if err != nil {
				t.Errorf("kill: %v", err)
				return
			}
			hits += killed
		}
	})
	failures := 0
	err := migrate.Migrate(t.Context(), db)
	for ; err != nil && failures < 100; err = migrate.Migrate(t.Context(), db) {
		failures++
	}
	close(done)
	wg.Wait()
	require.NoError(t, err)
	require.Positive(t, hits, "something was killed")
	requireChecked(t, db)
	require.Equal(t, len(migrate.Steps()), applied(t, db))
}
