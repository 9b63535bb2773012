package fingerprint_test

import (
	"database/sql"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fingerprint"
	"github.com/chelal/hms/migrate"
)

// way is a way of changing what the catalogue holds.
type way struct {
	name  string
	query string
	apart bool
}

// wayHead begins a way in testdata/ways.sql, which explains them.
var wayHead = regexp.MustCompile(`(?m)^-- way( apart)?: (.*)$`)

func ways(t *testing.T) []way {
	t.Helper()
	body, err := os.ReadFile("testdata/ways.sql")
	require.NoError(t, err)
	text := string(body)
	heads := wayHead.FindAllStringSubmatchIndex(text, -1)
	list := make([]way, len(heads))
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		query := strings.TrimSuffix(strings.TrimSpace(text[h[1]:end]), ";")
		list[i] = way{name: text[h[4]:h[5]], query: query, apart: h[2] >= 0}
	}
	return list
}

type change struct{ statement, kind, name string }

// objects names what the ways choose from: of the trail's months one is like the other.
const objects = `WITH rel AS (
		SELECT c.*, quote_ident(c.relname) AS quoted FROM pg_class AS c
		WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'hms') AND c.relkind IN ('r', 'p')
			AND (c.relname !~ '^audit_event_[0-9]' OR c.relname = (SELECT min(m.relname) FROM pg_class AS m
				WHERE m.relname ~ '^audit_event_[0-9]{4}m[0-9]{2}$'))),
	fun AS (
		SELECT p.*, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS called FROM pg_proc AS p
		WHERE p.pronamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'hms')),
	grantee AS (
		SELECT g.name FROM unnest(ARRAY['PUBLIC', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup', 'zz_host'])
			AS g (name)),
	label AS (SELECT g.name, CASE g.name WHEN 'zz_host' THEN 'other role zz_host' ELSE g.name END AS label
		FROM grantee AS g)
`

// changesOf asks a database which objects a way can change.
func changesOf(t *testing.T, tx *sql.Tx, w way) []change {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), objects+w.query)
	require.NoError(t, err, w.name)
	defer func() { require.NoError(t, rows.Close()) }()
	var list []change
	for rows.Next() {
		var c change
		require.NoError(t, rows.Scan(&c.statement, &c.kind, &c.name))
		list = append(list, c)
	}
	require.NoError(t, rows.Err(), w.name)
	require.NotEmpty(t, list, w.name)
	return list
}

// Whatever of the schema and of our roles is changed, in whichever of the ways, is told by its name; so is what is
// added. Generated from the catalogue, in both modes.
func TestCompare_TellsEveryChange(t *testing.T) {
	t.Parallel()
	e := dbtest.NewOwn(t)
	require.NoError(t, migrate.Soften(t.Context(), e.DB))
	golden := flat(t, read(t, e.DB))
	tried := 0
	for _, w := range ways(t) {
		tx, err := e.DB.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		changes := changesOf(t, tx, w)
		require.NoError(t, tx.Rollback())
		tried += len(changes)
		together := [][]change{changes}
		if w.apart {
			together = nil
			for _, c := range changes {
				together = append(together, []change{c})
			}
		}
		for _, some := range together {
			tx, err := e.DB.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			carryOut(t, tx, w, some)
			differences, _ := fingerprint.Compare(golden, readIn(t, e.DB, tx))
			require.NoError(t, tx.Rollback())
			for _, c := range some {
				if !slices.ContainsFunc(differences, func(d fingerprint.Difference) bool {
					return d.Kind == c.kind && d.Name == c.name
				}) {
					t.Errorf("%s: not told: %s %s\nafter %s", w.name, c.kind, c.name, c.statement)
				}
			}
		}
	}
	after, _ := fingerprint.Compare(golden, read(t, e.DB))
	require.Empty(t, after, "all was rolled back")
	if !t.Failed() {
		t.Logf("%d of %d changes told by their names", tried, tried)
	}
	require.Greater(t, tried, 15_000)
}

// carryOut makes the changes, with a role of a host's at hand.
func carryOut(t *testing.T, tx *sql.Tx, w way, changes []change) {
	t.Helper()
	var b strings.Builder
	b.WriteString("CREATE ROLE zz_host;")
	for _, c := range changes {
		b.WriteString(c.statement + ";\n")
	}
	_, err := tx.ExecContext(t.Context(), b.String(), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err, w.name)
}
