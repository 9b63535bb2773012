package billing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// bundle is a tenant with a live patient and a small catalogue.
type bundle struct {
	*dbtest.Env
	s        *billing.Service
	port     billing.Port
	patients *patient.Service
	patient  hmstype.PatientID
	service  billing.ServiceItem // code "CONSULT", 40.00 USD, no tax
	taxed    billing.ServiceItem // code "SPECTACLES", 19.99 USD, 7.5 % tax
}

func setup(tb testing.TB) *bundle {
	tb.Helper()
	return setupOn(tb, dbtest.New(tb))
}

func setupOn(tb testing.TB, env *dbtest.Env) *bundle {
	tb.Helper()
	patients := patient.New(env.Base, patient.Ports{})
	b := &bundle{
		Env: env, patients: patients, s: billing.New(env.Base, billing.Ports{Patients: patient.NewPort(env.Base)}),
		port: billing.NewPort(env.Base),
	}
	b.patient = b.newPatient(tb)
	b.service = b.newService(tb, "CONSULT", "0", "40.00")
	b.taxed = b.newService(tb, "SPECTACLES", "7.5", "19.99")
	return b
}

// withoutRetry makes a deadlock an error of the test instead of a second try.
func (b *bundle) withoutRetry() {
	b.Base.DB = dbx.NewHandle(b.DB, dbx.Options{Now: b.Clock.Now, MaxAttempts: 1})
	b.patients = patient.New(b.Base, patient.Ports{})
	b.s, b.port = billing.New(b.Base, billing.Ports{Patients: patient.NewPort(b.Base)}), billing.NewPort(b.Base)
}

func (b *bundle) newPatient(tb testing.TB) hmstype.PatientID {
	tb.Helper()
	p, err := b.patients.Register(b.Ctx, patient.RegisterInput{Details: patient.Details{
		FirstName: "Test", LastName: "Person " + hmstype.NewID[hmstype.PatientID]().String(), Gender: patient.GenderUnknown,
		BirthDate: hmstype.NewDate(1980, time.May, 17), BirthDatePrecision: patient.PrecisionDay,
	}})
	require.NoError(tb, err)
	return p.ID
}

func (b *bundle) newService(tb testing.TB, code, tax, price string) billing.ServiceItem {
	tb.Helper()
	item, err := b.s.CreateServiceItem(b.Ctx, billing.CreateServiceItemInput{
		Code: code,
		ServiceDetails: billing.ServiceDetails{Name: "Name of " + code, Category: "Test",
			TaxPercent: decimal.RequireFromString(tax)},
	})
	require.NoError(tb, err)
	_, err = b.s.SetPrice(b.Ctx, billing.SetPriceInput{
		Service: item.ID, Amount: usd(price), From: hmstype.NewDate(2020, 1, 1),
	})
	require.NoError(tb, err)
	return item
}

// encounter inserts an encounter of the patient by SQL: it belongs to another package.
func (b *bundle) encounter(tb testing.TB, patientID hmstype.PatientID) hmstype.EncounterID {
	tb.Helper()
	id, doctor := hmstype.NewID[hmstype.EncounterID](), b.User(tb, identity.RoleDoctor)
	_, err := b.DB.NewRaw(`INSERT INTO hms.encounter (tenant_id, id, patient_id, practitioner_id, class, status,
		started_at, created_at, created_by)
		VALUES (?, ?, ?, ?, 'AMB', 'in-progress', ?, ?,
		'system:test')`, b.Tenant, id, patientID, doctor.ID, dbtest.Start, dbtest.Start).Exec(tb.Context())
	require.NoError(tb, err)
	return id
}

func (b *bundle) cover(tb testing.TB, payer string, priority int, percent string) patient.Coverage {
	tb.Helper()
	c, err := b.patients.AddCoverage(b.Ctx, patient.AddCoverageInput{
		Patient: b.patient, CoverageDetails: patient.CoverageDetails{
			PayerName: payer, PolicyNumber: "P-" + payer, Priority: priority,
			Percent: decimal.RequireFromString(percent), ValidFrom: hmstype.NewDate(2020, 1, 1),
		},
	})
	require.NoError(tb, err)
	return c
}

