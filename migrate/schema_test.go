package migrate_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/migrate"
)

// update writes schema.sql anew.
var update = flag.Bool("update", false, "write schema.sql anew")

// schemaMajor is the major version of PostgreSQL that wrote schema.sql: others word expressions in
// other ways.
const schemaMajor = "15"

// A review reads what a migration does in the diff of schema.sql.
func TestSchema_IsTheGoldenOne(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	require.NoError(t, migrate.Migrate(t.Context(), db))
	var version string
	require.NoError(t, db.NewRaw(`SHOW server_version_num`).Scan(t.Context(), &version))
	if !strings.HasPrefix(version, schemaMajor) {
		t.Logf("schema.sql was written by PostgreSQL %s, which words expressions in other ways than %s: not compared", schemaMajor, version)
		return
	}
	got, err := catalogue(t.Context(), db)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("schema.sql", []byte(got), 0o644))
	}
	want, err := os.ReadFile("schema.sql")
	require.NoError(t, err)
	if got != string(want) {
		t.Errorf("the schema is not the one that schema.sql tells; -update writes it anew:%s%s",
			onlyIn("\n- ", string(want), got), onlyIn("\n+ ", got, string(want)))
	}
}

// onlyIn gives the lines of one text that another lacks.
func onlyIn(mark, text, other string) string {
	has := map[string]bool{}
	for line := range strings.Lines(other) {
		has[line] = true
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !has[line] {
			b.WriteString(mark + strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String()
}
