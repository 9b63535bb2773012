package billing_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// drawBill posts random charges of a new patient, with random coverages, and issues them.
func (b *bundle) drawBill(tb testing.TB, t *rapid.T, covered bool) (billing.Bill, []charge.Source) {
	currency := rapid.SampledFrom([]hmstype.Currency{"USD", "JPY", "KWD"}).Draw(t, "currency")
	who := b.newPatient(tb)
	payers := 0
	if covered {
		payers = rapid.IntRange(0, 3).Draw(t, "payers")
	}
	for i := range payers {
		_, err := b.patients.AddCoverage(b.Ctx, patient.AddCoverageInput{
			Patient: who, CoverageDetails: patient.CoverageDetails{
				PayerName: string(rune('A' + i)), PolicyNumber: "P", Priority: i + 1,
				Percent: decimal.New(rapid.Int64Range(0, 10_000).Draw(t, "percent"), -2), ValidFrom: hmstype.NewDate(2020, 1, 1),
			},
		})
		require.NoError(tb, err)
	}
	sources := []charge.Source{}
	for range rapid.IntRange(1, 4).Draw(t, "charges") {
		price := hmstype.Money{
			Amount: decimal.New(rapid.Int64Range(1, 100_000).Draw(t, "price"), -currency.MinorUnits()), Currency: currency,
		}
		req := b.request("SPECTACLES", "1")
		req.Patient, req.UnitPrice = who, &price
		req.Quantity = decimal.New(rapid.Int64Range(1, 30_000).Draw(t, "quantity"), -4)
		b.post(tb, req)
		sources = append(sources, req.Source)
	}
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: who, Currency: currency})
	require.NoError(tb, err)
	bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(tb, err)
	return bill, sources
}

func TestBill_PropertySumsAndReverse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(rt *rapid.T) {
		bill, sources := b.drawBill(t, rt, true)
		currency := bill.Total.Currency
		lines, shares := hmstype.ZeroMoney(currency), hmstype.ZeroMoney(currency)
		for _, l := range bill.Lines {
			lines.Amount = lines.Amount.Add(l.Total.Amount)
			require.True(t, l.PatientAmount.Amount.Add(l.PayerAmount.Amount).Equal(l.Total.Amount))
		}
		for _, s := range bill.Shares {
			shares.Amount = shares.Amount.Add(s.Amount.Amount)
		}
		require.True(
			t, lines.Equal(bill.Total) && shares.Equal(bill.Total), "lines %v, shares %v, total %v", lines, shares, bill.Total,
		)
		for _, source := range sources {
			require.NoError(t, b.reverse(t, source))
		}
		after := b.bill(t, bill.ID)
		require.True(t, after.Credited.Equal(after.Total), "post and reverse is nothing")
		require.Equal(t, billing.BillBalanced, after.Status)
	})
	for _, account := range []string{
		billing.AccountReceivablePatient, billing.AccountReceivablePayer, billing.AccountTax,
	} {
		require.Equal(t, "0.00 USD", b.balance(t, account), account)
	}
	b.requireProof(t)
}

// oracle is a bill of one share kept in memory.
type oracle struct {
	total, credited decimal.Decimal
	payments        []*oraclePayment
}

type oraclePayment struct {
	id               hmstype.PaymentID
	amount, refunded decimal.Decimal
	cancelled        bool
}

func (o *oracle) paid() decimal.Decimal {
	sum := decimal.Zero
	for _, p := range o.payments {
		if !p.cancelled {
			sum = sum.Add(p.amount).Sub(p.refunded)
		}
	}
	return sum
}

func (o *oracle) open() decimal.Decimal { return o.total.Sub(o.paid()).Sub(o.credited) }

// step does one random use case on both and demands that both answer alike.
func (o *oracle) step(tb testing.TB, t *rapid.T, b *bundle, bill billing.Bill) {
	currency := bill.Total.Currency
	amount := decimal.New(
		rapid.Int64Range(1, 2*o.total.Shift(currency.MinorUnits()).IntPart()+1).Draw(t, "amount"), -currency.MinorUnits(),
	)
	m := hmstype.Money{Amount: amount, Currency: currency}
	act := rapid.IntRange(0, 4).Draw(t, "act")
	if act <= 1 || len(o.payments) == 0 {
		p, err := b.s.Pay(b.Ctx, billing.PayInput{Bill: bill.ID, Amount: m, PaymentDetails: by(billing.MethodCard)})
		if amount.GreaterThan(o.open()) {
			require.ErrorIs(tb, err, billing.ErrOverpayment)
			return
		}
		require.NoError(tb, err)
		o.payments = append(o.payments, &oraclePayment{id: p.ID, amount: amount})
		return
	}
	p := o.payments[rapid.IntRange(0, len(o.payments)-1).Draw(t, "payment")]
	switch act {
	case 2:
		_, err := b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.id, Amount: m, RefundDetails: because("x")})
		switch {
		case p.cancelled:
			require.ErrorIs(tb, err, billing.ErrPaymentCancelled)
		case amount.GreaterThan(p.amount.Sub(p.refunded)):
			require.ErrorIs(tb, err, billing.ErrRefundLimit)
		default:
			require.NoError(tb, err)
			p.refunded = p.refunded.Add(amount)
		}
	case 3:
		_, err := b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: p.id, Reason: "x"})
		switch {
		case p.cancelled:
			require.ErrorIs(tb, err, billing.ErrPaymentCancelled)
		case p.refunded.IsPositive():
			require.ErrorIs(tb, err, billing.ErrPaymentRefunded)
		default:
			require.NoError(tb, err)
			p.cancelled = true
		}
	default:
		line := bill.Lines[0]
		_, err := b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
			Bill: bill.ID, Reason: "x", Lines: []billing.CreditLine{{Line: line.ID, Amount: &m}},
		})
		if o.credited.Add(amount).GreaterThan(line.Total.Amount) {
			require.ErrorIs(tb, err, billing.ErrCreditLimit)
			return
		}
		require.NoError(tb, err)
		o.credited = o.credited.Add(amount)
	}
}

func TestBill_PropertyAgainstOracle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(rt *rapid.T) {
		bill, _ := b.drawBill(t, rt, false)
		if bill.Total.IsZero() {
			return
		}
		o := &oracle{total: bill.Total.Amount}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			o.step(t, rt, b, bill)
			b.Clock.Advance(time.Second)
		}
		after := b.bill(t, bill.ID)
		open := o.open()
		require.True(t, after.Paid.Amount.Equal(o.paid()), "paid %v, oracle %v", after.Paid, o.paid())
		require.True(t, after.Credited.Amount.Equal(o.credited))
		require.True(t, after.Open.Amount.Sub(after.Overpaid.Amount).Equal(open), "open %v, oracle %v", after.Open, open)
		require.Equal(t, open.IsZero(), after.IsPaid())
	})
	b.requireProof(t)
}
