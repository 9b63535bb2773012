package interop

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest/catalogue"
	"github.com/chelal/hms/migrate"
)

// half is where one tool stops and another goes on: in the middle of the routines and tables.
var half = last / 2

// In CI all ways are gone.
func TestPsql_IsThere(t *testing.T) {
	t.Parallel()
	if psql() != "" {
		return
	}
	require.NotEqual(t, "true", os.Getenv("CI"), "psql is missing: install PostgreSQL's client")
	t.Log("psql is neither on PATH nor beside the server's binaries: the files were sent by pgx only")
}

// From nothing, every way makes the same schema.
func TestFromNothing(t *testing.T) {
	t.Parallel()
	texts := make(chan [2]string, len(ways()))
	t.Run("ways", func(t *testing.T) {
		t.Parallel()
		for _, w := range ways() {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				dsn := newDatabase(t)
				require.NoError(t, w.to(t.Context(), dsn, last))
				requireWhole(t, dsn)
				require.NoError(t, w.to(t.Context(), dsn, last), "a second run has nothing to do")
				requireWhole(t, dsn)
				texts <- [2]string{w.name, schema(t, openDatabase(t, dsn))}
			})
		}
	})
	t.Cleanup(func() { // when all of them are done
		close(texts)
		first := <-texts
		for other := range texts {
			require.Empty(t, catalogue.Diff(first[1], other[1]), "%s and %s", first[0], other[0])
		}
	})
}

// An ordinary role migrates by each way, and the tool's own table is its own.
func TestFromNothing_AsAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			host, role := newHost(t, dsn)
			require.NoError(t, w.to(t.Context(), host, half))
			require.NoError(t, w.to(t.Context(), host, last))
			requireWhole(t, host)
			db := openDatabase(t, dsn)
			require.Equal(t, []string{"hms_owner"}, query[string](t, db,
				`SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'hms'::regnamespace`))
			if w.table != "" {
				require.Equal(t, []string{role}, query[string](t, db,
					`SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = to_regclass('public.`+w.table+`')`))
			}
		})
	}
}

// What one tool began, Migrate brings to the end.
func TestHalf_ThenMigrate(t *testing.T) {
	t.Parallel()
	for _, w := range steppers() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			require.NoError(t, w.to(t.Context(), dsn, half))
			db := openDatabase(t, dsn)
			before := rows(t, db)
			require.Len(t, before, half)
			_, err := migrate.Check(t.Context(), db)
			require.ErrorIs(t, err, migrate.ErrSchema)
			require.ErrorContains(t, err, "it is older")

			require.NoError(t, byMigrate(t.Context(), dsn, last))
			require.Equal(t, before, rows(t, db)[:half], "what was there is left as it was")
			requireWhole(t, dsn)
		})
	}
}
