package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
)

// TestBill_SumsAndPayments holds what goes wrong in applications of this kind: one took too
// much money, took negative money, did not know what was paid, did not sum its bills, and
// could not tell who owes what.
func TestBill_SumsAndPayments(t *testing.T) {
	t.Parallel()

	t.Run("OverpaymentOf500OnABillOf100IsRefused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		_, err := b.pay(bill.ID, "500")
		var over *billing.OverpaymentError
		require.ErrorAs(t, err, &over)
		require.Equal(t, usd("100.00"), over.Open)
		require.True(t, b.bill(t, bill.ID).Paid.IsZero())
	})

	t.Run("NegativePaymentIsRefused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		_, err := b.pay(bill.ID, "-5")
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	})

	t.Run("EveryPaymentReachesIsPaid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		require.NoError(t, b.rawPay(t, bill, "100", "USD"), "even a row that no service wrote")
		require.True(t, b.bill(t, bill.ID).IsPaid())
	})

	t.Run("TotalIsTheSumOfTheItems", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.post(t, b.request("CONSULT", "2"))
		b.post(t, b.request("SPECTACLES", "1"))
		bill := b.issued(t)
		require.Equal(t, usd("101.49"), bill.Total)
		require.Error(t, b.raw(t, `UPDATE hms.bill SET gross_amount = 1, tax_amount = 0, total_amount = 1, patient_amount = 1,
			open_amount = 1 WHERE tenant_id = ?`, b.Tenant))
	})
}

// TestBill_Reports holds the two reports: how old the debts are, and who pays.
func TestBill_Reports(t *testing.T) {
	t.Parallel()

	t.Run("ReceivablesAgeing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cover(t, "First", 1, "80")
		b.billOf100(t)
		for _, days := range []int{30, 1, 29, 1, 29, 1} { // bills of 91, 61, 60, 31, 30, 1 and 0 days
			b.Clock.Advance(time.Duration(days) * 24 * time.Hour)
			b.billOf100(t)
		}
		list, err := b.s.GetReceivablesAgeing(b.Ctx)
		require.NoError(t, err)
		require.Equal(t, []billing.Ageing{
			{
				UpTo30: usd("60.00"), UpTo60: usd("40.00"), UpTo90: usd("20.00"), Over90: usd("20.00"), Total: usd("140.00"),
				OpenShares: 7,
			},
			{
				Payer: "First", UpTo30: usd("240.00"), UpTo60: usd("160.00"), UpTo90: usd("80.00"), Over90: usd("80.00"),
				Total: usd("560.00"), OpenShares: 7,
			},
		}, list)
	})

	t.Run("PayerMix", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.cover(t, "First", 1, "80")
		bill := b.billOf100(t)
		_, err := b.s.Pay(b.Ctx, billing.PayInput{
			Bill: bill.ID, Coverage: first.ID, Amount: usd("80"), PaymentDetails: by(billing.MethodInsurance),
		})
		require.NoError(t, err)
		b.Clock.Advance(24 * time.Hour)
		other := b.billOf100(t)
		_, err = b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{Bill: other.ID, Reason: "x"})
		require.NoError(t, err)
		march := billing.Days{From: hmstype.NewDate(2026, time.March, 1), Until: hmstype.NewDate(2026, time.April, 1)}
		mix, err := b.s.GetPayerMix(b.Ctx, billing.GetPayerMixInput(march))
		require.NoError(t, err)
		require.Equal(t, []billing.Revenue{
			{Invoiced: usd("40.00"), Credited: usd("20.00"), Net: usd("20.00"), Bills: 2},
			{Payer: "First", Invoiced: usd("160.00"), Credited: usd("80.00"), Net: usd("80.00"), Bills: 2},
		}, mix)
		days, err := b.s.GetRevenueByDay(b.Ctx, billing.GetRevenueByDayInput(march))
		require.NoError(t, err)
		require.Len(t, days, 4)
		require.Equal(t, hmstype.NewDate(2026, time.March, 2), days[0].Day)
		require.True(t, days[2].Net.IsZero())
		_, err = b.s.GetPayerMix(b.Ctx, billing.GetPayerMixInput{From: march.Until, Until: march.From})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
		other2 := setup(t)
		mix, err = other2.s.GetPayerMix(other2.Ctx, billing.GetPayerMixInput(march))
		require.NoError(t, err)
		require.Empty(t, mix, "another tenant's money is not seen")
	})
}

func TestService_GetDaySummary(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	p, err := b.pay(bill.ID, "30")
	require.NoError(t, err)
	q, err := b.pay(bill.ID, "50")
	require.NoError(t, err)
	_, err = b.s.Refund(b.Ctx, billing.RefundInput{
		Payment: p.ID, Amount: usd("5"), RefundDetails: billing.RefundDetails{Method: billing.MethodCard, Reason: "x"},
	})
	require.NoError(t, err)
	b.Clock.Advance(24 * time.Hour)
	_, err = b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: q.ID, Reason: "x"})
	require.NoError(t, err)

	first, err := b.s.GetDaySummary(b.Ctx, billing.GetDaySummaryInput{Day: hmstype.NewDate(2026, time.March, 2)})
	require.NoError(t, err)
	require.Equal(t, []string{
		"card 0.00 USD - 0.00 USD - 5.00 USD = -5.00 USD", "cash 80.00 USD - 0.00 USD - 0.00 USD = 80.00 USD",
	}, methodLines(first), "a later cancellation does not change a day that is over")
	require.Len(t, first.Revenue, 1)
	today, err := b.s.GetDaySummary(b.Ctx, billing.GetDaySummaryInput{})
	require.NoError(t, err)
	require.Equal(t, []string{"cash 0.00 USD - 50.00 USD - 0.00 USD = -50.00 USD"}, methodLines(today))
	require.Empty(t, today.Revenue)
	require.Equal(t, "30.00 USD", b.balance(t, billing.AccountCashPrefix+"cash"))
	require.Equal(t, "-5.00 USD", b.balance(t, billing.AccountCashPrefix+"card"))
	b.requireProof(t)
}

func methodLines(s billing.DaySummary) []string {
	lines := []string{}
	for _, m := range s.Methods {
		lines = append(lines, fmt.Sprintf("%s %v - %v - %v = %v", m.Method, m.Received, m.Cancelled, m.Refunded, m.Net))
	}
	return lines
}
