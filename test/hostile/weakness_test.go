package hostile_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/migrate"
)

// Each weakness is found, and gone once it is mended as it says.
func TestWeaknesses(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	find := func(rule, object string) *migrate.Weakness {
		t.Helper()
		found, err := e.H.Weaknesses(t.Context())
		require.NoError(t, err)
		i := slices.IndexFunc(found, func(w migrate.Weakness) bool {
			return w.Rule == rule && (object == "" || w.Object == object)
		})
		if i < 0 {
			return nil
		}
		require.NotEmpty(t, found[i].Object)
		require.NotEmpty(t, found[i].Mend)
		return &found[i]
	}
	const creates = "hms_app may create objects in a schema"
	require.Nil(t, find(creates, "evil"))
	super(t, e, `CREATE SCHEMA evil`, `GRANT CREATE ON SCHEMA evil TO PUBLIC`)
	w := find(creates, "evil")
	require.NotNil(t, w)
	require.False(t, w.UndoesHardening)
	super(t, e, w.Mend)
	require.Nil(t, find(creates, "evil"))

	const temporary = "hms_app may create temporary tables and functions in the database"
	w = find(temporary, "")
	require.NotNil(t, w, "PUBLIC's by default")
	super(t, e, w.Mend)
	require.Nil(t, find(temporary, ""))

	const large = "hms_app may create large objects, which every tenant reads"
	w = find(large, "")
	require.NotNil(t, w, "PUBLIC's by default")
	super(t, e, w.Mend)
	require.Nil(t, find(large, ""))

	w = find("the login is a superuser, whom no rule of the database binds", "")
	require.NotNil(t, w)
	require.True(t, w.UndoesHardening)
	const logs = "the server's log may hold statements, and with them patients' data"
	e.DB.SetMaxOpenConns(1) // for the session's own settings
	super(t, e, `SET log_statement = 'none'`)
	require.Nil(t, find(logs, "log_statement"))
	super(t, e, `SET log_statement = 'mod'`)
	require.NotNil(t, find(logs, "log_statement"))

	const logsIn = "a role of the library's may log in: its name and a password that it gave itself are enough"
	require.Nil(t, find(logsIn, ""))
	super(t, e, `BEGIN`, `ALTER ROLE hms_app LOGIN`) // never committed: roles are the whole server's
	w = find(logsIn, "hms_app")
	require.NotNil(t, w)
	super(t, e, w.Mend)
	require.Nil(t, find(logsIn, ""))
	super(t, e, `ROLLBACK`)
}
