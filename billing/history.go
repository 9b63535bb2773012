package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opChargeHistory = usecase.Query[usecase.ByID[hmstype.ChargeID], hmstype.History]{
	Name: "billing.charge_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories.One(),
}.Declare()

// ChargeHistory gives the steps of a charge from state to state, the oldest first.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ChargeHistory(ctx context.Context, id hmstype.ChargeID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.ChargeID]("charge", chargeRow.subject)
	return opChargeHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opBillHistory = usecase.Query[usecase.ByID[hmstype.BillID], hmstype.History]{
	Name: "billing.bill_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories.One(),
}.Declare()

// BillHistory gives the steps of a bill from state to state, the oldest first. A step that follows
// from a payment, a refund or a credit note is his who took it, with its reason.
// Permission: [hmstype.PermBillingRead].
func (s *Service) BillHistory(ctx context.Context, id hmstype.BillID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BillID]("bill", billRow.subject)
	return opBillHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opPaymentHistory = usecase.Query[usecase.ByID[hmstype.PaymentID], hmstype.History]{
	Name: "billing.payment_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories.One(),
}.Declare()

// PaymentHistory gives the steps of a payment from state to state: none, or that it was cancelled.
// Permission: [hmstype.PermBillingRead].
func (s *Service) PaymentHistory(ctx context.Context, id hmstype.PaymentID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.PaymentID]("payment", paymentRow.subject)
	return opPaymentHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opRefundRequestHistory = usecase.Query[usecase.ByID[RefundRequestID], hmstype.History]{
	Name: "billing.refund_request_history", Permission: hmstype.PermBillingRead, Shows: usecase.Histories.One(),
}.Declare()

// RefundRequestHistory gives the steps of a request for a refund, the oldest first.
// Permission: [hmstype.PermBillingRead].
func (s *Service) RefundRequestHistory(ctx context.Context, id RefundRequestID) (hmstype.History, error) {
	rule := usecase.ReadHistory[RefundRequestID]("refund_request", refundRequestRow.subject)
	return opRefundRequestHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r chargeRow) subject() hmstype.PatientID        { return r.PatientID }
func (r billRow) subject() hmstype.PatientID          { return r.PatientID }
func (r paymentRow) subject() hmstype.PatientID       { return r.PatientID }
func (r refundRequestRow) subject() hmstype.PatientID { return r.PatientID }
