package interop

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	golangmigrate "github.com/golang-migrate/migrate/v4"
	golangpgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/stretchr/testify/require"
)

// A tool that finds what Migrate made, and was not told, is refused at its first step; told so, it
// has nothing to do.
func TestMigrateFirst_ThenATool(t *testing.T) {
	t.Parallel()
	adopt := map[string]func(context.Context, string) error{
		"Goose": adoptGoose, "GolangMigrate": forceWhatIsThere,
	}
	for _, w := range steppers() {
		if adopt[w.name] == nil {
			continue // plain files have no memory of their own
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			require.NoError(t, byMigrate(t.Context(), dsn, last))
			db := openDatabase(t, dsn)
			before := rows(t, db)
			require.ErrorContains(t, w.to(t.Context(), dsn, last), "step 0001_bootstrap is there already")
			require.Equal(t, before, rows(t, db))
			requireWhole(t, dsn)

			require.NoError(t, adopt[w.name](t.Context(), dsn))
			require.NoError(t, w.to(t.Context(), dsn, last))
			require.Equal(t, before, rows(t, db))
			requireWhole(t, dsn)
		})
	}
}

// A plain file out of its turn is refused and changes nothing.
func TestPlain_OutOfTurn(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	refused := func(name, want string) {
		err := send(t.Context(), conn, name)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "SQLSTATE 55000")
		_, err = conn.Exec(t.Context(), "ROLLBACK")
		require.NoError(t, err)
	}
	require.NoError(t, byPgx(t.Context(), dsn, 1))
	refused("0001_bootstrap.sql", "hms: step 0001_bootstrap is there already; the database has 1")
	refused(
		"0003_routine_core_append_only.sql", "hms: step 0003_routine_core_append_only comes too early; the database has 1",
	)
	require.NoError(t, byPgx(t.Context(), dsn, last))
	before := rows(t, openDatabase(t, dsn))
	refused("0003_routine_core_append_only.sql", "is there already")
	require.Equal(t, before, rows(t, openDatabase(t, dsn)))
	requireWhole(t, dsn)
}

// A tool that is told to commit each statement by itself is refused and changes nothing, at the
// beginning and on the way.
func TestNotInOneTransaction(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		by, wrongly func(ctx context.Context, dsn string, step int) error
		want        string
	}{
		"GooseIsolatesDDL": {byGoose, func(ctx context.Context, dsn string, step int) error {
			return gooseWith(ctx, dsn, step, goose.WithIsolateDDL(true))
		}, "is not run in one transaction"},
		"GolangMigrateSplits": {byGolangMigrate, func(_ context.Context, dsn string, step int) error {
			config := &golangpgx.Config{MultiStatementEnabled: true}
			return configured(dsn, config, func(m *golangmigrate.Migrate) error { return m.Migrate(uint(step)) })
		}, "unterminated dollar-quoted string"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			db := openDatabase(t, dsn)
			require.ErrorContains(t, tt.wrongly(t.Context(), dsn, last), tt.want)
			require.Empty(t, query[string](t, db, `SELECT nspname::text FROM pg_namespace WHERE nspname = 'hms'`))

			dsn = newDatabase(t)
			require.NoError(t, tt.by(t.Context(), dsn, half))
			db = openDatabase(t, dsn)
			before := schema(t, db)
			require.ErrorContains(t, tt.wrongly(t.Context(), dsn, last), tt.want)
			require.Equal(t, before, schema(t, db))
			require.Len(t, rows(t, db), half)
		})
	}
}

// adoptGoose tells goose the steps that a database has.
func adoptGoose(ctx context.Context, dsn string) (err error) {
	has, err := highest(ctx, dsn)
	if err != nil {
		return err
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return tellGoose(ctx, db, has)
}

// tellGoose writes the steps into goose's table, which it has made when it was refused.
func tellGoose(ctx context.Context, db *sql.DB, has int) error {
	store, err := database.NewStore(database.DialectPostgres, goose.DefaultTablename)
	if err != nil {
		return err
	}
	for step := 1; step <= has; step++ {
		if err := store.Insert(ctx, db, database.InsertRequest{Version: int64(step)}); err != nil {
			return err
		}
	}
	return nil
}
