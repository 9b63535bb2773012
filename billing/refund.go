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

// Refund is money given back of one payment.
type Refund struct {
	ID              RefundID
	Payment         hmstype.PaymentID
	Bill            hmstype.BillID
	Patient         hmstype.PatientID
	Amount          hmstype.Money // more than zero
	Method          Method
	ReferenceNumber string // unique per method; may be empty
	Reason          string
	ProcessedBy     hmstype.UserID // zero where a system actor did
	BusinessDate    hmstype.Date   // the tenant's day
	RefundedAt      time.Time      // UTC
}

type refundRow struct {
	bun.BaseModel `bun:"table:hms.refund,alias:r"`
	dbx.Tenanted
	ID              RefundID `bun:"id,pk"`
	PaymentID       hmstype.PaymentID
	BillID          hmstype.BillID
	PatientID       hmstype.PatientID
	ShareID         ShareID
	Amount          decimal.Decimal
	Currency        hmstype.Currency
	Method          Method
	ReferenceNumber string
	Reason          string
	ProcessedBy     hmstype.UserID `bun:",nullzero"`
	JournalID       hmstype.JournalID
	BusinessDate    hmstype.Date
	RefundedAt      time.Time
}

func (r refundRow) refund() Refund {
	return Refund{
		ID: r.ID, Payment: r.PaymentID, Bill: r.BillID, Patient: r.PatientID, Amount: money(r.Amount, r.Currency), Method: r.Method,
		ReferenceNumber: r.ReferenceNumber, Reason: r.Reason, ProcessedBy: r.ProcessedBy, BusinessDate: r.BusinessDate,
		RefundedAt: r.RefundedAt.UTC(),
	}
}

// RefundInput gives back part or all of one payment.
type RefundInput struct {
	Payment         hmstype.PaymentID // required
	Amount          hmstype.Money     // more than zero, at most what was not refunded yet
	Method          Method            // empty means the payment's
	ReferenceNumber string            // up to 100 characters; unique per method where given, up to case, space and kind of dash
	Reason          string            // required, up to 500 characters
	IdempotencyKey  string
}

// Validate implements the rules above.
func (in RefundInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Payment.IsZero(), "payment")
	checkAmount(&v, in.Amount, "amount")
	if in.Method != "" {
		hmstype.OneOf(&v, in.Method, "method", methods()...)
	}
	names.CheckOptional(&v, names.CodeKey, in.ReferenceNumber, "referenceNumber", 100)
	v.Text(in.Reason, "reason", 1, maxReason)
	return v.Err()
}

// Refund gives money back at once, by one person. Where requesting and approving a refund
// are kept apart, only the host's own actor may: [hmstype.ErrSeparationOfDuties]; people use
// [Service.RequestRefund] and [Service.DecideRefund]. What was credited before is then even; without a credit note
// the bill is open again. A [RefundLimitError] for more than is left of the payment,
// [ErrPaymentCancelled], [hmstype.ErrCurrencyMismatch], [ErrReferenceTaken].
func (s *Service) Refund(ctx context.Context, in RefundInput) (Refund, error) {
	op := usecase.Op{Name: "billing.refund", Permission: hmstype.PermPayment, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in RefundInput) (Refund, error) {
		err := s.base.RequireAnother(db, hmstype.PermRefundRequest, hmstype.PermRefundApprove, db.ActorName())
		if err != nil {
			return Refund{}, err
		}
		return refund(ctx, db, in)
	})
}

func refund(ctx context.Context, db dbx.DB, in RefundInput) (Refund, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Refund{}, err
	}
	r := Refund{
		ID: hmstype.NewID[RefundID](), Payment: in.Payment, Amount: money(in.Amount.Amount, in.Amount.Currency),
		ReferenceNumber: in.ReferenceNumber, Reason: in.Reason, ProcessedBy: db.Actor.User, BusinessDate: today, RefundedAt: db.Now,
	}
	var method sql.NullString
	err = db.QueryRow(ctx, `SELECT out_patient, out_bill, out_method
		FROM hms.refund_payment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), r.ID, hmstype.NewID[hmstype.JournalID](), r.Payment, r.Amount.Amount, string(r.Amount.Currency),
		string(in.Method), r.ReferenceNumber, names.CodeKey(r.ReferenceNumber), r.Reason, r.ProcessedBy, db.Now, today).Scan(&r.Patient, &r.Bill, &method)
	if err != nil {
		return Refund{}, err
	}
	if r.Patient.IsZero() {
		return Refund{}, hmstype.NotFound("payment", in.Payment)
	}
	r.Method = Method(method.String)
	return r, db.Emit(ctx, dbx.Event{Type: "billing.refunded", Entity: "bill", ID: r.Bill, Data: map[string]any{
		"bill": r.Bill, "payment": r.Payment, "refund": r.ID, "amount": r.Amount, "method": r.Method,
	}})
}

// CancelPaymentInput takes a payment back as a whole.
type CancelPaymentInput struct {
	Payment        hmstype.PaymentID // required
	Reason         string            // required, up to 500 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in CancelPaymentInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Payment.IsZero(), "payment")
	v.Text(in.Reason, "reason", 1, maxReason)
	return v.Err()
}

// CancelPayment undoes a payment that was entered wrongly: the bill is open again. A payment is
// cancelled or refunded, never both: [ErrPaymentRefunded], [ErrPaymentCancelled].
func (s *Service) CancelPayment(ctx context.Context, in CancelPaymentInput) (Payment, error) {
	op := usecase.Op{Name: "billing.cancel_payment", Permission: hmstype.PermPayment, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, cancelPayment)
}

func cancelPayment(ctx context.Context, db dbx.DB, in CancelPaymentInput) (Payment, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Payment{}, err
	}
	var patient hmstype.PatientID
	err = db.QueryRow(ctx, `SELECT out_patient FROM hms.cancel_payment($1, $2, $3, $4, $5, $6)`,
		db.Tenant(), in.Payment, hmstype.NewID[hmstype.JournalID](), in.Reason, db.Now, today).Scan(&patient)
	if err != nil {
		return Payment{}, err
	}
	if patient.IsZero() {
		return Payment{}, hmstype.NotFound("payment", in.Payment)
	}
	row, err := dbx.Get[paymentRow](ctx, db, "payment", in.Payment)
	if err != nil {
		return Payment{}, err
	}
	return row.payment(), db.Emit(ctx, dbx.Event{Type: "billing.payment_cancelled", Entity: "bill", ID: row.BillID, Data: map[string]any{
		"bill": row.BillID, "payment": row.ID, "amount": money(row.Amount, row.Currency),
	}})
}
