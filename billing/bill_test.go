package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_CreateBill(t *testing.T) {
	t.Parallel()

	t.Run("LinesAndTotals", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		consult := b.post(t, b.request("CONSULT", "1"))
		b.post(t, b.request("SPECTACLES", "1.5"))
		discount := usd("1.00")
		in := billing.CreateBillInput{
			Patient: b.patient, Discounts: []billing.LineDiscount{{Charge: consult, Amount: usd("5.00")}},
			Discount: &discount, DiscountReason: "staff", IdempotencyKey: "k",
		}
		draft, err := b.s.CreateBill(b.Ctx, in)
		require.NoError(t, err)
		// 40.00 - 5.00 = 35.00 and 1.5 x 19.99 = 29.985 -> 29.99; the dollar goes 54 : 46.
		require.Equal(t, usd("69.99"), draft.Gross)
		require.Equal(t, usd("6.00"), draft.Discount)
		require.Equal(t, usd("34.46"), draft.Lines[0].Net)
		require.Equal(t, usd("29.53"), draft.Lines[1].Net)
		require.Equal(t, usd("2.21"), draft.Tax, "7.5 percent of 29.53")
		require.Equal(t, usd("66.20"), draft.Total)
		require.Equal(t, billing.BillDraft, draft.Status)
		require.Empty(t, draft.Number, "a draft has no number")

		again, err := b.s.CreateBill(b.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, draft.ID, again.ID)
		in.DiscountReason = "other"
		_, err = b.s.CreateBill(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
	})

	t.Run("NamedCharges", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, second := b.post(t, b.request("CONSULT", "1")), b.post(t, b.request("CONSULT", "2"))
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient, Charges: []hmstype.ChargeID{second}})
		require.NoError(t, err)
		require.Equal(t, usd("80.00"), draft.Total)
		_, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{
			Patient: b.patient, Charges: []hmstype.ChargeID{first, second},
		})
		var billed *billing.ChargeBilledError
		require.ErrorAs(t, err, &billed)
		require.Equal(t, billing.ChargeBilledError{Charge: second, Bill: draft.ID}, *billed)
		_, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.newPatient(t), Charges: []hmstype.ChargeID{first}})
		require.ErrorIs(t, err, hmstype.ErrNotFound, "a charge of another patient")
		_, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{
			Patient: b.patient, Charges: []hmstype.ChargeID{first}, Currency: "EUR",
		})
		require.ErrorIs(t, err, hmstype.ErrCurrencyMismatch)
		rest, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
		require.NoError(t, err)
		require.Len(t, rest.Lines, 1, "what is on no other bill")
	})
}

func TestService_CreateBill_Bounds(t *testing.T) {
	t.Parallel()

	t.Run("OfOneEncounter", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.post(t, b.request("CONSULT", "1"))
		req := b.request("SPECTACLES", "1")
		req.Encounter = b.encounter(t, b.patient)
		b.post(t, req)
		in := billing.CreateBillInput{Patient: b.patient, Encounter: req.Encounter}
		draft, err := b.s.CreateBill(b.Ctx, in)
		require.NoError(t, err)
		require.Len(t, draft.Lines, 1)
		require.Equal(t, req.Encounter, draft.Encounter)
		_, err = b.s.CreateBill(b.Ctx, in)
		require.ErrorIs(t, err, billing.ErrNothingToBill)
		in.Encounter = b.encounter(t, b.newPatient(t))
		_, err = b.s.CreateBill(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrNotFound, "an encounter of another patient")
	})

	t.Run("DiscountsAreBounded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.post(t, b.request("CONSULT", "1"))
		tooMuch := usd("40.01")
		for _, in := range []billing.CreateBillInput{
			{Discounts: []billing.LineDiscount{{Charge: id, Amount: tooMuch}}},
			{Discount: &tooMuch},
			{Discounts: []billing.LineDiscount{{Charge: hmstype.NewID[hmstype.ChargeID](), Amount: usd("1")}}},
		} {
			in.Patient, in.DiscountReason = b.patient, "x"
			_, err := b.s.CreateBill(b.Ctx, in)
			require.ErrorIs(t, err, hmstype.ErrInvalid)
		}
	})
}

