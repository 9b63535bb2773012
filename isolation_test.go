package hms_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/pharmacy"
)

// livedIn gives a tenant with rows in many tables.
func livedIn(t *testing.T) *hmstest.Env {
	t.Helper()
	env := hmstest.New(t)
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := prescribe(t, env, stock.Item, 20, 0)
	_, err := env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20})
	require.NoError(t, err)
	encounter := env.Encounter(t, rx.Patient, clinical.ClassInpatient)
	_, err = env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(t, "").ID})
	require.NoError(t, err)
	draft, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: rx.Patient})
	require.NoError(t, err)
	bill, err := env.H.Billing.IssueBill(env.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	_, err = env.H.Billing.Pay(env.Ctx, billing.PayInput{Bill: bill.ID, Amount: bill.Total, Method: billing.MethodCash})
	require.NoError(t, err)
	return env
}

// asApp runs raw SQL as the application's role, in a transaction that is rolled back.
func asApp(t *testing.T, env *hmstest.Env, tenant string, fn func(exec func(string) (int64, error), count func(string) int)) {
	t.Helper()
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	for _, s := range []string{"SET LOCAL ROLE hms_app", "SET LOCAL hms.tenant = '" + tenant + "'"} {
		_, err := tx.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
	exec := func(statement string) (int64, error) {
		_, err := tx.ExecContext(t.Context(), "SAVEPOINT attempt")
		require.NoError(t, err)
		defer func() { _, _ = tx.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK TO SAVEPOINT attempt") }()
		res, err := tx.ExecContext(t.Context(), statement)
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}
	count := func(query string) int {
		var n int
		require.NoError(t, tx.NewRaw(query).Scan(t.Context(), &n))
		return n
	}
	fn(exec, count)
}

func TestTenant_SeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	first := livedIn(t)
	second := hmstest.New(t)
	names := findings(t, first, `SELECT t.relname FROM (`+tables+`) AS t JOIN pg_class AS c ON c.oid = t.oid WHERE NOT c.relispartition`)
	filled := 0
	for _, table := range names {
		var rows int
		require.NoError(t, first.DB.NewRaw(`SELECT count(*) FROM hms.`+table+` WHERE tenant_id = ?`, first.Tenant).Scan(t.Context(), &rows))
		if rows > 0 {
			filled++
		}
		for _, tenant := range []string{second.Tenant.String(), ""} {
			asApp(t, first, tenant, func(exec func(string) (int64, error), count func(string) int) {
				where := ` WHERE tenant_id = '` + first.Tenant.String() + `'`
				require.Zero(t, count(`SELECT count(*) FROM hms.`+table+where), "%s is read as tenant %q", table, tenant)
				for _, statement := range []string{`UPDATE hms.` + table + ` SET tenant_id = tenant_id` + where, `DELETE FROM hms.` + table + where} {
					n, err := exec(statement)
					require.Zero(t, n, "%s: %v", statement, err)
				}
				_, err := exec(`TRUNCATE hms.` + table)
				require.Error(t, err, "TRUNCATE knows no rows and so no tenant")
			})
		}
		if rows == 0 {
			continue
		}
		asApp(t, first, second.Tenant.String(), func(exec func(string) (int64, error), _ func(string) int) {
			_, err := exec(`INSERT INTO hms.` + table + ` (tenant_id) VALUES ('` + first.Tenant.String() + `')`)
			require.Error(t, err, table)
		})
	}
	require.Greater(t, filled, 25, "the test has rows to look for")

	patients := findings(t, first, `SELECT id::text FROM hms.patient WHERE tenant_id = '`+first.Tenant.String()+`'`)
	require.NotEmpty(t, patients)
	report, err := second.H.Audit.Verify(second.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean())
	trail, err := first.H.Audit.Verify(first.Ctx)
	require.NoError(t, err)
	require.True(t, trail.Clean(), "%+v", trail)
	_, err = second.H.Billing.Bills(second.Ctx, billing.BillsQuery{})
	if err != nil {
		require.ErrorIs(t, err, hms.ErrInvalid)
	}
}
