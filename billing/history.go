package billing

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how one entity went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity  string                 `json:"entity"` // the entity's table, such as "bill"
	ID      string                 `json:"id"`     // the entity's
	Patient hmstype.PatientID      `json:"patient"`
	Steps   []hmstype.StatusChange `json:"steps"` // the oldest first
	// Withheld says that the patient's record is restricted and the actor may not see it.
	Withheld bool `json:"withheld,omitempty"`
}

var histories = usecase.Entity[History]{
	Table:   "status",
	Patient: func(h *History) hmstype.PatientID { return h.Patient },
	ID:      func(h *History) string { return h.ID },
}

func historyOf(
	ctx context.Context, db dbx.DB, table string, id fmt.Stringer, patient hmstype.PatientID,
) (History, error) {
	steps, err := dbx.History(ctx, db, table, id)
	return History{Entity: table, ID: id.String(), Patient: patient, Steps: steps}, err
}

var opChargeHistory = usecase.Query[usecase.ByID[hmstype.ChargeID], History]{
	Name: "billing.charge_history", Permission: hmstype.PermBillingRead, Shows: histories.One(),
}.Declare()

// ChargeHistory gives the steps of a charge from state to state, the oldest first.
func (s *Service) ChargeHistory(ctx context.Context, id hmstype.ChargeID) (History, error) {
	return opChargeHistory.Run(ctx, &s.base, usecase.ID(id), chargeHistory)
}

func chargeHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ChargeID]) (History, error) {
	row, err := dbx.Get[chargeRow](ctx, db, "charge", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "charge", in.ID, row.PatientID)
}

var opBillHistory = usecase.Query[usecase.ByID[hmstype.BillID], History]{
	Name: "billing.bill_history", Permission: hmstype.PermBillingRead, Shows: histories.One(),
}.Declare()

// BillHistory gives the steps of a bill from state to state, the oldest first. A step that follows
// from a payment, a refund or a credit note is his who took it, with its reason.
func (s *Service) BillHistory(ctx context.Context, id hmstype.BillID) (History, error) {
	return opBillHistory.Run(ctx, &s.base, usecase.ID(id), billHistory)
}

func billHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) (History, error) {
	row, err := dbx.Get[billRow](ctx, db, "bill", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "bill", in.ID, row.PatientID)
}

var opPaymentHistory = usecase.Query[usecase.ByID[hmstype.PaymentID], History]{
	Name: "billing.payment_history", Permission: hmstype.PermBillingRead, Shows: histories.One(),
}.Declare()

// PaymentHistory gives the steps of a payment from state to state: none, or that it was cancelled.
func (s *Service) PaymentHistory(ctx context.Context, id hmstype.PaymentID) (History, error) {
	return opPaymentHistory.Run(ctx, &s.base, usecase.ID(id), paymentHistory)
}

func paymentHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PaymentID]) (History, error) {
	row, err := dbx.Get[paymentRow](ctx, db, "payment", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "payment", in.ID, row.PatientID)
}

var opRefundRequestHistory = usecase.Query[usecase.ByID[RefundRequestID], History]{
	Name: "billing.refund_request_history", Permission: hmstype.PermBillingRead, Shows: histories.One(),
}.Declare()

// RefundRequestHistory gives the steps of a request for a refund, the oldest first.
func (s *Service) RefundRequestHistory(ctx context.Context, id RefundRequestID) (History, error) {
	return opRefundRequestHistory.Run(ctx, &s.base, usecase.ID(id), refundRequestHistory)
}

func refundRequestHistory(ctx context.Context, db dbx.DB, in usecase.ByID[RefundRequestID]) (History, error) {
	row, err := dbx.Get[refundRequestRow](ctx, db, "refund request", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "refund_request", in.ID, row.PatientID)
}
