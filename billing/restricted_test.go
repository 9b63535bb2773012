package billing_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// canary stands in every text, and the amounts are told by its digits, so that what is shown of
// them is found in JSON.
const (
	canary       = "canary-7f3a"
	canaryAmount = "77.77"
)

// restrictedBill is an issued bill of a patient whose record is restricted, with a charge of 77.77
// whose text is the canary, and the desk that may not see it.
type restrictedBill struct {
	*bundle
	desk    context.Context //nolint:containedctx // a test's
	charge  hmstype.ChargeID
	bill    billing.Bill
	payment billing.Payment
}

func restrict(t *testing.T) restrictedBill {
	t.Helper()
	b := setup(t)
	req := b.priced("CONSULT", "1", canaryAmount, "USD")
	req.Text = canary
	r := restrictedBill{bundle: b, desk: b.As(t, identity.RoleCashier), charge: b.post(t, req)}
	r.bill = b.issued(t)
	var err error
	r.payment, err = b.s.Pay(b.Ctx, billing.PayInput{
		Bill: r.bill.ID, Amount: usd("7.77"),
		PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: canary},
	})
	require.NoError(t, err)
	p, err := b.patients.Get(b.Ctx, b.patient)
	require.NoError(t, err)
	_, err = b.patients.SetRestricted(b.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(t, err)
	return r
}

// requireNothing holds that neither a text nor an amount is in what was shown.
func requireNothing(t *testing.T, name string, shown any, err error) {
	t.Helper()
	require.NoError(t, err, name)
	text, err := json.Marshal(shown)
	require.NoError(t, err)
	for _, word := range []string{canary, canaryAmount, "7.77", "70.00", "7.00"} {
		require.NotContains(t, string(text), word, name)
	}
	require.Contains(t, string(text), `"withheld":true`, name)
}

func TestRestricted_ReadsAreRefused(t *testing.T) {
	t.Parallel()
	r := restrict(t)
	reads := map[string]error{
		"charges":         errOf(r.s.ListCharges(r.desk, billing.ListChargesInput{Patient: r.patient})),
		"charge":          errOf(r.s.GetCharge(r.desk, r.charge)),
		"charge history":  errOf(r.s.GetChargeHistory(r.desk, r.charge)),
		"bill":            errOf(r.s.GetBill(r.desk, r.bill.ID)),
		"bill history":    errOf(r.s.GetBillHistory(r.desk, r.bill.ID)),
		"payments":        errOf(r.s.ListPayments(r.desk, r.bill.ID)),
		"payment history": errOf(r.s.GetPaymentHistory(r.desk, r.payment.ID)),
		"no credit notes": errOf(r.s.ListCreditNotes(r.desk, r.bill.ID)), // an empty list is an answer about him, too
	}
	for name, err := range reads {
		require.ErrorIs(t, err, patient.ErrRestricted, name)
	}
	require.Equal(t, len(reads), dbtest.Scalar[int](t, r.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'denied' AND patient_id = ?`, r.Tenant, r.patient))
	_, err := r.s.GetBill(r.As(t, identity.RoleAdmin), r.bill.ID)
	require.NoError(t, err)
}

func TestRestricted_ListsWithholdPerRow(t *testing.T) {
	t.Parallel()
	r := restrict(t)
	other := r.newPatient(t)
	req := r.priced("CONSULT", "1", "50.00", "USD")
	req.Patient = other
	r.post(t, req)
	open, err := r.s.CreateBill(r.Ctx, billing.CreateBillInput{Patient: other})
	require.NoError(t, err)
	list, err := r.s.ListBills(r.desk, billing.ListBillsInput{})
	requireNothing(t, "bills", list, err)
	require.Len(t, list.Items, 2)
	require.True(t, list.Items[0].Withheld)
	require.Equal(t, r.bill.Number, list.Items[0].Number, "a number is counted, though its bill is withheld")
	require.Equal(t, billing.BillIssued, list.Items[0].Status)
	require.Equal(t, open.Total, list.Items[1].Total, "another's is shown")
	require.Equal(t, 1, dbtest.Scalar[int](t, r.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND operation = 'billing.list_bills' AND action = 'search'
		AND patient_id = ?`, r.Tenant, r.patient))

	_, err = r.s.RequestRefund(r.Ctx, billing.RequestRefundInput{
		Payment: r.payment.ID, Amount: usd("7"), RefundDetails: because(canary),
	})
	require.NoError(t, err)
	requests, err := r.s.ListRefundRequests(r.desk, billing.ListRefundRequestsInput{})
	requireNothing(t, "refund requests", requests, err)
	mix, err := r.s.GetDaySummary(r.desk, billing.GetDaySummaryInput{})
	require.NoError(t, err)
	require.Equal(t, usd("7.77"), mix.Methods[0].Received, "a total is not a patient's")
}

