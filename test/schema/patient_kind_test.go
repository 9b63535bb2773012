package schema_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// kinds says by what a new row is to its patient which tables hold such; see
// migrate/routine/core/install_table.sql. A table with a patient stands in one of them.
var kinds = map[string]string{
	"care":      "appointment encounter lab_order medication_dispense prescription stay",
	"follow-up": "allergy clinical_note condition lab_order_item lab_result lab_specimen vitals",
	"money": `bill bill_line bill_share billing_account charge coverage credit_note payment refund
		refund_request`,
	"trail": `audit_event break_glass disclosure erasure lab_critical_alert legal_hold message message_thread
		notification patient_identifier patient_key patient_likeness patient_token task task_history user_account`,
}

// withoutKind are tables that install_table is not told the patient of, and that are written whatever became of the
// record: the trail itself, what follows from a name, and the account by which a person looks at his own record.
var withoutKind = []string{"audit_event", "patient_key", "patient_likeness", "patient_token", "user_account"}

// timed are the follow-ups that know when they happened; the others tell of an encounter or an order that began before.
var timed = []string{"lab_result", "lab_specimen", "vitals"}

func TestSchema_TablesSayWhatTheyAreToThePatient(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	const ofPatients = `FROM (` + tables + `) AS t JOIN pg_class AS c ON c.oid = t.oid
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'patient_id' AND NOT a.attisdropped
		WHERE NOT c.relispartition`
	listed := []string{}
	for kind, list := range kinds {
		want := strings.Fields(list)
		listed = append(listed, want...)
		want = slices.DeleteFunc(want, func(table string) bool { return slices.Contains(withoutKind, table) })
		got := dbtest.Texts(t, env.DB, `SELECT t.relname `+ofPatients+` AND obj_description(t.oid, 'pg_class') = ?`, kind)
		require.ElementsMatch(t, want, got, kind)
	}
	require.ElementsMatch(t, listed, dbtest.Texts(t, env.DB, `SELECT t.relname `+ofPatients),
		"a table with patients' rows is equipped by install_table and says of which kind its rows are")
	guarded := dbtest.Texts(t, env.DB, `SELECT t.relname `+ofPatients+` AND EXISTS (SELECT 1 FROM pg_trigger AS g
		JOIN pg_proc AS p ON p.oid = g.tgfoid WHERE g.tgrelid = t.oid AND p.proname = 'guard_patient'
		AND g.tgenabled = 'O' AND g.tgqual IS NULL AND g.tgtype & (1 | 2 | 4) = (1 | 2 | 4))`)
	require.ElementsMatch(t, append(strings.Fields(kinds["care"]), timed...), guarded, "the guard stands on each")
	owner := `SELECT hms.install_table('coverage', 'patient_id'`
	for _, says := range []string{"", ", p_kind => 'cure'", ", p_kind => 'care', p_happened => 'created_at'"} {
		_, err := env.DB.NewRaw(owner + says + ")").Exec(t.Context())
		require.Equal(t, "P0001", stateOf(err), "a table does not come without: %s", says)
	}
}

// stateOf gives the SQLSTATE of an error; empty for none.
func stateOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// A row of every table that begins something is put there once more by raw SQL, as a superuser. Nothing but the
// patient's state refuses it before the keys do.
func TestSchema_NothingBeginsForWhomNothingBegins(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, day.WithLog(t))
	d := fixture.LivedDay(t, env)
	became := map[string]string{
		"":      "version = version",
		"HM602": "status = 'merged', merged_into_id = '" + env.Patient(t).ID.String() + "'",
		"HM603": "status = 'entered-in-error'",
		"HM604": "is_deceased = true",
	}
	for table := range strings.FieldsSeq(kinds["care"]) {
		for state, change := range became {
			got := once(t, d.DB, table, change)
			if state == "" {
				require.NotContains(t, []string{"HM602", "HM603", "HM604"}, got, table)
				continue
			}
			require.Equal(t, state, got, table)
		}
		require.Equal(t, "HM603", once(t, d.DB, table, "status = 'inactive'"), table)
	}
	at := map[string]string{"lab_result": "collected_at", "lab_specimen": "collected_at", "vitals": "taken_at"}
	for _, table := range timed {
		happened := "is_deceased = true, deceased_at = (SELECT max(" + at[table] + ") FROM hms." + table + " AS r" +
			" WHERE r.tenant_id = p.tenant_id AND r.patient_id = p.id)"
		require.NotEqual(t, "HM605", once(t, d.DB, table, happened), "at the instant of death: %s", table)
		require.Equal(t, "HM605", once(t, d.DB, table, happened+" - interval '1 microsecond'"), table)
		require.NotEqual(t, "HM605", once(t, d.DB, table, "is_deceased = true"), "nobody knows when: %s", table)
	}
}

// once puts the rows of a table there once more after their patients have become so, undoes both, and gives the
// SQLSTATE.
func once(t *testing.T, db *bun.DB, table, became string) string {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	exec := func(query string) error {
		_, err := tx.NewRaw(query).Exec(t.Context())
		return err
	}
	require.NoError(t, exec(`SET LOCAL session_replication_role = replica`))
	require.NoError(t, exec(`UPDATE hms.patient AS p SET `+became+
		` WHERE (tenant_id, id) IN (SELECT tenant_id, patient_id FROM hms.`+table+`)`))
	require.NoError(t, exec(`SET LOCAL session_replication_role = origin`))
	var columns string
	require.NoError(t, tx.NewRaw(`SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
		WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, "hms."+table).
		Scan(t.Context(), &columns))
	return stateOf(exec(`INSERT INTO hms.` + table + ` (` + columns + `) SELECT ` + columns + ` FROM hms.` + table))
}
