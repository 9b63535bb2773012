package hms_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// livedIn gives a tenant with rows in many tables.
func livedIn(t *testing.T) *hmstest.Env {
	t.Helper()
	env := hmstest.New(t)
	bill := liveIn(t, env)
	_, err := env.H.Billing.Pay(env.Ctx, billing.PayInput{Bill: bill.ID, Amount: bill.Total, Method: billing.MethodCash})
	require.NoError(t, err)
	return env
}

// liveIn does a little of everything and gives a bill that is to be paid.
func liveIn(t *testing.T, env *hmstest.Env) billing.Bill {
	t.Helper()
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
	return bill
}

func TestTenant_SeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	first, second := livedIn(t), livedIn(t)
	filled := hmstest.RequireTenantIsolation(t, first, second)
	require.Greater(t, filled, 25, "the test has rows to look for")

	for _, env := range []*hmstest.Env{first, second} {
		report, err := env.H.Audit.Verify(env.Ctx)
		require.NoError(t, err)
		require.True(t, report.Clean(), "%+v", report)
	}
	list, err := second.H.Patient.Search(second.Ctx, patient.SearchInput{Name: "test"})
	require.NoError(t, err)
	theirs := findings(t, first, `SELECT id::text FROM hms.patient WHERE tenant_id = '`+first.Tenant.String()+`'`)
	require.NotEmpty(t, theirs)
	for _, p := range list.Items {
		require.NotContains(t, theirs, p.ID.String())
	}
}

// probe is a testing.TB that only notes a failure.
type probe struct {
	testing.TB
	failed bool
}

func (p *probe) Errorf(string, ...any) { p.failed = true }

func (p *probe) FailNow() {
	p.failed = true
	runtime.Goexit()
}

func TestRequireTenantIsolation_FindsABreach(t *testing.T) {
	t.Parallel()
	for _, breach := range []string{
		`ALTER TABLE hms.ward DISABLE ROW LEVEL SECURITY`,
		`CREATE POLICY open_door ON hms.ward USING (true)`,
		`GRANT TRUNCATE ON hms.outbox TO hms_app`,
	} {
		victim := hmstest.NewOwn(t)
		victim.Bed(t, "")
		_, err := victim.DB.ExecContext(t.Context(), breach)
		require.NoError(t, err)
		p := &probe{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			hmstest.RequireTenantIsolation(p, victim, hmstest.New(t))
		}()
		<-done
		require.True(t, p.failed, breach)
	}
}
