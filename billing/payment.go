package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// PaymentStatus is the state of a payment, of FHIR R4 financial resource status.
type PaymentStatus string

// The states of a payment.
const (
	PaymentActive    PaymentStatus = "active"    // counts
	PaymentCancelled PaymentStatus = "cancelled" // was taken back as a whole; terminal
)

// PaymentTransitions are the allowed steps between the states of a payment.
var PaymentTransitions = hmstype.Transitions[PaymentStatus]{PaymentActive: {PaymentCancelled}}

// Method says how money changed hands.
type Method string

// The methods of payment.
const (
	MethodCash         Method = "cash"
	MethodCard         Method = "card"
	MethodMobileMoney  Method = "mobile-money"
	MethodBankTransfer Method = "bank-transfer"
	MethodInsurance    Method = "insurance"
	MethodCheque       Method = "cheque"
)

func methods() []Method {
	return []Method{MethodCash, MethodCard, MethodMobileMoney, MethodBankTransfer, MethodInsurance, MethodCheque}
}

// PaymentDetails say how money changes hands.
type PaymentDetails struct {
	Method Method `bun:"method" json:"method"` // required
	// ReferenceNumber is that of the card terminal, the bank, the cheque: up to 100 characters, unique
	// per method where given, up to case, space and kind of dash.
	ReferenceNumber string `bun:"reference_number" json:"referenceNumber,omitempty"`
}

func (d PaymentDetails) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, d.Method, "method", methods()...)
	names.CheckOptional(v, names.CodeKey, d.ReferenceNumber, "referenceNumber", 100)
}

// Payment is money received for one share of one bill (FHIR PaymentReconciliation).
type Payment struct {
	ID      hmstype.PaymentID `json:"id"`
	Bill    hmstype.BillID    `json:"bill"`
	Patient hmstype.PatientID `json:"patient"`
	Share   ShareID           `json:"share"`
	Amount  hmstype.Money     `json:"amount"` // more than zero
	PaymentDetails
	Status       PaymentStatus    `json:"status"`
	Refunded     hmstype.Money    `json:"refunded"`             // the sum of its refunds
	BusinessDate hmstype.Date     `json:"businessDate"`         // the tenant's day
	CreatedAt    time.Time        `json:"createdAt,omitzero"`   // UTC: when it was taken
	CreatedBy    hmstype.ActorRef `json:"createdBy"`            // who took it
	CancelledAt  time.Time        `json:"cancelledAt,omitzero"` // UTC; zero unless cancelled
	CancelledBy  hmstype.ActorRef `json:"cancelledBy"`          // zero unless cancelled
	CancelReason string           `json:"cancelReason,omitempty"`
	Version      int64            `json:"version"` // counts changes, from 1
	Refunds      []Refund         `json:"refunds"` // nil where none, and in the answer of a command
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type paymentRow struct {
	bun.BaseModel `bun:"table:hms.payment,alias:p"`
	dbx.Header[hmstype.PaymentID]
	BillID    hmstype.BillID
	PatientID hmstype.PatientID
	ShareID   ShareID
	Amount    decimal.Decimal
	Currency  hmstype.Currency
	PaymentDetails
	Status         PaymentStatus
	RefundedAmount decimal.Decimal
	JournalID      hmstype.JournalID
	BusinessDate   hmstype.Date
	CancelledAt    time.Time `bun:",nullzero"`
	CancelledBy    hmstype.ActorRef
	CancelledOn    hmstype.Date `bun:",nullzero"`
	CancelReason   string
}

func (r paymentRow) payment() Payment {
	return Payment{
		ID: r.ID, Bill: r.BillID, Patient: r.PatientID, Share: r.ShareID, Amount: money(r.Amount, r.Currency),
		PaymentDetails: r.PaymentDetails, Status: r.Status, Refunded: money(r.RefundedAmount, r.Currency),
		BusinessDate: r.BusinessDate, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		CancelledAt: r.CancelledAt.UTC(), CancelledBy: r.CancelledBy, CancelReason: r.CancelReason, Version: r.Version,
	}
}

// receipts is what every use case that shows payments shows of whom. A payment is cancelled by the
// database's function, which posts it back under the locks of account and bill, and notes the step.
var receipts = usecase.Entity[Payment]{
	Table:   "payment",
	Patient: func(p *Payment) hmstype.PatientID { return p.Patient },
	ID:      func(p *Payment) string { return p.ID.String() },
}

var opListPayments = usecase.Query[usecase.ByID[hmstype.BillID], []Payment]{
	Name: "billing.list_payments", Permission: hmstype.PermBillingRead, Shows: receipts.All(),
}.Declare()

// ListPayments lists the payments of a bill with their refunds, the oldest first, and records that they
// were read.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListPayments(ctx context.Context, bill hmstype.BillID) ([]Payment, error) {
	return opListPayments.Run(ctx, &s.base, usecase.ID(bill), payments)
}

func payments(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) ([]Payment, error) {
	bill, err := dbx.Get[billRow](ctx, db, "bill", in.ID)
	if err != nil {
		return nil, err
	}
	db.About(bill.PatientID)
	rows, err := dbx.All[paymentRow](ctx, db, dbx.Equal("bill_id", in.ID), dbx.OrderBy("p.created_at", "p.id"))
	if err != nil {
		return nil, err
	}
	refunds, err := dbx.All[refundRow](ctx, db, dbx.Equal("bill_id", in.ID), dbx.OrderBy("r.created_at", "r.id"))
	if err != nil {
		return nil, err
	}
	byPayment := map[hmstype.PaymentID][]Refund{}
	for _, r := range refunds {
		byPayment[r.PaymentID] = append(byPayment[r.PaymentID], r.refund())
	}
	list := make([]Payment, len(rows))
	for i, r := range rows {
		list[i] = r.payment()
		list[i].Refunds = byPayment[r.ID]
	}
	return list, nil
}
