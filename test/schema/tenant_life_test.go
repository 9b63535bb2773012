package schema_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest"
)

// ofNoTenant are the tables that no tenant's archive holds and that no tenant's deletion empties, and why.
var ofNoTenant = map[string]string{
	"context_key":   "keys of hardened mode: the installation's",
	"migration":     "the steps of the schema: the installation's",
	"tenant_record": "what became of the tenant in this database: it outlives it, and does not come with it",
}

// A table that has rows of tenants is found by its column, so none can be forgotten.
func TestSchema_TenantsMoveWhole(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	left := dbtest.Texts(t, env.DB, `SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'hms'::regnamespace
		AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition AND (c.relname = 'tenant_record' OR NOT EXISTS (
			SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))`)
	for _, table := range left {
		require.Contains(t, ofNoTenant, table)
	}
	require.Empty(t, dbtest.Texts(t, env.DB, `SELECT conrelid::regclass::text FROM pg_constraint
		WHERE contype = 'f' AND connamespace = 'hms'::regnamespace AND conrelid = confrelid
		GROUP BY 1 HAVING count(*) > 1`), "rows of a table are put in order by one reference to itself")
}

// standsForMoved are the functions of triggers before or after new rows that do not ask hms.is_moving_in, and why a row
// that comes as it was passes them unchanged.
var standsForMoved = map[string]string{
	"guard_credential":          "the owner may",
	"guard_deleted_tenant":      "the last record says that the tenant came",
	"user_account_first_person": "what it asks holds for rows as they were: the first account comes first",
	"user_account_keep_person":  "changes no row that has a person",
}

// A new trigger that refuses new rows, or writes others because of them, would falsify a tenant that comes; one that
// refuses to remove rows would keep a deleted one.
func TestSchema_TriggersKnowWholeTenants(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	const called = `SELECT DISTINCT p.proname FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid
		JOIN pg_class AS c ON c.oid = g.tgrelid
		WHERE c.relnamespace = 'hms'::regnamespace AND NOT g.tgisinternal AND g.tgtype & ? <> 0 AND p.prosrc !~ ?`
	const onInsert, onDelete = 4, 8
	deaf := dbtest.Texts(t, env.DB, called, onInsert, `hms\.is_moving_in\(\)`)
	slices.Sort(deaf)
	require.Equal(t, slices.Sorted(maps.Keys(standsForMoved)), deaf)
	require.Empty(t, dbtest.Texts(t, env.DB, called, onDelete, `hms\.is_removing\(\)`))
}
