package billing

import (
	"context"
	"database/sql"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// PayInput pays part or all of what is open on one share of a bill.
type PayInput struct {
	Bill     hmstype.BillID     `json:"bill"`     // required
	Coverage hmstype.CoverageID `json:"coverage"` // whose share is paid; zero means the patient's
	Amount   hmstype.Money      `json:"amount"`   // more than zero, at most what is open, in the bill's currency
	PaymentDetails
	IdempotencyKey string `json:"idempotencyKey"` // protects from paying twice by one click
}

// Validate implements the rules above.
func (in PayInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Bill.IsZero(), "bill")
	checkAmount(&v, in.Amount, "amount")
	in.PaymentDetails.validate(&v)
	return v.Err()
}

var opPay = usecase.Command[PayInput, Payment]{
	Name: "billing.pay", Permission: hmstype.PermPayment, Shows: receipts.One(),
	Key:   func(in PayInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(p Payment) hmstype.PaymentID { return p.ID }, getPayment),
	Sample: PayInput{
		Amount: hmstype.MustMoney("5.00", "USD"), PaymentDetails: PaymentDetails{Method: MethodCard, ReferenceNumber: "T-1"},
	},
}.Declare()

// Pay takes a payment. An [OverpaymentError] for more than is open (a payment at another
// desk may have been faster), [hmstype.ErrCurrencyMismatch], [ErrReferenceTaken], [ErrNotIssued],
// [ErrNoShare] where the coverage pays nothing of the bill.
// Permission: [hmstype.PermPayment].
func (s *Service) Pay(ctx context.Context, in PayInput) (Payment, error) {
	return opPay.Run(ctx, &s.base, in, pay)
}

// pay is one round trip for the use case and one for its event.
// In SQL: migrate/routine/billing/pay_bill.sql.
func pay(ctx context.Context, db dbx.DB, in PayInput) (Payment, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Payment{}, err
	}
	p := Payment{
		ID: hmstype.NewID[hmstype.PaymentID](), Bill: in.Bill, Amount: money(in.Amount.Amount, in.Amount.Currency),
		PaymentDetails: in.PaymentDetails, Status: PaymentActive, Refunded: hmstype.ZeroMoney(in.Amount.Currency),
		BusinessDate: today, CreatedAt: db.Now, CreatedBy: db.By(), Version: 1,
	}
	var status sql.NullString
	err = db.QueryRow(ctx, `SELECT out_patient, out_share, out_status
		FROM hms.pay_bill($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), p.ID, hmstype.NewID[hmstype.JournalID](), p.Bill, in.Coverage, p.Amount.Amount,
		string(p.Amount.Currency),
		string(p.Method), p.ReferenceNumber, names.CodeKey(p.ReferenceNumber), p.CreatedBy, db.Now, today).
		Scan(&p.Patient, &p.Share, &status)
	if err != nil {
		return Payment{}, err
	}
	if p.Patient.IsZero() {
		return Payment{}, hmstype.NotFound("bill", in.Bill)
	}
	return p, db.Emit(ctx, dbx.Event{Type: eventPaymentReceived, ID: p.Bill, Data: map[string]any{
		"bill": p.Bill, "payment": p.ID, "amount": p.Amount, "method": p.Method, "status": status.String,
	}})
}

func getPayment(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PaymentID]) (Payment, error) {
	row, err := dbx.Get[paymentRow](ctx, db, "payment", in.ID)
	return row.payment(), err
}
