package schema_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/dbx"
)

// references are the columns of every foreign key, pair by pair; borne are the tables whose rows are
// of one patient, by a column patient_id or since they refer to a row of such a table. A user's
// account is none of them: its patient_id says that the user is a patient here himself.
//
// A tie is a foreign key that has the patient with it: (tenant_id, x_id, patient_id) to (tenant_id, id,
// patient_id), where the patient is never unknown.
const references = `WITH RECURSIVE t AS (` + tables + `),
ref AS (
	SELECT k.oid, k.conname, k.conrelid AS child, k.confrelid AS parent, a.attname AS has, a.attnotnull AS always,
		b.attname AS refers
	FROM pg_constraint AS k JOIN t ON t.oid = k.conrelid CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS u (has, refers)
	JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.has
	JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.refers
	WHERE k.contype = 'f' AND k.conparentid = 0),
own AS (SELECT t.oid FROM t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'patient_id'
	WHERE t.relname <> 'user_account'),
borne AS (SELECT oid FROM own UNION SELECT ref.child FROM ref JOIN borne ON borne.oid = ref.parent),
keyed AS (SELECT r.oid, r.conname, r.child, r.parent, r.has, p.always
	FROM ref AS r JOIN ref AS p ON p.oid = r.oid AND p.has = 'patient_id' AND p.refers = 'patient_id'
	WHERE r.refers = 'id'),
tie AS (SELECT * FROM keyed WHERE always)
`

// anothersPatient lists the foreign keys between two tables with a patient of their own that let a row
// of one patient point at a row of another: the patient is not in the key, nor does the key have a
// column by which both are tied to one row, such as the bill of a payment and of its share.
const anothersPatient = references + `SELECT DISTINCT r.conname FROM ref AS r
	WHERE r.child IN (SELECT oid FROM own) AND r.parent IN (SELECT oid FROM own) AND r.refers = 'id'
	AND NOT EXISTS (SELECT 1 FROM tie WHERE tie.child = r.child AND tie.parent = r.parent AND tie.has = r.has)
	AND NOT EXISTS (SELECT 1 FROM ref AS s JOIN tie AS mine ON mine.child = r.child AND mine.has = s.has AND s.always
		JOIN tie AS its ON its.child = r.parent AND its.has = s.refers AND its.parent = mine.parent WHERE s.oid = r.oid)
	ORDER BY 1`

// twoPatients lists the tables without a patient of their own whose rows refer to several rows that
// have one: nothing but these keys, or a trigger, says that it is the same.
const twoPatients = references + `SELECT c.relname FROM pg_class AS c
	WHERE c.oid IN (SELECT oid FROM borne) AND c.oid NOT IN (SELECT oid FROM own) AND c.relname <> 'user_account'
	AND (SELECT count(DISTINCT r.oid) FROM ref AS r WHERE r.child = c.oid AND r.parent IN (SELECT oid FROM borne)) > 1
	ORDER BY 1`

// tiedOtherwise says by reason what of both lists is held by something else.
var tiedOtherwise = map[string]string{
	// Two keys of each, for a key with an unknown patient in it asks nothing.
	"the patient may be nobody; sealed_for never is, and a check ties the one's absence to the other": `
		task_history_task_fkey task_history_person_fkey message_thread_fkey message_person_fkey`,
	"line and share are tied to one bill":                             `bill_line_share`,
	"the trigger apply_credit_line: the line is of the note's bill":   `credit_note_line`,
	"both keys have the bill line; credit_note_line, bill_line_share": `credit_note_share`,
}

// untied gives both lists.
func untied(t *testing.T, env *hmstest.Env) []string {
	t.Helper()
	list := append(dbtest.Texts(t, env.DB, anothersPatient), dbtest.Texts(t, env.DB, twoPatients)...)
	slices.Sort(list)
	return list
}

func TestSchema_ReferencesAreOfOnePatient(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	reasoned := map[string]bool{}
	for _, list := range tiedOtherwise {
		for entry := range strings.FieldsSeq(list) {
			require.False(t, reasoned[entry], "%s has two reasons", entry)
			reasoned[entry] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(reasoned)), untied(t, env),
		"a reference has the patient in its key, or a reason in tiedOtherwise")
	require.Greater(t, len(dbtest.Texts(t, env.DB, references+`SELECT conname FROM tie`)), 20,
		"there is something to look at")
}

// Every key that has the patient with it is tried on rows that a hospital's day left, in every domain:
// the row that is referred to becomes another patient's behind the guards, and raw SQL that refers to
// it is refused. Triggers and checks are off, so that the keys
// answer for themselves.
func TestSchema_NobodyRefersToAnothersRow(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, day.WithLog(t))
	d := fixture.LivedDay(t, env)
	other := env.Patient(t).ID
	start := env.Now().Add(24 * time.Hour)
	_, err := d.H.Scheduling.Book(d.Ctx, scheduling.BookInput{ // a second one, for one that replaces another
		Patient: d.Who.ID, Practitioner: env.User(t, identity.RoleDoctor),
		Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
	})
	require.NoError(t, err)
	var keys []patientKey
	require.NoError(t, d.DB.NewRaw(references+`SELECT conname AS name, c.relname AS child, p.relname AS parent, has,
		(SELECT string_agg(format('%I = p.%I', ref.has, ref.refers), ', ') FROM ref
			WHERE ref.oid = keyed.oid AND ref.has <> 'tenant_id') AS pairs,
		(SELECT string_agg(format('(c.%I IS NOT DISTINCT FROM p.%I)::integer', ref.has, ref.refers), ' + ') FROM ref
			WHERE ref.oid = keyed.oid) AS alike
		FROM keyed JOIN pg_class AS c ON c.oid = child JOIN pg_class AS p ON p.oid = parent ORDER BY 1`).
		Scan(t.Context(), &keys))
	require.Greater(t, len(keys), 20, "there is something to try")
	for _, k := range keys {
		tx, err := d.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		k.try(t, tx, other)
		require.NoError(t, tx.Rollback())
	}
}

