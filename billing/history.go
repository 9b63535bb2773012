package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opGetChargeHistory = usecase.Query[usecase.ByID[hmstype.ChargeID], hmstype.History]{
	Name: "billing.get_charge_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories("charge").One(),
}.Declare()

// GetChargeHistory gives the steps of a charge from state to state, the oldest first.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetChargeHistory(ctx context.Context, id hmstype.ChargeID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.ChargeID]("charge", chargeRow.subject)
	return opGetChargeHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetBillHistory = usecase.Query[usecase.ByID[hmstype.BillID], hmstype.History]{
	Name: "billing.get_bill_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories("bill").One(),
}.Declare()

// GetBillHistory gives the steps of a bill from state to state, the oldest first. A step that follows
// from a payment, a refund or a credit note is his who took it, with its reason.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetBillHistory(ctx context.Context, id hmstype.BillID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BillID]("bill", billRow.subject)
	return opGetBillHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetPaymentHistory = usecase.Query[usecase.ByID[hmstype.PaymentID], hmstype.History]{
	Name: "billing.get_payment_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories("payment").One(),
}.Declare()

// GetPaymentHistory gives the steps of a payment from state to state: none, or that it was cancelled.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetPaymentHistory(ctx context.Context, id hmstype.PaymentID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.PaymentID]("payment", paymentRow.subject)
	return opGetPaymentHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetRefundRequestHistory = usecase.Query[usecase.ByID[RefundRequestID], hmstype.History]{
	Name: "billing.get_refund_request_history", Permission: hmstype.PermBillingRead,
	Shows: usecase.Histories("refund_request").One(),
}.Declare()

// GetRefundRequestHistory gives the steps of a request for a refund, the oldest first.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetRefundRequestHistory(ctx context.Context, id RefundRequestID) (hmstype.History, error) {
	rule := usecase.ReadHistory[RefundRequestID]("refund_request", refundRequestRow.subject)
	return opGetRefundRequestHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r chargeRow) subject() hmstype.PatientID        { return r.PatientID }
func (r billRow) subject() hmstype.PatientID          { return r.PatientID }
func (r paymentRow) subject() hmstype.PatientID       { return r.PatientID }
func (r refundRequestRow) subject() hmstype.PatientID { return r.PatientID }
