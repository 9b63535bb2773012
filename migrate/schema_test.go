package migrate_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest/catalogue"
	"github.com/chelal/hms/migrate"
)

// update writes schema.sql anew.
var update = flag.Bool("update", false, "write schema.sql anew")

// A review reads what a migration does in the diff of schema.sql.
func TestSchema_IsTheGoldenOne(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	require.NoError(t, migrate.Migrate(t.Context(), db))
	golden, err := catalogue.IsGolden(t.Context(), db)
	require.NoError(t, err)
	if !golden {
		t.Logf(
			"schema.sql was written by PostgreSQL %s; this one words expressions in other ways: not compared", catalogue.Major,
		)
		return
	}
	got, err := catalogue.Read(t.Context(), db)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("schema.sql", []byte(got), 0o644))
	}
	want, err := os.ReadFile("schema.sql")
	require.NoError(t, err)
	if got != string(want) {
		t.Errorf(
			"the schema is not the one that schema.sql tells; -update writes it anew:%s", catalogue.Diff(string(want), got),
		)
	}
}
