package interop

import (
	"context"
	"testing"

	golangmigrate "github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// blocked are the test's own backends that wait for the table of steps: sessions bear their database's
// name.
const blocked = `FROM pg_stat_activity
	WHERE application_name = current_database() AND pid <> pg_backend_pid()
		AND wait_event_type = 'Lock' AND wait_event = 'relation'`

// crash runs a migrator against a database that has at least one step, and ends it when the next
// step is done but for its record: by end, or by ending its backend where end is nil. It gives the
// migrator's error.
func crash(t *testing.T, dsn string, end func(), run func() error) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), `BEGIN; LOCK TABLE hms.migration IN SHARE MODE`) // reads pass, the record waits
	require.NoError(t, err)
	db := openDatabase(t, dsn) // a transaction sees the activity as it was when it looked first
	count := func(what string) int { return query[int](t, db, `SELECT count(`+what+`) `+blocked)[0] }
	done := make(chan error, 1)
	go func() { done <- run() }()
	for count("*") == 0 {
		require.Empty(t, done, "it ended before it was stopped")
	}
	if end != nil {
		end()
	}
	for count("*") > 0 { // the statement of a client that is gone gives up by itself
		if end == nil {
			count("pg_terminate_backend(pid, 5000)")
		}
	}
	_, err = conn.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	return <-done
}

// A step whose backend dies is wholly undone, and the next run makes the schema whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			begin := w.to
			if w.leaps {
				begin = byPgx
			}
			require.NoError(t, begin(t.Context(), dsn, half))
			before := schema(t, openDatabase(t, dsn))
			require.Error(t, crash(t, dsn, nil, func() error { return w.to(t.Context(), dsn, last) }))
			has, err := highest(t.Context(), dsn)
			require.NoError(t, err)
			require.Equal(t, half, has)
			require.Equal(t, before, schema(t, openDatabase(t, dsn)), "nothing of the step is there")
			if w.name == "GolangMigrate" {
				require.NoError(t, forceWhatIsThere(t.Context(), dsn))
			}
			require.NoError(t, w.to(t.Context(), dsn, last))
			requireWhole(t, dsn)
		})
	}
}

// forceWhatIsThere tells golang-migrate the step that the database has, after a crash.
func forceWhatIsThere(ctx context.Context, dsn string) error {
	has, err := highest(ctx, dsn)
	if err != nil {
		return err
	}
	if has == 0 {
		has = database.NilVersion
	}
	return withGolangMigrate(dsn, func(m *golangmigrate.Migrate) error { return m.Force(has) })
}

// golang-migrate marks a version dirty before it runs it, and does not know after a crash whether it
// is there; hms.migration does.
func TestCrash_GolangMigrateIsDirty(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ has, dirty int }{
		"BeforeTheFirst": {0, 1}, "BeforeItsCommit": {half, half + 1}, "AfterItsCommit": {half, half},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			if tt.has > 0 {
				require.NoError(t, byGolangMigrate(t.Context(), dsn, tt.has))
			} else { // it makes its table
				require.NoError(t, withGolangMigrate(dsn, func(*golangmigrate.Migrate) error { return nil }))
			}
			db := openDatabase(t, dsn)
			do(t, db, `TRUNCATE public.schema_migrations`)
			_, err := db.ExecContext(
				t.Context(), `INSERT INTO public.schema_migrations (version, dirty) VALUES (?, true)`, tt.dirty,
			)
			require.NoError(t, err)

			var dirty golangmigrate.ErrDirty
			require.ErrorAs(t, byGolangMigrate(t.Context(), dsn, last), &dirty)
			require.Equal(t, tt.dirty, dirty.Version)
			require.NoError(t, forceWhatIsThere(t.Context(), dsn))
			require.NoError(t, byGolangMigrate(t.Context(), dsn, last))
			requireWhole(t, dsn)
		})
	}
}

// Who forces the step that was rolled back leaves it out; the next one refuses.
func TestCrash_ForcedTooFar(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	require.NoError(t, byGolangMigrate(t.Context(), dsn, half))
	require.NoError(t, withGolangMigrate(dsn, func(m *golangmigrate.Migrate) error { return m.Force(half + 1) }))
	before := schema(t, openDatabase(t, dsn))
	require.ErrorContains(t, byGolangMigrate(t.Context(), dsn, last), "comes too early")
	require.Equal(t, before, schema(t, openDatabase(t, dsn)))
	require.NoError(t, forceWhatIsThere(t.Context(), dsn))
	require.NoError(t, byGolangMigrate(t.Context(), dsn, last))
	requireWhole(t, dsn)
}

// A context that ends leaves each step whole or absent, too. golang-migrate takes none.
func TestCrash_ContextEnds(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		if w.name == "GolangMigrate" {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			begin := w.to
			if w.leaps {
				begin = byPgx
			}
			require.NoError(t, begin(t.Context(), dsn, half))
			ctx, cancel := context.WithCancel(t.Context())
			err := crash(t, dsn, cancel, func() error { return w.to(ctx, dsn, last) })
			require.Error(t, err)
			has, err := highest(t.Context(), dsn)
			require.NoError(t, err)
			require.Equal(t, half, has)
			require.NoError(t, w.to(t.Context(), dsn, last))
			requireWhole(t, dsn)
		})
	}
}
