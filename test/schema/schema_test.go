package schema_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// tables are those of the schema but for the one that belongs to no tenant.
const tables = `SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('migration', 'context_key')`

// The rules that the catalogue can tell: each query lists what breaks one. Those of tenancy
// are those of package hmstest/isolation, which hosts run as well.
var schemaRules = map[string]string{
	"ForeignKeyHasIndex": `SELECT k.conname FROM (` + tables + `) AS t JOIN pg_constraint AS k ON k.conrelid = t.oid
		AND k.contype = 'f'
		WHERE NOT EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = t.oid
			AND coalesce(pg_get_expr(i.indpred, t.oid), 'IS NOT NULL') ~ 'IS NOT NULL'
			AND k.conkey @> (string_to_array(i.indkey::text, ' ')::int2[])[1:2])`,
	"NumericRefusesNaN": `SELECT t.relname || '.' || a.attname FROM (` + tables + `) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
			AND a.atttypid = 'numeric'::regtype
		WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = t.oid AND k.contype = 'c'
			AND a.attnum = ANY (k.conkey)
			AND (pg_get_constraintdef(k.oid) ~ 'NaN' OR pg_get_constraintdef(k.oid) ~ 'is_money'))`,
	"MoneyHasItsCurrencysRule": `SELECT t.relname || '.' || a.attname FROM (` + tables + `) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '_?amount$'
		WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = t.oid AND k.contype = 'c'
			AND a.attnum = ANY (k.conkey)
			AND pg_get_constraintdef(k.oid) ~ 'is_money')`,
	"NamesAreShort": `SELECT relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND length(relname) > 50 AND NOT c.relispartition
		UNION ALL SELECT conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace
			WHERE n.nspname = 'hms' AND length(conname) > 50`,
	"NoSequencesEnumsOrDeferrables": `SELECT relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind = 'S'
		UNION ALL SELECT typname FROM pg_type AS y JOIN pg_namespace AS n ON n.oid = y.typnamespace WHERE n.nspname = 'hms'
			AND y.typtype = 'e'
		UNION ALL SELECT conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace
			WHERE n.nspname = 'hms' AND k.condeferrable`,
	"IndexOperatorsAreLeakproof": `SELECT i.indexrelid::regclass || ': ' || o.oprname FROM (` + tables + `) AS t
		JOIN pg_index AS i ON i.indrelid = t.oid AND NOT i.indisexclusion
		CROSS JOIN LATERAL unnest(i.indclass) AS cls (oid) JOIN pg_opclass AS oc ON oc.oid = cls.oid
		JOIN pg_amop AS ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype
			AND ao.amoprighttype = oc.opcintype
		JOIN pg_operator AS o ON o.oid = ao.amopopr JOIN pg_proc AS p ON p.oid = o.oprcode
		WHERE NOT p.proleakproof AND o.oprname IN ('=', '<', '>=')`,
}

func TestSchema(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	for rule, query := range schemaRules {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, dbtest.Texts(t, env.DB, query))
		})
	}
	t.Run("TablesAreThere", func(t *testing.T) {
		t.Parallel()
		require.Greater(t, len(dbtest.Texts(t, env.DB, `SELECT relname FROM (`+tables+`) AS t`)), 40,
			"the rules have something to look at")
	})
}

var (
	constraintName = regexp.MustCompile(`^[a-z0-9_]+_(pkey|key|fkey|check|excl)$`)
	partitionName  = regexp.MustCompile(`^audit_event_(\d|default)`)
)

// Every unique key and exclusion constraint has a domain error beside its table; the names
// of the others tell the field and the rule.
func TestSchema_ConstraintsAreNamedAndMapped(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	names := dbtest.Texts(t, env.DB, `SELECT contype::text || ' ' || conname FROM pg_constraint AS k
		JOIN pg_namespace AS n ON n.oid = k.connamespace
		WHERE n.nspname = 'hms' AND contype IN ('p', 'u', 'f', 'c', 'x')
		UNION SELECT 'u ' || c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
			JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND i.indisunique AND NOT i.indisprimary`)
	for _, entry := range names {
		kind, name, _ := strings.Cut(entry, " ")
		if partitionName.MatchString(name) {
			continue // inherited from the parent
		}
		require.Regexp(t, constraintName, name)
		if kind == "u" || kind == "x" {
			require.True(t, dbx.IsDeclared(name), "%s has no domain error: declare it beside its table", name)
		}
	}
}
