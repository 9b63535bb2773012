package billing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

func TestService_Pay(t *testing.T) {
	t.Parallel()

	t.Run("PartialPaymentsUntilBalanced", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		_, err := b.pay(bill.ID, "30")
		require.NoError(t, err)
		require.Equal(t, billing.BillIssued, b.bill(t, bill.ID).Status)
		_, err = b.pay(bill.ID, "70.01")
		var over *billing.OverpaymentError
		require.ErrorAs(t, err, &over)
		require.Equal(t, usd("70.00"), over.Open)
		_, err = b.pay(bill.ID, "70")
		require.NoError(t, err)
		paid := b.bill(t, bill.ID)
		require.True(t, paid.IsPaid())
		require.Equal(t, usd("100.00"), paid.Paid)
		require.Equal(t, "100.00 USD", b.balance(t, "cash-cash"))
		require.Equal(t, "0.00 USD", b.balance(t, billing.AccountReceivablePatient))
		b.requireProof(t)
	})

	t.Run("EachPaysHisShare", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.cover(t, "First", 1, "80")
		bill := b.billOf100(t)
		_, err := b.pay(bill.ID, "20.01")
		require.ErrorIs(t, err, billing.ErrOverpayment, "the patient owes 20 only")
		_, err = b.pay(bill.ID, "20")
		require.NoError(t, err)
		insurer := billing.PayInput{
			Bill: bill.ID, Coverage: first.ID, Amount: usd("80"),
			PaymentDetails: billing.PaymentDetails{Method: billing.MethodInsurance, ReferenceNumber: "R1"},
		}
		p, err := b.s.Pay(b.Ctx, insurer)
		require.NoError(t, err)
		require.True(t, b.bill(t, bill.ID).IsPaid())
		_, err = b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: p.ID, Reason: "wrong patient"})
		require.NoError(t, err)
		after := b.bill(t, bill.ID)
		require.False(t, after.IsPaid())
		require.Equal(t, usd("80.00"), after.Shares[1].Open)
		b.requireProof(t)
	})
}

func TestService_Pay_More(t *testing.T) {
	t.Parallel()

	t.Run("Refusals", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		for name, tt := range map[string]struct {
			change func(*billing.PayInput)
			want   error
		}{
			"negative":  {func(in *billing.PayInput) { in.Amount = usd("-5") }, hmstype.ErrInvalid},
			"zero":      {func(in *billing.PayInput) { in.Amount = usd("0") }, hmstype.ErrInvalid},
			"unrounded": {func(in *billing.PayInput) { in.Amount.Amount = in.Amount.Amount.Shift(-3) }, hmstype.ErrInvalid},
			"endless": {
				func(in *billing.PayInput) { in.Amount.Amount = in.Amount.Amount.Shift(2_000_000_000) }, hmstype.ErrInvalid,
			},
			"currency":     {func(in *billing.PayInput) { in.Amount.Currency = "EUR" }, hmstype.ErrCurrencyMismatch},
			"method":       {func(in *billing.PayInput) { in.Method = "barter" }, hmstype.ErrInvalid},
			"unknown bill": {func(in *billing.PayInput) { in.Bill = hmstype.NewID[hmstype.BillID]() }, hmstype.ErrNotFound},
			"no share": {
				func(in *billing.PayInput) { in.Coverage = hmstype.NewID[hmstype.CoverageID]() }, billing.ErrNoShare,
			},
		} {
			in := billing.PayInput{Bill: bill.ID, Amount: usd("5"), PaymentDetails: by(billing.MethodCard)}
			tt.change(&in)
			_, err := b.s.Pay(b.Ctx, in)
			require.ErrorIs(t, err, tt.want, name)
		}
		require.True(t, b.bill(t, bill.ID).Paid.IsZero())
	})

	t.Run("ReferenceIsUniquePerMethod", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		in := billing.PayInput{
			Bill: bill.ID, Amount: usd("5"),
			PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: "T-1"},
		}
		_, err := b.s.Pay(b.Ctx, in)
		require.NoError(t, err)
		_, err = b.s.Pay(b.Ctx, in)
		require.ErrorIs(t, err, billing.ErrReferenceTaken)
		in.Method = billing.MethodBankTransfer
		_, err = b.s.Pay(b.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, usd("10.00"), b.bill(t, bill.ID).Paid)
		b.requireProof(t)
	})

	t.Run("OneClickPaysOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		in := billing.PayInput{
			Bill: bill.ID, Amount: usd("50"), PaymentDetails: by(billing.MethodCard), IdempotencyKey: "click",
		}
		first, err := b.s.Pay(b.Ctx, in)
		require.NoError(t, err)
		again, err := b.s.Pay(b.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, usd("50.00"), b.bill(t, bill.ID).Paid)
		in.Amount = usd("49")
		_, err = b.s.Pay(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
	})
}

