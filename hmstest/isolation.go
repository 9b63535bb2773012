package hmstest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
)

// tenanted lists the schema's tables with a column tenant_id: parents and partitions.
const tenanted = `SELECT c.relname AS name, c.relispartition AS partition FROM pg_class AS c
	JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p')
	AND EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY c.relname`

// RequireTenantIsolation takes every table of the schema from the catalogue and plays a
// hostile tenant: as the application's role it reads, writes, changes, steals, removes and
// truncates the rows of victim, as tenant of hostile, with no tenant set, and with one that
// is no id. Nothing may come through. victim should have rows in the tables that matter; it
// gives the number of tables in which it had some. A host may run it on its own database
// after its own migrations.
func RequireTenantIsolation(tb testing.TB, victim, hostile *Env) int {
	tb.Helper()
	var tables []struct {
		Name      string
		Partition bool
	}
	require.NoError(tb, victim.DB.NewRaw(tenanted).Scan(tb.Context(), &tables))
	require.NotEmpty(tb, tables)
	filled := 0
	for _, table := range tables {
		row, found := someRow(tb, victim, table.Name)
		if found {
			filled++
		}
		for _, tenant := range []string{hostile.Tenant.String(), "", "no-uuid"} {
			a := attack{tb: tb, table: table.Name, victim: victim.Tenant.String()}
			a.run(victim.DB, tenant, row, found)
		}
	}
	return filled
}

// someRow gives a row of the victim as JSON.
func someRow(tb testing.TB, victim *Env, table string) (string, bool) {
	tb.Helper()
	rows := []string{}
	err := victim.DB.NewRaw(`SELECT to_jsonb(t)::text FROM hms.? AS t WHERE t.tenant_id = ? LIMIT 1`, bun.Ident(table), victim.Tenant).
		Scan(tb.Context(), &rows)
	require.NoError(tb, err)
	if len(rows) == 0 {
		return "", false
	}
	return rows[0], true
}

// attack is what is done to one table, in a transaction that is rolled back.
type attack struct {
	tb     testing.TB
	tx     bun.Tx
	table  string
	victim string
}

func (a *attack) run(db *bun.DB, tenant, row string, found bool) {
	a.tb.Helper()
	var err error
	a.tx, err = db.BeginTx(a.tb.Context(), nil)
	require.NoError(a.tb, err)
	defer func() { require.NoError(a.tb, a.tx.Rollback()) }()
	for _, s := range []string{"SET LOCAL ROLE hms_app", "SET LOCAL hms.tenant = '" + tenant + "'"} {
		_, err := a.tx.ExecContext(a.tb.Context(), s)
		require.NoError(a.tb, err)
	}
	where := ` WHERE tenant_id = '` + a.victim + `'`
	a.nothing(tenant, `SELECT 1 FROM hms.`+a.table+where)
	a.nothing(tenant, `SELECT 1 FROM hms.`+a.table+where+` FOR UPDATE`)
	a.nothing(tenant, `UPDATE hms.`+a.table+` SET tenant_id = tenant_id`+where)
	a.nothing(tenant, `DELETE FROM hms.`+a.table+where)
	a.refused(tenant, `TRUNCATE hms.`+a.table)
	a.refused(tenant, `ALTER TABLE hms.`+a.table+` DISABLE ROW LEVEL SECURITY`)
	if tenant != "no-uuid" && tenant != "" { // steals a row of its own into the victim's tenant, if it has one
		a.nothing(tenant, `UPDATE hms.`+a.table+` SET tenant_id = '`+a.victim+`' WHERE tenant_id = '`+tenant+`'`)
	}
	if found { // writes the victim's own row, as it is
		a.refused(tenant, `INSERT INTO hms.`+a.table+` SELECT * FROM jsonb_populate_record(NULL::hms.`+a.table+`, '`+strings.ReplaceAll(row, "'", "''")+`')`)
	}
}

// nothing requires that the statement is refused or touches no row.
func (a *attack) nothing(tenant, statement string) {
	a.tb.Helper()
	n, err := a.attempt(statement)
	require.True(a.tb, err != nil || n == 0, "as tenant %q: %s touched %d rows", tenant, statement, n)
}

// refused requires that the statement fails.
func (a *attack) refused(tenant, statement string) {
	a.tb.Helper()
	_, err := a.attempt(statement)
	require.Error(a.tb, err, "as tenant %q: %s", tenant, statement)
}

func (a *attack) attempt(statement string) (int64, error) {
	a.tb.Helper()
	_, err := a.tx.ExecContext(a.tb.Context(), "SAVEPOINT attempt")
	require.NoError(a.tb, err)
	defer func() {
		_, err := a.tx.ExecContext(context.WithoutCancel(a.tb.Context()), "ROLLBACK TO SAVEPOINT attempt")
		require.NoError(a.tb, err)
	}()
	res, err := a.tx.ExecContext(a.tb.Context(), statement)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