func TestService_CreateBill_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []hmstype.ChargeID{}
	for range 8 {
		ids = append(ids, b.post(t, b.request("CONSULT", "1")))
	}
	errs := together(64, func(i int) error {
		_, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient, Charges: ids[i%8 : i%8+1]})
		return err
	})
	require.Equal(t, 8, succeeded(errs), "%v", errs)
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, billing.ErrChargeBilled)
		}
	}
	require.Equal(t, 8, dbtest.Scalar[int](t, b.Env,
		`SELECT count(DISTINCT charge_id) FROM hms.bill_line WHERE tenant_id = ? AND released_at IS NULL`, b.Tenant))
	b.requireProof(t)
}

func TestService_IssueBill(t *testing.T) {
	t.Parallel()

	t.Run("NumberOnlyAtIssue", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.post(t, b.request("CONSULT", "1"))
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
		require.NoError(t, err)
		_, err = b.pay(draft.ID, "40")
		require.ErrorIs(t, err, billing.ErrNotIssued)
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID, IdempotencyKey: "k"})
		require.NoError(t, err)
		require.Equal(t, "INV-2026-000001", bill.Number)
		require.Equal(t, hmstype.NewDate(2026, time.March, 2), bill.Date)
		require.Equal(t, billing.BillIssued, bill.Status)
		require.Equal(t, usd("40.00"), bill.Open)
		again, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID, IdempotencyKey: "k"})
		require.NoError(t, err)
		require.Equal(t, bill.Number, again.Number)
		_, err = b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
		_, err = b.s.CancelBill(b.Ctx, billing.CancelBillInput{ID: draft.ID, Reason: "x"})
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "an issued bill is credited, not cancelled")
		c, err := b.s.GetCharge(b.Ctx, bill.Lines[0].Charge)
		require.NoError(t, err)
		require.Equal(t, billing.ChargeBilled, c.Status)
		require.Equal(t, "40.00 USD", b.balance(t, billing.AccountReceivablePatient))
		require.Equal(t, "-40.00 USD", b.balance(t, billing.AccountRevenue))
		b.requireProof(t)
	})
}

