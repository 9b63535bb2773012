package schema_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// kept tells whether a trigger before DELETE and TRUNCATE refuses every statement, whoever sends it:
// tgtype has bit 0 for rows, 1 for before, 3 for DELETE and 5 for TRUNCATE.
const kept = `EXISTS (SELECT 1 FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid
	WHERE g.tgrelid = t.oid AND p.proname = 'refuse_change' AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL
	AND g.tgtype & (1 | 2 | 8 | 32) = (2 | 8 | 32))`

// mayGo says by reason which tables' rows may be removed. All others hold patients' records, the
// hospital's master data, its money or the proof of them; design.md: nothing is deleted.
var mayGo = map[string]string{
	"proves who somebody is only for as long as it does; what was done with it is on the trail": `login_source
		user_device user_recovery_code user_session user_token user_totp webauthn_credential`,
	"roles and sign-ins are given and taken, and the trail has both": `external_identity user_role`,
	"made anew from the names whenever these change": `patient_key patient_likeness
		patient_token user_look`,
	"a mechanism: delivered or expired means done": `idempotency_key outbox`,
}

// unkept gives the tables, partitions included, whose rows somebody can remove.
func unkept(t *testing.T, env *hmstest.Env) []string {
	t.Helper()
	list := dbtest.Texts(t, env.DB, `SELECT t.relname FROM (`+tables+`) AS t WHERE NOT `+kept)
	slices.Sort(list)
	return list
}

func TestSchema_RowsOfTheRecordAreKept(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	reasoned := map[string]bool{}
	for _, list := range mayGo {
		for table := range strings.FieldsSeq(list) {
			require.False(t, reasoned[table], "%s has two reasons", table)
			reasoned[table] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(reasoned)), unkept(t, env),
		"a table keeps its rows (hms.keep_rows, hms.append_only), or has a reason in mayGo")
	require.Empty(t, dbtest.Texts(t, env.DB, `SELECT t.relname FROM (`+tables+`) AS t WHERE `+kept+` AND EXISTS (SELECT 1
		FROM pg_roles AS r WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup')
		AND has_table_privilege(r.oid, t.oid, 'DELETE, TRUNCATE'))`),
		"the first guard: no role of the library's may remove what nobody removes")
}

// The second guard is tried on every table, as the owner and as a superuser.
func TestSchema_NobodyRemovesRowsOfTheRecord(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	tried := 0
	for _, table := range dbtest.Texts(t, env.DB, `SELECT t.relname FROM (`+tables+`) AS t WHERE `+kept) {
		for _, role := range []string{"NONE", "hms_owner"} {
			for _, statement := range []string{`DELETE FROM hms.` + table, `TRUNCATE hms.` + table + ` CASCADE`} {
				tx, err := env.DB.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				_, err = tx.ExecContext(t.Context(), `SET LOCAL ROLE `+role)
				require.NoError(t, err)
				_, err = tx.ExecContext(t.Context(), statement)
				require.Equal(t, "HM002", dbx.SQLState(err), "%s as %s", statement, role)
				require.NoError(t, tx.Rollback())
				tried++
			}
		}
	}
	require.Greater(t, tried, 300, "there is something to try")
}

// The walk finds what it is there to find.
func TestSchema_TablesThatLoseRowsAreFound(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	before := unkept(t, env)
	for _, statement := range []string{
		`CREATE TABLE hms.breach_bare (tenant_id uuid, id uuid)`,
		`CREATE TABLE hms.breach_granted (LIKE hms.breach_bare)`,
		`SELECT hms.secure_table('breach_granted', 'SELECT, DELETE')`,
		`CREATE TABLE hms.breach_off (LIKE hms.breach_bare)`, `SELECT hms.secure_table('breach_off', 'SELECT, INSERT')`,
		`ALTER TABLE hms.breach_off DISABLE TRIGGER USER`,
		`CREATE TABLE hms.breach_rows (LIKE hms.breach_bare)`,
		`CREATE TRIGGER breach_rows BEFORE DELETE ON hms.breach_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()`,
		`CREATE TABLE hms.good_kept (LIKE hms.breach_bare)`,
		`SELECT hms.secure_table('good_kept', 'SELECT, INSERT, UPDATE (id)')`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	found := slices.DeleteFunc(unkept(t, env), func(table string) bool { return slices.Contains(before, table) })
	require.Equal(t, []string{"breach_bare", "breach_granted", "breach_off", "breach_rows"}, found)
}