func TestService_Pay_Concurrent(t *testing.T) {
	t.Parallel()

	t.Run("NeverOverpaid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		errs := together(64, func(int) error { return errOf(b.pay(bill.ID, "3")) })
		require.Equal(t, 33, succeeded(errs))
		for _, err := range errs {
			if err == nil {
				continue
			}
			var over *billing.OverpaymentError
			require.ErrorAs(t, err, &over)
			require.Equal(t, usd("1.00"), over.Open)
		}
		paid := b.bill(t, bill.ID)
		require.Equal(t, usd("99.00"), paid.Paid)
		require.Equal(t, "99.00 USD", b.balance(t, "cash-cash"))
		b.requireProof(t)
	})

	t.Run("TwoDesks", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		errs := together(2, func(int) error { return errOf(b.pay(bill.ID, "100")) })
		require.Equal(t, 1, succeeded(errs), "exactly one desk succeeds, and fully: %v", errs)
		require.True(t, b.bill(t, bill.ID).IsPaid())
		b.requireProof(t)
	})

	t.Run("OneKey", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		ids := make([]hmstype.PaymentID, 64)
		errs := together(64, func(i int) error {
			p, err := b.s.Pay(b.Ctx, billing.PayInput{
				Bill: bill.ID, Amount: usd("10"), PaymentDetails: by(billing.MethodCard), IdempotencyKey: "click",
			})
			ids[i] = p.ID
			return err
		})
		require.Equal(t, 64, succeeded(errs), "%v", errs)
		for _, id := range ids {
			require.Equal(t, ids[0], id)
		}
		require.Equal(t, usd("10.00"), b.bill(t, bill.ID).Paid)
		b.requireProof(t)
	})

	t.Run("OneReference", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bills := []billing.Bill{b.billOf100(t), b.billOf100(t)}
		errs := together(32, func(i int) error {
			return errOf(b.s.Pay(b.Ctx, billing.PayInput{
				Bill: bills[i%2].ID, Amount: usd("10"),
				PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: "T-1"},
			}))
		})
		require.Equal(t, 1, succeeded(errs))
		for _, err := range errs {
			require.True(t, err == nil || errors.Is(err, billing.ErrReferenceTaken), "%v", err)
		}
		b.requireProof(t)
	})
}

func TestService_Refund(t *testing.T) {
	t.Parallel()

	t.Run("AfterACreditNote", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		p, err := b.pay(bill.ID, "100")
		require.NoError(t, err)
		amount := usd("30")
		_, err = b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
			Bill: bill.ID, Reason: "too dear", Lines: []billing.CreditLine{{Line: bill.Lines[0].ID, Amount: &amount}},
		})
		require.NoError(t, err)
		over := b.bill(t, bill.ID)
		require.Equal(t, usd("30.00"), over.Overpaid)
		require.Equal(t, billing.BillIssued, over.Status, "money is still to be given back")
		require.Equal(t, "-30.00 USD", b.balance(t, billing.AccountReceivablePatient))

		in := billing.RefundInput{Payment: p.ID, Amount: amount, RefundDetails: because("too dear"), IdempotencyKey: "k"}
		r, err := b.s.Refund(b.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, billing.MethodCash, r.Method)
		again, err := b.s.Refund(b.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, r.ID, again.ID)
		require.True(t, b.bill(t, bill.ID).IsPaid())
		require.Equal(t, "70.00 USD", b.balance(t, "cash-cash"))
		b.requireProof(t)
		list, err := b.s.ListPayments(b.Ctx, bill.ID)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Len(t, list[0].Refunds, 1)
		require.Equal(t, usd("30.00"), list[0].Refunded)
	})

	t.Run("NeverMoreThanThePayment", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		p, err := b.pay(bill.ID, "60")
		require.NoError(t, err)
		_, err = b.pay(bill.ID, "40")
		require.NoError(t, err)
		_, err = b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("60.01"), RefundDetails: because("x")})
		var limit *billing.RefundLimitError
		require.ErrorAs(t, err, &limit, "a refund is bound to one payment, not to the bill")
		require.Equal(t, usd("60.00"), limit.Refundable)
		_, err = b.s.Refund(b.Ctx, billing.RefundInput{
			Payment: p.ID, Amount: hmstype.MustMoney("1", "EUR"), RefundDetails: because("x"),
		})
		require.ErrorIs(t, err, hmstype.ErrCurrencyMismatch)
		_, err = b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("60"), RefundDetails: because("x")})
		require.NoError(t, err)
		require.Equal(t, usd("60.00"), b.bill(t, bill.ID).Open, "without a credit note it is owed again")
	})

	t.Run("CancelAndRefundExcludeEachOther", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		p, err := b.pay(bill.ID, "60")
		require.NoError(t, err)
		_, err = b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("1"), RefundDetails: because("x")})
		require.NoError(t, err)
		_, err = b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: p.ID, Reason: "x"})
		require.ErrorIs(t, err, billing.ErrPaymentRefunded)
		q, err := b.pay(bill.ID, "20")
		require.NoError(t, err)
		cancelled, err := b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: q.ID, Reason: "typing error"})
		require.NoError(t, err)
		require.Equal(t, billing.PaymentCancelled, cancelled.Status)
		_, err = b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: q.ID, Reason: "x"})
		require.ErrorIs(t, err, billing.ErrPaymentCancelled)
		_, err = b.s.Refund(b.Ctx, billing.RefundInput{Payment: q.ID, Amount: usd("1"), RefundDetails: because("x")})
		require.ErrorIs(t, err, billing.ErrPaymentCancelled)
		require.Equal(t, usd("59.00"), b.bill(t, bill.ID).Paid)
		b.requireProof(t)
	})
}