func TestService_IssueBill_More(t *testing.T) {
	t.Parallel()

	t.Run("FreeOfChargeIsBalancedAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.post(t, b.priced("CONSULT", "1", "0", "USD"))
		bill := b.issued(t)
		require.True(t, bill.IsPaid())
		b.requireProof(t)
	})

	t.Run("WholeDiscount", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.post(t, b.request("SPECTACLES", "1"))
		all := usd("19.99")
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{
			Patient: b.patient, Discount: &all, DiscountReason: "charity",
		})
		require.NoError(t, err)
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
		require.NoError(t, err)
		require.True(t, bill.IsPaid())
		require.Equal(t, "19.99 USD", b.balance(t, billing.AccountDiscount))
		b.requireProof(t)
	})

	t.Run("Permission", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bill := b.billOf100(t)
		nurse, pharmacist := b.As(t, identity.RoleNurse), b.As(t, identity.RolePharmacist)
		_, err := b.s.IssueBill(nurse, billing.IssueBillInput{ID: bill.ID})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		_, err = b.s.Pay(pharmacist, billing.PayInput{
			Bill: bill.ID, Amount: usd("1"), PaymentDetails: by(billing.MethodCash),
		})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		_, err = b.s.GetBill(nurse, bill.ID)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		desk := b.As(t, identity.RoleCashier)
		_, err = b.s.Pay(desk, billing.PayInput{Bill: bill.ID, Amount: usd("1"), PaymentDetails: by(billing.MethodCash)})
		require.NoError(t, err)
		_, err = b.s.CreateServiceItem(desk, billing.CreateServiceItemInput{
			Code: "X", ServiceDetails: billing.ServiceDetails{Name: "X", Category: "X"},
		})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "the desk does not set prices")
	})

	t.Run("OtherTenantSeesNothing", func(t *testing.T) {
		t.Parallel()
		b, other := setup(t), setup(t)
		bill := b.billOf100(t)
		p, err := b.pay(bill.ID, "1")
		require.NoError(t, err)
		for name, err := range map[string]error{
			"bill":  errOf(other.s.GetBill(other.Ctx, bill.ID)),
			"issue": errOf(other.s.IssueBill(other.Ctx, billing.IssueBillInput{ID: bill.ID})),
			"pay":   errOf(other.pay(bill.ID, "1")),
			"refund": errOf(other.s.Refund(other.Ctx, billing.RefundInput{
				Payment: p.ID, Amount: usd("1"), RefundDetails: because("x"),
			})),
			"cancel":  errOf(other.s.CancelPayment(other.Ctx, billing.CancelPaymentInput{Payment: p.ID, Reason: "x"})),
			"credit":  errOf(other.s.IssueCreditNote(other.Ctx, billing.IssueCreditNoteInput{Bill: bill.ID, Reason: "x"})),
			"notes":   errOf(other.s.ListCreditNotes(other.Ctx, bill.ID)),
			"payment": errOf(other.s.ListPayments(other.Ctx, bill.ID)),
		} {
			require.ErrorIs(t, err, hmstype.ErrNotFound, name)
		}
		list, err := other.s.ListBills(other.Ctx, billing.ListBillsInput{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
	})
}

func errOf[T any](_ T, err error) error { return err }

func TestService_IssueBill_Coverage(t *testing.T) {
	t.Parallel()

	t.Run("SecondaryWorksOnWhatThePrimaryLeaves", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, second := b.cover(t, "First", 1, "80"), b.cover(t, "Second", 2, "50")
		bill := b.billOf100(t)
		require.Len(t, bill.Shares, 3)
		require.Equal(t, usd("10.00"), bill.Shares[0].Amount)
		require.Equal(t, usd("80.00"), bill.Shares[1].Amount)
		require.Equal(t, first.ID, bill.Shares[1].Coverage)
		require.Equal(t, usd("10.00"), bill.Shares[2].Amount)
		require.Equal(t, second.ID, bill.Shares[2].Coverage)
		require.Equal(t, usd("10.00"), bill.PatientAmount)
		require.Equal(t, "90.00 USD", b.balance(t, billing.AccountReceivablePayer))
		b.requireProof(t)
	})

	t.Run("CopayComesFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.cover(t, "First", 1, "80")
		b.post(t, b.priced("CONSULT", "1", "15.00", "USD"))
		b.post(t, b.priced("CONSULT", "1", "100.00", "USD"))
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
		require.NoError(t, err)
		copay := billing.Copay{Coverage: first.ID, Amount: usd("20")}
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID, Copays: []billing.Copay{copay}})
		require.NoError(t, err)
		// 20 of the patient, then 80 percent of the other 95.
		require.Equal(t, usd("39.00"), bill.PatientAmount)
		require.Equal(t, usd("76.00"), bill.PayerAmount)
		b.requireProof(t)
	})

	t.Run("CoverageAtTheDayOfService", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cover(t, "First", 1, "100")
		early := b.priced("CONSULT", "1", "10.00", "USD")
		early.At = time.Date(2019, 12, 31, 23, 0, 0, 0, time.UTC) // the coverage begins the day after
		b.post(t, early)
		b.post(t, b.priced("CONSULT", "1", "7.00", "USD"))
		bill := b.issued(t)
		require.Equal(t, usd("10.00"), bill.PatientAmount)
		require.Equal(t, usd("7.00"), bill.PayerAmount)
	})

	t.Run("SelfPay", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.cover(t, "First", 1, "100")
		b.post(t, b.request("CONSULT", "1"))
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
		require.NoError(t, err)
		strange := billing.Copay{Coverage: hmstype.NewID[hmstype.CoverageID](), Amount: usd("1")}
		_, err = b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID, Copays: []billing.Copay{strange}})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID, SelfPay: true})
		require.NoError(t, err)
		require.True(t, bill.PayerAmount.IsZero())
		_, err = b.s.Pay(b.Ctx, billing.PayInput{
			Bill: bill.ID, Coverage: first.ID, Amount: usd("1"), PaymentDetails: by(billing.MethodInsurance),
		})
		require.ErrorIs(t, err, billing.ErrNoShare)
	})
}

