package fingerprint_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fingerprint"
	"github.com/chelal/hms/migrate"
)

// update writes the golden text of the server's version anew.
var update = flag.Bool("update", false, "write the golden text of the server's version anew")

// read reads the catalogue in a transaction of its own that some statements begin, and that is rolled back.
func read(t *testing.T, db *bun.DB, first ...string) fingerprint.Catalogue {
	t.Helper()
	tx, err := db.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	for _, statement := range first {
		_, err := tx.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	return readIn(t, db, tx)
}

func readIn(t *testing.T, db *bun.DB, tx *sql.Tx) fingerprint.Catalogue {
	t.Helper()
	c, err := fingerprint.Read(t.Context(), func(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
		return tx.QueryContext(ctx, query, dbx.Arguments(db, args...)...)
	})
	require.NoError(t, err)
	return c
}

// flat gives the items of a database whose months are alike.
func flat(t *testing.T, c fingerprint.Catalogue) []fingerprint.Item {
	t.Helper()
	items, ok := c.Flat()
	require.True(t, ok, "the trail's months differ from each other")
	return items
}

// modes reads a database of its own in both modes.
func modes(t *testing.T) (ordinary, hardened fingerprint.Catalogue) {
	t.Helper()
	e := dbtest.NewOwn(t)
	require.NoError(t, migrate.Soften(t.Context(), e.DB))
	ordinary = read(t, e.DB, "SET LOCAL ROLE hms_app")
	key, err := dbx.NewContextKey()
	require.NoError(t, err)
	require.NoError(t, migrate.Harden(t.Context(), e.DB, key))
	return ordinary, read(t, e.DB, "SET LOCAL ROLE hms_app")
}

// What a fresh database has is in the golden text of the server's version, for both modes.
func TestGolden(t *testing.T) {
	t.Parallel()
	ordinary, hardened := modes(t)
	got := fingerprint.FormatGolden(flat(t, ordinary), flat(t, hardened))
	file := fmt.Sprintf("golden/%d.txt", ordinary.Version)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		t.Logf("%s is written; what is built in is the text of before: run the test again without -update", file)
		return
	}
	want, ok := fingerprint.Golden(ordinary.Version, fingerprint.Ordinary)
	if !ok {
		t.Logf("no golden text of PostgreSQL %d is built in: not compared; -update writes it", ordinary.Version)
		return
	}
	differences, _ := fingerprint.Compare(want, ordinary)
	for _, d := range differences {
		t.Errorf("ordinary mode: %s; -update writes the golden text anew", d)
	}
	want, _ = fingerprint.Golden(ordinary.Version, fingerprint.Hardened)
	differences, _ = fingerprint.Compare(want, hardened)
	for _, d := range differences {
		t.Errorf("hardened mode: %s; -update writes the golden text anew", d)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, got, string(text), "the golden text is as it is written")
}
