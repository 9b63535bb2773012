package billing

import (
	"context"
	"database/sql"
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

// Payment is money received for one share of one bill (FHIR PaymentReconciliation).
type Payment struct {
	ID              hmstype.PaymentID
	Bill            hmstype.BillID
	Patient         hmstype.PatientID
	Share           ShareID
	Amount          hmstype.Money // more than zero
	Method          Method
	ReferenceNumber string // of the card terminal, the bank, the cheque; unique per method; may be empty
	Status          PaymentStatus
	Refunded        hmstype.Money  // the sum of its refunds
	ProcessedBy     hmstype.UserID // zero where a system actor did
	BusinessDate    hmstype.Date   // the tenant's day
	PaidAt          time.Time      // UTC
	CancelledAt     time.Time      // UTC; zero unless cancelled
	CancelReason    string
	Refunds         []Refund // nil where none, and in the answer of a command
}

type paymentRow struct {
	bun.BaseModel `bun:"table:hms.payment,alias:p"`
	dbx.Tenanted
	ID              hmstype.PaymentID `bun:"id,pk"`
	BillID          hmstype.BillID
	PatientID       hmstype.PatientID
	ShareID         ShareID
	Amount          decimal.Decimal
	Currency        hmstype.Currency
	Method          Method
	ReferenceNumber string
	Status          PaymentStatus
	RefundedAmount  decimal.Decimal
	ProcessedBy     hmstype.UserID `bun:",nullzero"`
	JournalID       hmstype.JournalID
	BusinessDate    hmstype.Date
	PaidAt          time.Time
	CancelledAt     time.Time    `bun:",nullzero"`
	CancelledOn     hmstype.Date `bun:",nullzero"`
	CancelReason    string
	Version         int64
}

func (r paymentRow) payment() Payment {
	return Payment{
		ID: r.ID, Bill: r.BillID, Patient: r.PatientID, Share: r.ShareID, Amount: money(r.Amount, r.Currency), Method: r.Method,
		ReferenceNumber: r.ReferenceNumber, Status: r.Status, Refunded: money(r.RefundedAmount, r.Currency),
		ProcessedBy: r.ProcessedBy, BusinessDate: r.BusinessDate, PaidAt: r.PaidAt.UTC(),
		CancelledAt: r.CancelledAt.UTC(), CancelReason: r.CancelReason,
	}
}

// PayInput pays part or all of what is open on one share of a bill.
type PayInput struct {
	Bill            hmstype.BillID     // required
	Coverage        hmstype.CoverageID // whose share is paid; zero means the patient's
	Amount          hmstype.Money      // more than zero, at most what is open, in the bill's currency
	Method          Method             // required
	ReferenceNumber string             // up to 100 characters; unique per method where given, up to case, space and kind of dash
	IdempotencyKey  string             // protects from paying twice by one click
}

// Validate implements the rules above.
func (in PayInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Bill.IsZero(), "bill")
	checkAmount(&v, in.Amount, "amount")
	hmstype.OneOf(&v, in.Method, "method", methods()...)
	names.CheckOptional(&v, names.CodeKey, in.ReferenceNumber, "referenceNumber", 100)
	return v.Err()
}

// Pay takes a payment. An [OverpaymentError] for more than is open (a payment at another
// desk may have been faster), [hmstype.ErrCurrencyMismatch], [ErrReferenceTaken], [ErrNotIssued],
// [ErrNoShare] where the coverage pays nothing of the bill.
func (s *Service) Pay(ctx context.Context, in PayInput) (Payment, error) {
	op := usecase.Op{Name: "billing.pay", Permission: hmstype.PermPayment, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, pay)
}

// pay is one round trip for the deed and one for its event.
func pay(ctx context.Context, db dbx.DB, in PayInput) (Payment, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Payment{}, err
	}
	p := Payment{
		ID: hmstype.NewID[hmstype.PaymentID](), Bill: in.Bill, Amount: money(in.Amount.Amount, in.Amount.Currency), Method: in.Method,
		ReferenceNumber: in.ReferenceNumber, Status: PaymentActive, Refunded: hmstype.ZeroMoney(in.Amount.Currency),
		ProcessedBy: db.Actor.User, BusinessDate: today, PaidAt: db.Now,
	}
	var status sql.NullString
	err = db.QueryRow(ctx, `SELECT out_patient, out_share, out_status
		FROM hms.pay_bill($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), p.ID, hmstype.NewID[hmstype.JournalID](), p.Bill, in.Coverage, p.Amount.Amount, string(p.Amount.Currency),
		string(p.Method), p.ReferenceNumber, names.CodeKey(p.ReferenceNumber), p.ProcessedBy, db.Now, today).
		Scan(&p.Patient, &p.Share, &status)
	if err != nil {
		return Payment{}, err
	}
	if p.Patient.IsZero() {
		return Payment{}, hmstype.NotFound("bill", in.Bill)
	}
	return p, db.Emit(ctx, dbx.Event{Type: "billing.payment_received", Entity: "bill", ID: p.Bill, Data: map[string]any{
		"bill": p.Bill, "payment": p.ID, "amount": p.Amount, "method": p.Method, "status": status.String,
	}})
}

// Payments lists the payments of a bill with their refunds, the oldest first, and records that they
// were read.
func (s *Service) Payments(ctx context.Context, bill hmstype.BillID) ([]Payment, error) {
	op := usecase.Op{Name: "billing.payments", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.BillID]{ID: bill}, payments)
}

func payments(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) ([]Payment, error) {
	bill, err := dbx.Get[billRow](ctx, db, "bill", in.ID)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[paymentRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.bill_id = ?", in.ID).Order("p.paid_at", "p.id")
	})
	if err != nil {
		return nil, err
	}
	refunds, err := dbx.All[refundRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.bill_id = ?", in.ID).Order("r.refunded_at", "r.id")
	})
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
	return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "payment", ID: in.ID.String(), Patient: bill.PatientID})
}