func TestRestricted_CommandsWithholdTheirResult(t *testing.T) {
	t.Parallel()
	r := restrict(t)
	desk := r.desk
	doctor := r.As(t, identity.RoleDoctor)
	c, err := r.s.CaptureCharge(doctor, billing.CaptureChargeInput{Patient: r.patient, Service: "CONSULT", Text: canary})
	requireNothing(t, "capture", c, err)
	draft, err := r.s.CreateBill(desk, billing.CreateBillInput{Patient: r.patient, Charges: []hmstype.ChargeID{c.ID}})
	requireNothing(t, "create", draft, err)
	issued, err := r.s.IssueBill(desk, billing.IssueBillInput{ID: draft.ID})
	requireNothing(t, "issue", issued, err)
	in := billing.PayInput{
		Bill: r.bill.ID, Amount: usd("70"), IdempotencyKey: "click",
		PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash, ReferenceNumber: canary},
	}
	paid, err := r.s.Pay(desk, in)
	requireNothing(t, "pay", paid, err)
	note, err := r.s.IssueCreditNote(desk, billing.IssueCreditNoteInput{Bill: r.bill.ID, Reason: canary})
	requireNothing(t, "credit", note, err)
	require.NotEmpty(t, note.Number)

	// The answer that is kept is whole: who may see it gets it again, and the trail tells of that.
	again, err := r.s.Pay(desk, in)
	requireNothing(t, "replayed", again, err)
	require.Equal(t, paid, again)
	require.Equal(t, 1, dbtest.Scalar[int](t, r.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND operation = 'billing.pay' AND action = 'search' AND patient_id = ?`, r.Tenant, r.patient))
	whole := r.bundle.bill(t, r.bill.ID)
	require.Equal(t, usd(canaryAmount), whole.Paid)
	r.requireProof(t)
}

// TestDuties_ComparePersons holds that a program or a key of his own is no other person, in the
// service and in the database, and that a system actor is none.
func TestDuties_ComparePersons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid, err := b.pay(b.billOf100(t).ID, "60")
	require.NoError(t, err)
	admin, program := b.User(t, identity.RoleAdmin), b.User(t, identity.RoleAdmin)
	person := hmstype.HumanActor(b.Tenant, admin.ID)
	ask := billing.RefundInput{Payment: paid.ID, Amount: usd("10"), RefundDetails: because("charged twice")}
	request, err := b.s.RequestRefund(hmstype.WithActor(t.Context(), person), billing.RequestRefundInput(ask))
	require.NoError(t, err)
	approve := billing.DecideRefundInput{ID: request.ID, Status: billing.RefundApproved}

	key := hmstype.Actor{Tenant: b.Tenant, Kind: hmstype.ActorService, User: admin.ID}
	owned := hmstype.Actor{Tenant: b.Tenant, Kind: hmstype.ActorService, User: program.ID, Person: admin.ID}
	for name, actor := range map[string]hmstype.Actor{"himself": person, "his key": key, "his program": owned} {
		ctx := hmstype.WithActor(t.Context(), actor)
		_, err := b.s.DecideRefund(ctx, approve)
		require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties, name)
		_, err = b.s.Refund(ctx, ask)
		require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties, name)
		err = b.raw(t, `UPDATE hms.refund_request SET status = 'approved', decided_at = now(), decided_by = ?,
			refund_id = gen_random_uuid() WHERE tenant_id = ? AND id = ?`, actor.Ref(), b.Tenant, request.ID)
		require.ErrorContains(t, err, "refund_request_approver_check", name)
	}
	approved, err := b.s.DecideRefund(b.Ctx, approve)
	require.NoError(t, err)
	require.Equal(t, "system:test", approved.DecidedBy.String(), "a system actor keeps its name")
	require.Equal(t, "system:test", dbtest.Scalar[string](t, b.Env,
		`SELECT created_by FROM hms.refund WHERE tenant_id = ?`, b.Tenant))

	mine, err := b.s.RequestRefund(hmstype.WithActor(t.Context(), person), billing.RequestRefundInput(ask))
	require.NoError(t, err)
	_, err = b.s.WithdrawRefund(hmstype.WithActor(t.Context(), key), mine.ID)
	require.NoError(t, err, "he takes back what he asked for himself")
}
