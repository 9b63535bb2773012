package isolation_test

import (
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// texts which are SQL to a server that reads a backslash as an escape: each would end its literal and go
// on behind it.
var backslashed = []string{
	`\`, `\\`, `\'`, `'`, `''`, `\' OR true --`, `\'; SELECT 1 --`, `\', $$["identity.manage"]$$, now(), 1) --`,
	`\' || (SELECT version()) || $$`, `$1`, `?`, `?0`, `?!(`, `E'\\'`, `{"a\"}`,
}

// Where the server, the database or the login has standard_conforming_strings off, a text is a text all the
// same: it is in no statement.
func TestInjection_WithoutStandardConformingStrings(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	hacker := env.Neighbour(t)
	var database string
	require.NoError(t, env.DB.NewRaw(`SELECT current_database()`).Scan(t.Context(), &database))
	_, err := env.DB.NewRaw(`ALTER DATABASE ? SET standard_conforming_strings = off`, bun.Ident(database)).
		Exec(t.Context())
	require.NoError(t, err)
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		for _, uncached := range []bool{false, true} {
			h := openIn(t, env, mode, uncached)
			var off string
			require.NoError(t, h.db.DB.QueryRowContext(
				t.Context(), `SHOW standard_conforming_strings`, pgx.QueryExecModeExec).Scan(&off))
			require.Equal(t, "off", off)
			for i, text := range backslashed {
				h.requireKept(t, env, hacker, i, text)
			}
		}
	}
}

type opened struct {
	*hms.HMS
	db   *bun.DB
	name string
}

// openIn gives the library on the environment's database in one of pgx's modes, which a host chooses.
func openIn(t *testing.T, env *hmstest.Env, mode pgx.QueryExecMode, uncached bool) opened {
	t.Helper()
	config, err := pgx.ParseConfig(env.DSN)
	require.NoError(t, err)
	config.DefaultQueryExecMode = mode
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	o := opened{db: bun.NewDB(pool, pgdialect.New()), name: mode.String()}
	if uncached {
		o.name += " uncached"
	}
	o.HMS, err = hms.New(o.db, hms.Config{Now: env.Now, UncachedStatements: uncached})
	require.NoError(t, err)
	return o
}

// requireKept stores the text, finds it again byte for byte, and finds nobody by it who is not meant.
func (o opened) requireKept(t *testing.T, env, hacker *hmstest.Env, i int, text string) {
	t.Helper()
	name := o.name + " " + strconv.Itoa(i)
	role, err := o.Identity.CreateRole(hacker.Ctx, identity.CreateRoleInput{
		Name: name, RoleDetails: identity.RoleDetails{Description: text},
	})
	require.NoError(t, err, name)
	require.Empty(t, role.Permissions)
	roles, err := o.Identity.ListRoles(hacker.Ctx)
	require.NoError(t, err)
	found := false
	for _, r := range roles {
		if r.ID == role.ID {
			require.Equal(t, text, r.Description)
			require.Equal(t, name, r.Name)
			require.Empty(t, r.Permissions)
			found = true
		}
	}
	require.True(t, found)
	registered, err := o.Patient.Register(env.Ctx, patient.RegisterInput{Details: patient.Details{
		LastName: "Test " + text, Gender: patient.GenderUnknown,
	}})
	require.NoError(t, err, name)
	got, err := o.Patient.Get(env.Ctx, registered.ID)
	require.NoError(t, err)
	require.Equal(t, registered.LastName, got.LastName)
	for _, in := range []patient.SearchInput{{MRN: text}, {Name: text}} {
		hits, err := o.Patient.Search(hacker.Ctx, in)
		if err == nil {
			require.Empty(t, hits.Items, "%s: another tenant's patients", name)
		}
	}
}