func TestService_IssueBill_ConcurrentNumbersAreGapless(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 48
	drafts := make([]hmstype.BillID, n)
	for i := range drafts {
		p := b.patient
		if i%2 == 0 {
			p = b.newPatient(t)
		}
		req := b.request("CONSULT", "1")
		req.Patient = p
		id := b.post(t, req)
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: p, Charges: []hmstype.ChargeID{id}})
		require.NoError(t, err)
		drafts[i] = draft.ID
	}
	numbers := make([]string, n)
	errs := together(n, func(i int) error {
		if i%6 == 5 { // some fail after they could have taken a number
			_, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: hmstype.NewID[hmstype.BillID]()})
			return err
		}
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: drafts[i]})
		numbers[i] = bill.Number
		return err
	})
	numbers = slices.DeleteFunc(numbers, func(s string) bool { return s == "" })
	slices.Sort(numbers)
	require.Len(t, numbers, n-n/6, "%v", errs)
	for i, number := range numbers {
		require.Equal(t, fmt.Sprintf("INV-2026-%06d", i+1), number)
	}
	b.Clock.Advance(365 * 24 * time.Hour)
	bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: drafts[5]})
	require.NoError(t, err)
	require.Equal(t, "INV-2027-000001", bill.Number, "each year has its own series")
	b.requireProof(t)
}

func TestService_IssueBill_ConcurrentSameDraft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := b.request("CONSULT", "1")
	b.post(t, req)
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(t, err)
	errs := together(16, func(i int) error {
		if i%4 == 3 {
			return b.reverse(t, req.Source)
		}
		_, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
		return err
	})
	require.LessOrEqual(t, succeeded(errs), 5, "one issue at most, and the reversals: %v", errs)
	bill := b.bill(t, draft.ID)
	require.True(t, bill.Status == billing.BillDraft && bill.Total.IsZero() || bill.Credited.Equal(bill.Total),
		"whichever came first, nothing is owed")
	b.requireProof(t)
}

func TestService_IssueCreditNote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cover(t, "First", 1, "33.33")
	b.post(t, b.request("SPECTACLES", "3"))
	bill := b.issued(t)
	line := bill.Lines[0].ID
	require.Equal(t, usd("64.47"), bill.Total)

	note, err := b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
		Bill: bill.ID, Reason: "one broke", Lines: []billing.CreditLine{{Line: line, Quantity: decimal.NewFromInt(1)}},
	})
	require.NoError(t, err)
	require.Equal(t, usd("21.49"), note.Total)
	require.Equal(t, usd("1.50"), note.Tax)
	amount := usd("0.01")
	_, err = b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
		Bill: bill.ID, Reason: "a cent", Lines: []billing.CreditLine{{Line: line, Amount: &amount}},
	})
	require.NoError(t, err)
	_, err = b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
		Bill: bill.ID, Reason: "three", Lines: []billing.CreditLine{{Line: line, Quantity: decimal.NewFromInt(3)}},
	})
	var limit *billing.CreditLimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, usd("42.97"), limit.Creditable)
	last, err := b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{Bill: bill.ID, Reason: "the rest"})
	require.NoError(t, err)
	require.Equal(t, usd("42.97"), last.Total)
	require.Equal(t, "CN-2026-000003", last.Number)
	_, err = b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{Bill: bill.ID, Reason: "more"})
	require.ErrorIs(t, err, billing.ErrCreditLimit)
	require.True(t, b.bill(t, bill.ID).IsPaid())
	b.requireProof(t)
}

func TestBill_Transitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "bill", billing.BillTransitions.Pairs())
	dbtest.RequireTransitions(t, b.Env, "payment", billing.PaymentTransitions.Pairs())
	bills := map[billing.BillStatus]hmstype.BillID{}
	b.post(t, b.request("CONSULT", "1"))
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(t, err)
	cancelled, err := b.s.CancelBill(b.Ctx, billing.CancelBillInput{ID: draft.ID, Reason: "x"})
	require.NoError(t, err)
	bills[billing.BillCancelled] = cancelled.ID
	bills[billing.BillIssued] = b.issued(t).ID
	paid := b.billOf100(t)
	_, err = b.pay(paid.ID, "100")
	require.NoError(t, err)
	bills[billing.BillBalanced] = paid.ID
	b.post(t, b.request("CONSULT", "1"))
	draft, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(t, err)
	bills[billing.BillDraft] = draft.ID
	for from, id := range bills {
		for _, to := range billing.BillTransitions.States() {
			if from == to {
				continue
			}
			// No state is ever set by hand: also an allowed step needs the amounts that go with it.
			_, err := b.DB.NewRaw(
				`UPDATE hms.bill SET status = ? WHERE tenant_id = ? AND id = ?`, to, b.Tenant, id,
			).Exec(t.Context())
			require.Error(t, err, "%s > %s", from, to)
		}
	}
}
