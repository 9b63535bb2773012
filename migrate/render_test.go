package migrate_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest/catalogue"
	"github.com/chelal/hms/migrate"
)

// A database that was made of the files, each sent as it stands, is one that Migrate made.
func TestFS_MakesTheSameDatabase(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	files := migrate.FS()
	names, err := fs.Glob(files, "*.sql")
	require.NoError(t, err)
	require.Len(t, names, len(migrate.Steps()))
	for i, name := range names {
		body, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		exec(t, db, string(body))
		require.Equal(t, i+1, applied(t, db), name)
	}
	require.Equal(t, migrate.State{Number: len(names)}, requireChecked(t, db))
	plain, err := catalogue.Read(t.Context(), db)
	require.NoError(t, err)

	own := newDatabase(t)
	require.NoError(t, migrate.Migrate(t.Context(), own))
	ours, err := catalogue.Read(t.Context(), own)
	require.NoError(t, err)
	require.Empty(t, catalogue.Diff(ours, plain))

	require.NoError(t, migrate.Migrate(t.Context(), db), "a later Migrate carries on")
	require.Equal(t, len(names), applied(t, db))
	var months int
	require.NoError(
		t,
		db.NewRaw(
			`SELECT count(*) FROM pg_inherits WHERE inhparent = 'hms.audit_event'::regclass`,
		).Scan(t.Context(), &months),
	)
	require.Equal(t, 26, months, "the past month, this one, the coming ones, and the default")
}

func TestFS_NamesThatToolsAskFor(t *testing.T) {
	t.Parallel()
	for pattern, files := range map[string]fs.FS{
		"0001_bootstrap.sql": migrate.FS(), "00001_bootstrap.sql": migrate.GooseFS(),
		"000001_bootstrap.up.sql": migrate.GolangMigrateFS(),
	} {
		body, err := fs.ReadFile(files, pattern)
		require.NoError(t, err)
		require.Contains(t, string(body), "CREATE SCHEMA IF NOT EXISTS hms")
		require.Contains(t, string(body), "INSERT INTO hms.migration")
	}
}
