package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// step is a step of a history by the test's system actor, at the test's instant.
func (b *bundle) step(from, to, reason string) hmstype.StatusChange {
	return hmstype.StatusChange{
		From: from, To: to, Reason: reason, At: b.Clock.Now(), By: hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"},
	}
}

// TestHistory_Bill holds that every step of charge, bill and payment is told, also those that
// follow in the database from a payment, a cancellation, a refund or a credit.
func TestHistory_Bill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	charged := b.post(t, b.priced("CONSULT", "1", "100.00", "USD"))
	bill := b.issued(t)
	want := []hmstype.StatusChange{b.step("draft", "issued", "")}

	cashier := b.User(t, identity.RoleCashier)
	b.Clock.Advance(time.Minute)
	cash := by(billing.MethodCash)
	paid, err := b.s.Pay(b.actor(t, cashier.ID), billing.PayInput{Bill: bill.ID, Amount: usd("100"), PaymentDetails: cash})
	require.NoError(t, err)
	require.Equal(t, cashier.ID, paid.CreatedBy.Person)
	want = append(want, b.step("issued", "balanced", ""))
	want[1].By = hmstype.HumanActor(b.Tenant, cashier.ID).Ref()

	b.Clock.Advance(time.Minute)
	cancelled, err := b.s.CancelPayment(b.Ctx, billing.CancelPaymentInput{Payment: paid.ID, Reason: "wrong bill"})
	require.NoError(t, err)
	require.Equal(t, "system:test", cancelled.CancelledBy.String(), "a system actor keeps its name")
	want = append(want, b.step("balanced", "issued", "wrong bill"))
	payment, err := b.s.GetPaymentHistory(b.Ctx, paid.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{b.step("active", "cancelled", "wrong bill")}, payment.Steps)

	b.Clock.Advance(time.Minute)
	note, err := b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{Bill: bill.ID, Reason: "goodwill"})
	require.NoError(t, err)
	require.Equal(t, "system:test", note.CreatedBy.String())
	want = append(want, b.step("issued", "balanced", "goodwill"))

	history, err := b.s.GetBillHistory(b.Ctx, bill.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{Entity: "bill", ID: bill.ID.String(), Patient: b.patient, Steps: want}, history)
	steps, err := b.s.GetChargeHistory(b.Ctx, charged)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{{
		From: "billable", To: "billed", At: dbtest.Start, By: hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"},
	}}, steps.Steps)
	b.requireProof(t)
}

// actor gives the context of a person.
func (b *bundle) actor(t *testing.T, user hmstype.UserID) context.Context {
	t.Helper()
	return hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, user))
}

func TestHistory_ChargeAndRefundRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := b.request("CONSULT", "1")
	taken := b.post(t, req)
	require.NoError(t, b.reverse(t, req.Source))
	steps, err := b.s.GetChargeHistory(b.Ctx, taken)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{b.step("billable", "aborted", "taken back")}, steps.Steps)

	draft := b.post(t, b.request("CONSULT", "1"))
	bill, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient, Charges: []hmstype.ChargeID{draft}})
	require.NoError(t, err)
	bill, err = b.s.CancelBill(b.Ctx, billing.CancelBillInput{ID: bill.ID, Reason: "again"})
	require.NoError(t, err)
	require.Equal(t, int64(2), bill.Version)
	history, err := b.s.GetBillHistory(b.Ctx, bill.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{b.step("draft", "cancelled", "again")}, history.Steps)

	request, _ := b.asked(t)
	_, err = b.s.DecideRefund(b.Ctx, billing.DecideRefundInput{
		ID: request.ID, Status: billing.RefundRejected, Reason: "was right",
	})
	require.NoError(t, err)
	history, err = b.s.GetRefundRequestHistory(b.Ctx, request.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{b.step("requested", "rejected", "was right")}, history.Steps)
}

// TestOneInstant holds that the use case's instant is the same wherever issue and payment write it.
func TestOneInstant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, charge.Request{
		Source: charge.Source{Kind: "test", ID: "1"}, Patient: b.patient, Service: "CONSULT",
		Quantity: b.request("CONSULT", "1").Quantity, At: b.Clock.Now(),
	})
	b.Clock.Advance(time.Hour)
	bill := b.issued(t)
	p, err := b.pay(bill.ID, "40")
	require.NoError(t, err)
	for _, query := range []string{
		`SELECT created_at FROM hms.bill WHERE tenant_id = ?`, `SELECT issued_at FROM hms.bill WHERE tenant_id = ?`,
		`SELECT issued_at FROM hms.bill_line WHERE tenant_id = ?`, `SELECT created_at FROM hms.payment WHERE tenant_id = ?`,
		`SELECT DISTINCT posted_at FROM hms.journal WHERE tenant_id = ?`,
		`SELECT DISTINCT stepped_at FROM hms.bill_status WHERE tenant_id = ?`,
		`SELECT stepped_at FROM hms.charge_status WHERE tenant_id = ?`,
		`SELECT DISTINCT occurred_at FROM hms.outbox WHERE tenant_id = ? AND event_type LIKE 'billing.%'`,
	} {
		require.Equal(t, b.Clock.Now(), dbtest.Scalar[time.Time](t, b.Env, query, b.Tenant).UTC(), query)
	}
	require.Equal(t, b.Clock.Now(), p.CreatedAt)
}
