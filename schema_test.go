package hms_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbx"
)

// findings runs a query on the catalogue that gives one text per breach of a rule.
func findings(t *testing.T, env *hmstest.Env, query string) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, env.DB.NewRaw(query).Scan(t.Context(), &found))
	return found
}

// notTenanted is the one table that belongs to no tenant.
const tables = `SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND c.relname <> 'migration'`

// The rules that the catalogue can tell: each query lists what breaks one.
var schemaRules = map[string]string{
	"PrimaryKeyBeginsWithTenant": `SELECT t.relname FROM (` + tables + `) AS t
		LEFT JOIN pg_constraint AS p ON p.conrelid = t.oid AND p.contype = 'p'
		LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = p.conkey[1]
		WHERE a.attname IS DISTINCT FROM 'tenant_id'`,
	"UniqueIndexBeginsWithTenant": `SELECT i.indexrelid::regclass::text FROM (` + tables + `) AS t
		JOIN pg_index AS i ON i.indrelid = t.oid JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
		WHERE (i.indisunique OR i.indisexclusion) AND a.attname <> 'tenant_id'`,
	"ForeignKeyHoldsTenant": `SELECT k.conname FROM (` + tables + `) AS t JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'f'
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
		JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
		WHERE a.attname <> 'tenant_id' OR b.attname <> 'tenant_id'`,
	"ForeignKeyHasIndex": `SELECT k.conname FROM (` + tables + `) AS t JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'f'
		WHERE NOT EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = t.oid AND coalesce(pg_get_expr(i.indpred, t.oid), 'IS NOT NULL') ~ 'IS NOT NULL'
			AND k.conkey @> (string_to_array(i.indkey::text, ' ')::int2[])[1:2])`,
	"RowLevelSecurityIsForced": `SELECT t.relname FROM (` + tables + `) AS t JOIN pg_class AS c ON c.oid = t.oid
		WHERE NOT c.relrowsecurity OR NOT c.relforcerowsecurity`,
	"PolicyIsTheTenants": `SELECT t.relname FROM (` + tables + `) AS t WHERE (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = t.oid
		AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = hms.current_tenant())'
		AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = hms.current_tenant())') <> 1`,
	"NoGrantOnAPartition": `SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relispartition AND has_table_privilege('hms_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')`,
	"NothingForEverybody": `SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL aclexplode(c.relacl) AS acl WHERE n.nspname = 'hms' AND acl.grantee = 0
		UNION ALL SELECT p.proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE n.nspname = 'hms' AND has_function_privilege('hms_backup', p.oid, 'EXECUTE')`,
	"NumericRefusesNaN": `SELECT t.relname || '.' || a.attname FROM (` + tables + `) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'numeric'::regtype
		WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = t.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)
			AND (pg_get_constraintdef(k.oid) ~ 'NaN' OR pg_get_constraintdef(k.oid) ~ 'is_money'))`,
	"MoneyHasItsCurrencysRule": `SELECT t.relname || '.' || a.attname FROM (` + tables + `) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '_?amount$'
		WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = t.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)
			AND pg_get_constraintdef(k.oid) ~ 'is_money')`,
	"NamesAreShort": `SELECT relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms' AND length(relname) > 50 AND NOT c.relispartition
		UNION ALL SELECT conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace WHERE n.nspname = 'hms' AND length(conname) > 50`,
	"NoSequencesEnumsOrDeferrables": `SELECT relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms' AND c.relkind = 'S'
		UNION ALL SELECT typname FROM pg_type AS y JOIN pg_namespace AS n ON n.oid = y.typnamespace WHERE n.nspname = 'hms' AND y.typtype = 'e'
		UNION ALL SELECT conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace WHERE n.nspname = 'hms' AND k.condeferrable`,
	"ExclusionsNameTheTenant": `SELECT conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace
		WHERE n.nspname = 'hms' AND k.contype = 'x' AND pg_get_constraintdef(k.oid) !~ 'tenant_id WITH ='`,
	"IndexOperatorsAreLeakproof": `SELECT i.indexrelid::regclass || ': ' || o.oprname FROM (` + tables + `) AS t
		JOIN pg_index AS i ON i.indrelid = t.oid AND NOT i.indisexclusion
		CROSS JOIN LATERAL unnest(i.indclass) AS cls (oid) JOIN pg_opclass AS oc ON oc.oid = cls.oid
		JOIN pg_amop AS ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
		JOIN pg_operator AS o ON o.oid = ao.amopopr JOIN pg_proc AS p ON p.oid = o.oprcode
		WHERE NOT p.proleakproof AND o.oprname IN ('=', '<', '>=')`,
}

func TestSchema(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	for rule, query := range schemaRules {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, findings(t, env, query))
		})
	}
	t.Run("TablesAreThere", func(t *testing.T) {
		t.Parallel()
		require.Greater(t, len(findings(t, env, `SELECT relname FROM (`+tables+`) AS t`)), 40, "the rules have something to look at")
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
	names := findings(t, env, `SELECT contype::text || ' ' || conname FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace
		WHERE n.nspname = 'hms' AND contype IN ('p', 'u', 'f', 'c', 'x')
		UNION SELECT 'u ' || c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
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