// patientKey is a foreign key that has the patient with it; Pairs is the SET that refers to a row p.
// Alike counts the columns of two rows c and p that agree.
type patientKey struct{ Name, Child, Parent, Has, Pairs, Alike string }

func (k patientKey) try(t *testing.T, tx bun.Tx, other hmstype.PatientID) {
	t.Helper()
	exec := func(query string, args ...any) error {
		_, err := tx.NewRaw(query, args...).Exec(t.Context())
		return err
	}
	child, parent, has := bun.Ident(k.Child), bun.Ident(k.Parent), bun.Ident(k.Has)
	require.NoError(t, exec(`ALTER TABLE hms.? DISABLE TRIGGER USER`, child))
	require.NoError(t, exec(`DO $$ DECLARE n text; BEGIN
		FOR n IN SELECT conname FROM pg_constraint WHERE conrelid = 'hms.`+k.Child+`'::regclass AND contype = 'c' LOOP
			EXECUTE format('ALTER TABLE hms.`+k.Child+` DROP CONSTRAINT %I', n);
		END LOOP; END $$`))
	require.NoError(t, exec(`SET LOCAL session_replication_role = replica`))
	var row struct{ ID, Ref string } // one that refers to such a row, or any two of them
	require.NoError(t, tx.NewRaw(`SELECT c.id::text, p.id::text AS ref FROM hms.? AS c CROSS JOIN hms.? AS p
		WHERE c.patient_id IS NOT NULL AND p.patient_id IS NOT NULL AND c.tenant_id = p.tenant_id AND c.id <> p.id
		ORDER BY c.? = p.id DESC NULLS LAST, `+k.Alike+` DESC LIMIT 1`, child, parent, has).
		Scan(t.Context(), &row), "the day left no row for %s", k.Name)
	require.NoError(t, exec(`UPDATE hms.? AS c SET `+k.Pairs+` FROM hms.? AS p WHERE c.id = ? AND p.id = ?`,
		child, parent, row.ID, row.Ref), k.Name)
	refer := func() error { return exec(`UPDATE hms.? SET ? = ? WHERE id = ?`, child, has, row.Ref, row.ID) }
	require.NoError(t, exec(`SET LOCAL session_replication_role = origin`))
	require.NoError(t, refer(), "%s: the same patient's row", k.Name)
	require.NoError(t, exec(`SET LOCAL session_replication_role = replica`))
	require.NoError(t, exec(`UPDATE hms.? SET patient_id = ? WHERE id = ?`, parent, other, row.Ref), k.Name)
	require.NoError(t, exec(`SET LOCAL session_replication_role = origin`))
	err := refer()
	require.Equal(t, "23503", dbx.SQLState(err), "%s: %v", k.Name, err)
	require.ErrorContains(t, err, k.Name)
}

// The walk finds what it is there to find.
func TestSchema_ReferencesToAnothersPatientAreFound(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	before := untied(t, env)
	for _, statement := range []string{
		`CREATE TABLE hms.breach (tenant_id uuid, patient_id uuid NOT NULL, encounter_id uuid, note_id uuid,
			CONSTRAINT breach_plain_fkey FOREIGN KEY (tenant_id, encounter_id) REFERENCES hms.encounter (tenant_id, id),
			CONSTRAINT breach_note_fkey FOREIGN KEY (tenant_id, note_id, encounter_id)
				REFERENCES hms.clinical_note (tenant_id, id, encounter_id))`,
		`CREATE TABLE hms.breach_unknown (tenant_id uuid, patient_id uuid, encounter_id uuid,
			CONSTRAINT breach_unknown_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id)
				REFERENCES hms.encounter (tenant_id, id, patient_id))`,
		`CREATE TABLE hms.breach_pair (tenant_id uuid, encounter_id uuid, bill_id uuid,
			CONSTRAINT breach_pair_encounter_fkey FOREIGN KEY (tenant_id, encounter_id) REFERENCES hms.encounter (tenant_id, id),
			CONSTRAINT breach_pair_bill_fkey FOREIGN KEY (tenant_id, bill_id) REFERENCES hms.bill (tenant_id, id))`,
		`CREATE TABLE hms.good (tenant_id uuid, patient_id uuid NOT NULL, encounter_id uuid NOT NULL, note_id uuid,
			CONSTRAINT good_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id)
				REFERENCES hms.encounter (tenant_id, id, patient_id),
			CONSTRAINT good_note_fkey FOREIGN KEY (tenant_id, note_id, encounter_id)
				REFERENCES hms.clinical_note (tenant_id, id, encounter_id))`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	found := slices.DeleteFunc(untied(t, env), func(entry string) bool { return slices.Contains(before, entry) })
	require.Equal(t, []string{"breach_note_fkey", "breach_pair", "breach_plain_fkey", "breach_unknown_fkey"}, found)
}
