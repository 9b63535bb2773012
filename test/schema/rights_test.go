package schema_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// grants are the rights of our roles on our tables, a column's as one on that column; SELECT is left out, and the
// owner, and the backup, which only reads.
const grants = `SELECT r.rolname AS role, x.privilege_type AS verb, t.relname AS entity, '' AS col
	FROM (` + tables + `) AS t JOIN pg_class AS c ON c.oid = t.oid CROSS JOIN LATERAL aclexplode(c.relacl) AS x
	JOIN pg_roles AS r ON r.oid = x.grantee WHERE r.rolname ~ '^hms_' AND r.rolname <> 'hms_owner'
	UNION SELECT r.rolname, x.privilege_type, t.relname, a.attname
	FROM (` + tables + `) AS t JOIN pg_attribute AS a ON a.attrelid = t.oid CROSS JOIN LATERAL aclexplode(a.attacl) AS x
	JOIN pg_roles AS r ON r.oid = x.grantee WHERE r.rolname ~ '^hms_' AND r.rolname <> 'hms_owner'`

// What the catalogue can tell of the application's rights: each query lists what breaks a rule.
var rightRules = map[string]string{
	"UpdateIsByColumn": `SELECT role || ' ' || verb || ' ' || entity FROM (` + grants + `) AS g
		WHERE verb = 'UPDATE' AND col = ''`,
	"KeyTenantAndCreationStay": `SELECT g.role || ' ' || g.entity || '.' || g.col FROM (` + grants + `) AS g
		WHERE g.verb = 'UPDATE' AND (g.col IN ('tenant_id', 'id', 'created_at', 'created_by') OR EXISTS (
			SELECT 1 FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
			WHERE k.conrelid = ('hms.' || g.entity)::regclass AND k.contype = 'p' AND a.attname = g.col))`,
	"DeleteIsForWhatExpires": `SELECT role || ' ' || entity FROM (` + grants + `) AS g
		WHERE verb = 'DELETE' AND entity NOT IN ('outbox', 'idempotency_key',
			'login_source', 'user_device', 'user_session', 'user_token')`,
	"NothingElse": `SELECT role || ' ' || verb || ' ' || entity || ' ' || col FROM (` + grants + `) AS g
		WHERE verb NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')`,
}

func TestRights(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	for rule, query := range rightRules {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, dbtest.Texts(t, env.DB, query))
		})
	}
}

// Who may change a whole table or remove from it may lock it against everybody, as PostgreSQL has it. So the
// application locks none but those from which it removes what has expired: the mechanisms, whose loss of a while is
// an outage as any statement without an end is one, and no other table's.
func TestRights_NoTableIsLocked(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	removes := dbtest.Texts(t, env.DB, `SELECT entity FROM (`+grants+`) AS g WHERE role = 'hms_app' AND verb = 'DELETE'`)
	ctx := context.Background()
	conn, err := env.DB.Conn(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	for _, table := range dbtest.Texts(t, env.DB, `SELECT relname FROM (`+tables+`) AS t`) {
		for _, mode := range []string{"SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"} {
			_, err := conn.ExecContext(ctx, fmt.Sprintf(
				"BEGIN; SET LOCAL lock_timeout = '10ms'; SET LOCAL ROLE hms_app; LOCK TABLE hms.%s IN %s MODE", table, mode))
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			if !slices.Contains(removes, table) {
				require.ErrorContains(t, err, "42501", "%s in mode %s", table, mode)
			}
		}
	}
}

// The sentence that begins the page.
const rightsHead = `# Rights by use case

Written by a test from the catalogue and from the lived day, in which every public method is called once:
` + "`go test ./test/schema -run TestRights_AreListed -update`" + `

What each role may do to each table, and the use cases of the day that did it. A right that no use case used fails the
test, and so does a use case that needs one that is not there. ` + "`SELECT`" + ` is on whole tables, those below.
What a function does for the application as the owner, which the application may not do itself, stands as the owner's.

`

// observer notes who does what to which table in which use case: a trigger UPDATE OF a column fires where a statement
// sets it, be it to what it was.
const observer = `CREATE SCHEMA observed;
CREATE TABLE observed.deed (operation text, role text, verb text, entity text, col text);
GRANT USAGE ON SCHEMA observed TO PUBLIC;
GRANT INSERT ON observed.deed TO PUBLIC;
CREATE FUNCTION observed.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO observed.deed
	VALUES (split_part(coalesce(current_setting('hms.context', true), ''), chr(31), 5), current_user, TG_OP,
		TG_ARGV[0], TG_ARGV[1]);
	RETURN NULL;
END $$;
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT t.relname, a.attname, a.attnum FROM (` + tables + ` AND NOT c.relispartition) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
	LOOP
		EXECUTE format('CREATE TRIGGER aa_observed_%s BEFORE UPDATE OF %I ON hms.%I FOR EACH STATEMENT
			EXECUTE FUNCTION observed.note(%L, %L)', r.attnum, r.attname, r.relname, r.relname, r.attname);
		CONTINUE WHEN r.attnum > 1;
		EXECUTE format('CREATE TRIGGER aa_observed BEFORE INSERT OR DELETE ON hms.%I FOR EACH STATEMENT
			EXECUTE FUNCTION observed.note(%L, '''')', r.relname, r.relname);
	END LOOP;
END $$`

// right is one that a role has, or used in an operation.
type right struct{ Role, Verb, Entity, Col, Operation string }

func TestRights_AreListed(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, day.WithLog(t))
	_, err := env.DB.DB.ExecContext(t.Context(), observer)
	require.NoError(t, err)
	fixture.LivedDay(t, env)
	liveOn(t, env)

	var held, used []right
	require.NoError(t, env.DB.NewRaw(`SELECT role, verb, entity, col, '' AS operation FROM (`+grants+`) AS g
		WHERE verb <> 'SELECT' AND role <> 'hms_backup'`).Scan(t.Context(), &held))
	require.NoError(t, env.DB.NewRaw(`SELECT DISTINCT role, verb, entity, col, operation FROM observed.deed
		WHERE role ~ '^hms_' AND operation <> ''`).Scan(t.Context(), &used))
	needs := map[right][]string{}
	for _, u := range used {
		key := right{u.Role, u.Verb, u.Entity, u.Col, ""}
		needs[key] = append(needs[key], u.Operation)
	}
	for _, h := range held {
		assert.NotEmpty(t, needs[h], "no use case needs %s of %s on %s %s", h.Verb, h.Role, h.Entity, h.Col)
	}
	requireUpToDate(t, root+"/docs/rights.md", rightsHead+rightsTable(needs))
}

// rightsTable gives a line per table, right and use cases: columns that the same use cases set stand together.
func rightsTable(needs map[right][]string) string {
	columns := map[right][]string{}
	for key, operations := range needs {
		slices.Sort(operations)
		line := right{key.Role, key.Verb, key.Entity, "", "`" + strings.Join(operations, "`, `") + "`"}
		columns[line] = append(columns[line], key.Col)
	}
	var lines []string
	for line, names := range columns {
		verb := line.Verb
		if slices.Sort(names); verb == "UPDATE" {
			verb += " (" + strings.Join(names, ", ") + ")"
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | `%s` | %s |\n", line.Entity, line.Role, verb, line.Operation))
	}
	slices.Sort(lines)
	return "| table | role | right | use cases |\n|---|---|---|---|\n" + strings.Join(lines, "")
}
