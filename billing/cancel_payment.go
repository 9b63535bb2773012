package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CancelPaymentInput takes a payment back as a whole.
type CancelPaymentInput struct {
	Payment        hmstype.PaymentID `json:"payment"` // required
	Reason         string            `json:"reason"`  // required, up to 500 characters
	IdempotencyKey string            `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CancelPaymentInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Payment.IsZero(), "payment")
	v.Text(in.Reason, "reason", 1, maxReason)
	return v.Err()
}

var opCancelPayment = usecase.Command[CancelPaymentInput, Payment]{
	Name: "billing.cancel_payment", Permission: hmstype.PermPayment, Shows: receipts.One(),
	Key:    func(in CancelPaymentInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(p Payment) hmstype.PaymentID { return p.ID }, getPayment),
	Sample: CancelPaymentInput{Reason: "typed wrongly"},
}.Declare()

// CancelPayment undoes a payment that was entered wrongly: the bill is open again. A payment is
// cancelled or refunded, never both: [ErrPaymentRefunded], [ErrPaymentCancelled].
// Permission: [hmstype.PermPayment].
func (s *Service) CancelPayment(ctx context.Context, in CancelPaymentInput) (Payment, error) {
	return opCancelPayment.Run(ctx, &s.base, in, cancelPayment)
}

// In SQL: migrate/routine/billing/cancel_payment.sql.
func cancelPayment(ctx context.Context, db dbx.DB, in CancelPaymentInput) (Payment, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Payment{}, err
	}
	var patient hmstype.PatientID
	err = db.QueryRow(ctx, `SELECT out_patient FROM hms.cancel_payment($1, $2, $3, $4, $5, $6, $7)`,
		db.Tenant(), in.Payment, hmstype.NewID[hmstype.JournalID](), in.Reason, db.By(), db.Now, today).Scan(&patient)
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
	return row.payment(), db.Emit(ctx, dbx.Event{Type: eventPaymentCancelled, ID: row.BillID, Data: map[string]any{
		"bill": row.BillID, "payment": row.ID, "amount": money(row.Amount, row.Currency),
	}})
}