func TestService_Refund_ConcurrentWithCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	for round := range 4 {
		p, err := b.pay(bill.ID, "20")
		require.NoError(t, err)
		errs := together(16, func(i int) error {
			if (i+round)%2 == 0 {
				return errOf(b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: p.ID, Reason: "x"}))
			}
			return errOf(b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("15"), RefundDetails: because("x")}))
		})
		require.Equal(t, 1, succeeded(errs), "one cancellation, or one refund of 15 of 20: %v", errs)
		require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT (SELECT count(*) FROM hms.refund WHERE payment_id = ?0)
			+ (SELECT count(*) FROM hms.payment WHERE id = ?0 AND status = 'cancelled')`, p.ID))
		b.requireProof(t)
	}
}

func TestService_Refund_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	p, err := b.pay(bill.ID, "100")
	require.NoError(t, err)
	errs := together(64, func(i int) error {
		return errOf(b.s.Refund(b.Ctx, billing.RefundInput{
			Payment: p.ID, Amount: usd("7"),
			RefundDetails: billing.RefundDetails{Reason: "x", ReferenceNumber: fmt.Sprintf("R-%d", i)},
		}))
	})
	require.Equal(t, 14, succeeded(errs))
	require.Equal(t, usd("2.00"), b.bill(t, bill.ID).Paid)
	b.requireProof(t)
}

// TestService_Concurrent_EverythingAtOnce mixes the use cases on one patient's bills: none may
// deadlock, and the books must fit afterwards.
func TestService_Concurrent_EverythingAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.withoutRetry()
	b.cover(t, "First", 1, "50")
	bill := b.billOf100(t)
	p, err := b.pay(bill.ID, "10")
	require.NoError(t, err)
	req := b.request("SPECTACLES", "1")
	b.post(t, req)
	cent := usd("0.07")
	errs := together(64, func(i int) error {
		switch i % 9 {
		case 0:
			return errOf(b.pay(bill.ID, "1.50"))
		case 1:
			return errOf(b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("0.30"), RefundDetails: because("x")}))
		case 2:
			return errOf(b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
				Bill: bill.ID, Reason: "x", Lines: []billing.CreditLine{{Line: bill.Lines[0].ID, Amount: &cent}},
			}))
		case 3:
			return errOf(b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient}))
		case 4:
			return b.reverse(t, req.Source)
		case 5:
			return errOf(b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: p.ID, Reason: "x"}))
		case 6:
			return b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error { // a use case that holds the patient already
				if _, err := patient.NewPort(b.Base).Lock(ctx, db.Conn(), b.patient); err != nil {
					return err
				}
				return b.port.Reverse(ctx, db.Conn(), req.Source, "x")
			})
		case 7:
			return errOf(b.s.ListBills(b.Ctx, billing.ListBillsInput{Patient: b.patient}))
		default:
			b.post(t, b.request("CONSULT", "1"))
			return nil
		}
	})
	for _, err := range errs {
		kind := hmstype.KindOf(err)
		require.True(t, kind == hmstype.KindNone || kind == hmstype.KindPrecondition, "%v", err)
	}
	b.requireProof(t)
}