// post captures a charge through the port, as another package's use case does.
func (b *bundle) post(tb testing.TB, req charge.Request) hmstype.ChargeID {
	tb.Helper()
	id, err := b.postAlone(req)
	require.NoError(tb, err)
	return id
}

func (b *bundle) postAlone(req charge.Request) (id hmstype.ChargeID, err error) {
	err = b.Base.DB.InTx(b.Ctx, "test", func(ctx context.Context, db dbx.DB) (err error) {
		id, err = b.port.Post(ctx, db.Conn(), req)
		return err
	})
	return id, err
}

func (b *bundle) reverse(tb testing.TB, source charge.Source) error {
	tb.Helper()
	return b.InTx(tb, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		return b.port.Reverse(ctx, db.Conn(), source, "taken back")
	})
}

// request is a charge of the bundle's patient with a source of its own.
func (b *bundle) request(code, quantity string) charge.Request {
	return charge.Request{
		Source:  charge.Source{Kind: "test", ID: hmstype.NewID[hmstype.ChargeID]().String()},
		Patient: b.patient, Service: code, Quantity: decimal.RequireFromString(quantity), At: b.Clock.Now(),
	}
}

// priced is a request at a price of its own.
func (b *bundle) priced(code, quantity, price string, currency hmstype.Currency) charge.Request {
	req := b.request(code, quantity)
	m := hmstype.MustMoney(price, currency)
	req.UnitPrice = &m
	return req
}

// issued bills the patient's charges and issues the bill.
func (b *bundle) issued(tb testing.TB) billing.Bill {
	tb.Helper()
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(tb, err)
	bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(tb, err)
	return bill
}

// billOf100 is an issued bill of 100.00 USD.
func (b *bundle) billOf100(tb testing.TB) billing.Bill {
	tb.Helper()
	b.post(tb, b.priced("CONSULT", "1", "100.00", "USD"))
	return b.issued(tb)
}

func (b *bundle) pay(bill hmstype.BillID, amount string) (billing.Payment, error) {
	return b.s.Pay(b.Ctx, billing.PayInput{Bill: bill, Amount: usd(amount), PaymentDetails: by(billing.MethodCash)})
}

func (b *bundle) bill(tb testing.TB, id hmstype.BillID) billing.Bill {
	tb.Helper()
	bill, err := b.s.GetBill(b.Ctx, id)
	require.NoError(tb, err)
	return bill
}

// requireProof demands that everything which is kept in two places fits.
func (b *bundle) requireProof(tb testing.TB) billing.Report {
	tb.Helper()
	proof, err := b.s.Verify(b.Ctx)
	require.NoError(tb, err)
	require.Empty(tb, proof.Drifts)
	require.Empty(tb, proof.Gaps)
	balances, err := b.s.ListBalances(b.Ctx)
	require.NoError(tb, err)
	sums := map[hmstype.Currency]decimal.Decimal{}
	for _, a := range balances {
		sums[a.Balance.Currency] = sums[a.Balance.Currency].Add(a.Balance.Amount)
	}
	for currency, sum := range sums {
		require.True(tb, sum.IsZero(), "the ledger in %s sums to %s", currency, sum)
	}
	return proof
}

// balance gives the balance of an account in USD, as text.
func (b *bundle) balance(tb testing.TB, account string) string {
	tb.Helper()
	balances, err := b.s.ListBalances(b.Ctx)
	require.NoError(tb, err)
	for _, a := range balances {
		if a.Account == account && a.Balance.Currency == "USD" {
			return a.Balance.String()
		}
	}
	return "0.00 USD"
}

func usd(amount string) hmstype.Money { return hmstype.MustMoney(amount, "USD") }

// together runs fn n times at once and gives the errors.
func together(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func succeeded(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// because and by are the details of refunds and payments that tests need.
func because(reason string) billing.RefundDetails     { return billing.RefundDetails{Reason: reason} }
func by(method billing.Method) billing.PaymentDetails { return billing.PaymentDetails{Method: method} }
