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

// RefundDetails say how and why money is given back.
type RefundDetails struct {
	Method Method `bun:"method" json:"method,omitempty"` // empty means the payment's
	// ReferenceNumber has up to 100 characters and is unique per method where given, up to case,
	// space and kind of dash.
	ReferenceNumber string `bun:"reference_number" json:"referenceNumber,omitempty"`
	Reason          string `bun:"reason" json:"reason"` // required, up to 500 characters
}

func (d RefundDetails) validate(v *hmstype.Validator) {
	if d.Method != "" {
		hmstype.OneOf(v, d.Method, "method", methods()...)
	}
	names.CheckOptional(v, names.CodeKey, d.ReferenceNumber, "referenceNumber", 100)
	v.Text(d.Reason, "reason", 1, maxReason)
}

// Refund is money given back of one payment. It is never changed.
type Refund struct {
	ID      RefundID          `json:"id"`
	Payment hmstype.PaymentID `json:"payment"`
	Bill    hmstype.BillID    `json:"bill"`
	Patient hmstype.PatientID `json:"patient"`
	Amount  hmstype.Money     `json:"amount"` // more than zero
	RefundDetails
	BusinessDate hmstype.Date     `json:"businessDate"`       // the tenant's day
	CreatedAt    time.Time        `json:"createdAt,omitzero"` // UTC: when it was given
	CreatedBy    hmstype.ActorRef `json:"createdBy"`          // who gave it, or approved it
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type refundRow struct {
	bun.BaseModel `bun:"table:hms.refund,alias:r"`
	dbx.Header[RefundID]
	PaymentID hmstype.PaymentID
	BillID    hmstype.BillID
	PatientID hmstype.PatientID
	ShareID   ShareID
	Amount    decimal.Decimal
	Currency  hmstype.Currency
	RefundDetails
	JournalID    hmstype.JournalID
	BusinessDate hmstype.Date
}

func (r refundRow) refund() Refund {
	return Refund{
		ID: r.ID, Payment: r.PaymentID, Bill: r.BillID, Patient: r.PatientID, Amount: money(r.Amount, r.Currency),
		RefundDetails: r.RefundDetails, BusinessDate: r.BusinessDate, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
	}
}

// refunds is what every use case that shows refunds shows of whom.
var refunds = usecase.Entity[Refund]{
	Table:   "refund",
	Patient: func(r *Refund) hmstype.PatientID { return r.Patient },
	ID:      func(r *Refund) string { return r.ID.String() },
}

// RefundInput gives back part or all of one payment.
type RefundInput struct {
	Payment hmstype.PaymentID `json:"payment"` // required
	Amount  hmstype.Money     `json:"amount"`  // more than zero, at most what was not refunded yet
	RefundDetails
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RefundInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Payment.IsZero(), "payment")
	checkAmount(&v, in.Amount, "amount")
	in.RefundDetails.validate(&v)
	return v.Err()
}

var sampleRefund = RefundInput{
	Amount:        hmstype.MustMoney("5.00", "USD"),
	RefundDetails: RefundDetails{Method: MethodCash, ReferenceNumber: "R-1", Reason: "charged twice"},
}

var opRefund = usecase.Command[RefundInput, Refund]{
	Name: "billing.refund", Permission: hmstype.PermPayment, Shows: refunds.One(),
	Key:    func(in RefundInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(r Refund) RefundID { return r.ID }, getRefund),
	Sample: sampleRefund,
}.Declare()

// Refund gives money back at once, by one person. Where requesting and approving a refund
// are kept apart, only the host's own actor may: [hmstype.ErrSeparationOfDuties]; people use
// [Service.RequestRefund] and [Service.DecideRefund]. What was credited before is then even; without a credit note
// the bill is open again. A [RefundLimitError] for more than is left of the payment,
// [ErrPaymentCancelled], [hmstype.ErrCurrencyMismatch], [ErrReferenceTaken].
// Permission: [hmstype.PermPayment].
func (s *Service) Refund(ctx context.Context, in RefundInput) (Refund, error) {
	return opRefund.Run(ctx, &s.base, in, s.refundAtOnce)
}

func (s *Service) refundAtOnce(ctx context.Context, db dbx.DB, in RefundInput) (Refund, error) {
	err := s.base.RequireAnotherPerson(db, hmstype.PermRefundRequest, hmstype.PermRefundApprove, db.By())
	if err != nil {
		return Refund{}, err
	}
	return refund(ctx, db, in)
}

// In SQL: migrate/routine/billing/refund_payment.sql.
func refund(ctx context.Context, db dbx.DB, in RefundInput) (Refund, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Refund{}, err
	}
	r := Refund{
		ID: hmstype.NewID[RefundID](), Payment: in.Payment, Amount: money(in.Amount.Amount, in.Amount.Currency),
		RefundDetails: in.RefundDetails, BusinessDate: today, CreatedAt: db.Now, CreatedBy: db.By(),
	}
	var method sql.NullString
	err = db.QueryRow(ctx, `SELECT out_patient, out_bill, out_method
		FROM hms.refund_payment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), r.ID, hmstype.NewID[hmstype.JournalID](), r.Payment, r.Amount.Amount, string(r.Amount.Currency),
		string(in.Method), r.ReferenceNumber, names.CodeKey(r.ReferenceNumber), r.Reason, r.CreatedBy, db.Now, today).
		Scan(&r.Patient, &r.Bill, &method)
	if err != nil {
		return Refund{}, err
	}
	if r.Patient.IsZero() {
		return Refund{}, hmstype.NotFound("payment", in.Payment)
	}
	r.Method = Method(method.String)
	return r, db.Emit(ctx, dbx.Event{Type: eventRefunded, ID: r.Bill, Data: map[string]any{
		"bill": r.Bill, "payment": r.Payment, "refund": r.ID, "amount": r.Amount, "method": r.Method,
	}})
}

func getRefund(ctx context.Context, db dbx.DB, in usecase.ByID[RefundID]) (Refund, error) {
	row, err := dbx.Get[refundRow](ctx, db, "refund", in.ID)
	return row.refund(), err
}
