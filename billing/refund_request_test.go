package billing_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// asked gives a request for 10 of a paid bill, and who asked.
func (b *bundle) asked(t *testing.T) (billing.RefundRequest, context.Context) {
	t.Helper()
	paid, err := b.pay(b.billOf100(t).ID, "60")
	require.NoError(t, err)
	both, err := b.Identity.CreateRole(b.Ctx,
		identity.CreateRoleInput{Name: "Till and office", RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{
			hmstype.PermRefundRequest, hmstype.PermRefundApprove, hmstype.PermPayment, hmstype.PermBillingRead,
		}}})
	require.NoError(t, err)
	cashier := b.As(t, both.Name)
	request, err := b.s.RequestRefund(cashier, billing.RequestRefundInput{
		Payment: paid.ID, Amount: usd("10"), RefundDetails: because("charged twice"),
	})
	require.NoError(t, err)
	require.Equal(t, billing.RefundRequested, request.Status)
	return request, cashier
}

func TestService_DecideRefund(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "refund_request", billing.RefundRequestTransitions.Pairs())
	request, cashier := b.asked(t)
	approve := billing.DecideRefundInput{ID: request.ID, Status: billing.RefundApproved}

	_, err := b.s.Refund(cashier, billing.RefundInput{
		Payment: request.Payment, Amount: usd("1"), RefundDetails: because("alone"),
	})
	require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
	_, err = b.s.DecideRefund(cashier, approve)
	require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties, "though he holds both permissions")
	require.Equal(t, 2, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'denied' AND entity = 'separation_of_duties'`, b.Tenant))
	require.Error(t, b.raw(t, `UPDATE hms.refund_request
		SET status = 'approved', decided_by = created_by, decided_at = now(),
		refund_id = gen_random_uuid() WHERE id = ?`, request.ID), "and the database refuses it, too")

	waiting, err := b.s.ListRefundRequests(b.Ctx, billing.ListRefundRequestsInput{})
	require.NoError(t, err)
	require.Equal(t, []billing.RefundRequest{request}, waiting.Items)

	// Eight approve at once: the money goes out once.
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		ctx := b.As(t, identity.RoleAdmin)
		wg.Go(func() { _, errs[i] = b.s.DecideRefund(ctx, approve) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	}
	require.Equal(t, 1, won)
	require.Equal(
		t, "10.0000",
		dbtest.Scalar[string](t, b.Env, `SELECT sum(amount)::text FROM hms.refund WHERE tenant_id = ?`, b.Tenant),
	)
	b.requireProof(t)
}

func TestService_DecideRefundRejects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request, cashier := b.asked(t)
	_, err := b.s.DecideRefund(b.Ctx, billing.DecideRefundInput{ID: request.ID, Status: billing.RefundRejected})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a rejection has a reason")
	rejected, err := b.s.DecideRefund(b.Ctx, billing.DecideRefundInput{
		ID: request.ID, Status: billing.RefundRejected, Reason: "was right",
	})
	require.NoError(t, err)
	require.True(t, rejected.Refund.IsZero())
	_, err = b.s.WithdrawRefund(cashier, request.ID)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_WithdrawRefund(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request, cashier := b.asked(t)
	_, err := b.s.WithdrawRefund(b.Ctx, request.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another's")
	withdrawn, err := b.s.WithdrawRefund(cashier, request.ID)
	require.NoError(t, err)
	require.Equal(t, billing.RefundWithdrawn, withdrawn.Status)
	_, err = b.s.DecideRefund(b.Ctx, billing.DecideRefundInput{ID: request.ID, Status: billing.RefundApproved})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}
