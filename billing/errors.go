package billing

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrServiceCodeTaken: the catalogue has a service of this code.
	ErrServiceCodeTaken = fmt.Errorf("%w: service code", hmstype.ErrAlreadyExists)
	// ErrPriceOverlap: another price holds on some of these days; see [PriceOverlapError].
	ErrPriceOverlap = fmt.Errorf("%w: price on these days", hmstype.ErrAlreadyExists)
	// ErrUnknownService: the catalogue has no active service of this code.
	ErrUnknownService = fmt.Errorf("%w: unknown or inactive service code", hmstype.ErrInvalid)
	// ErrNoPrice: the service has no price in the currency on the day of service.
	ErrNoPrice = fmt.Errorf("%w: no price on the day of service", hmstype.ErrPrecondition)
	// ErrChargeBilled: the charge is on a bill already; see [ChargeBilledError].
	ErrChargeBilled = fmt.Errorf("%w: the charge is on a bill", hmstype.ErrPrecondition)
	// ErrNothingToBill: there is no billable charge, or the bill has no line left.
	ErrNothingToBill = fmt.Errorf("%w: nothing to bill", hmstype.ErrPrecondition)
	// ErrNotIssued: the bill is a draft or was cancelled, so nobody owes it.
	ErrNotIssued = fmt.Errorf("%w: the bill is not issued", hmstype.ErrPrecondition)
	// ErrNoShare: the coverage has no share of this bill.
	ErrNoShare = fmt.Errorf("%w: the coverage has no share of this bill", hmstype.ErrPrecondition)
	// ErrOverpayment: the payment is more than is open; see [OverpaymentError].
	ErrOverpayment = fmt.Errorf("%w: more than is open", hmstype.ErrPrecondition)
	// ErrReferenceTaken: a payment or refund of this method has this reference number.
	ErrReferenceTaken = fmt.Errorf("%w: reference number of this method", hmstype.ErrAlreadyExists)
	// ErrRefundLimit: the refund is more than is left of the payment; see [RefundLimitError].
	ErrRefundLimit = fmt.Errorf("%w: more than is refundable", hmstype.ErrPrecondition)
	// ErrPaymentRefunded: a payment that was refunded cannot be cancelled.
	ErrPaymentRefunded = fmt.Errorf("%w: the payment was refunded", hmstype.ErrPrecondition)
	// ErrPaymentCancelled: a cancelled payment can be neither refunded nor cancelled again.
	ErrPaymentCancelled = fmt.Errorf("%w: the payment is cancelled", hmstype.ErrInvalidTransition)
	// ErrCreditLimit: the credit is more than was invoiced and not credited; see [CreditLimitError].
	ErrCreditLimit = fmt.Errorf("%w: more than can be credited", hmstype.ErrPrecondition)
	// ErrFrozen: what is issued, captured or paid is not changed, only credited, reversed or refunded.
	ErrFrozen = fmt.Errorf("%w: it is not changed after it was issued", hmstype.ErrPrecondition)
	// ErrUnbalanced: the lines of a journal do not sum to zero.
	ErrUnbalanced = fmt.Errorf("%w: the journal does not sum to zero", hmstype.ErrPrecondition)
	// ErrNotSummed: the totals of a bill or credit note are not the sums of its lines.
	ErrNotSummed = fmt.Errorf("%w: the totals are not the sums of the lines", hmstype.ErrPrecondition)
)

// OverpaymentError tells how much can still be paid on the share.
type OverpaymentError struct {
	Open hmstype.Money
}

// Error implements error.
func (e *OverpaymentError) Error() string { return fmt.Sprintf("%v (%v)", ErrOverpayment, e.Open) }

// Unwrap gives [ErrOverpayment].
func (e *OverpaymentError) Unwrap() error { return ErrOverpayment }

// RefundLimitError tells how much of the payment can still be refunded.
type RefundLimitError struct {
	Refundable hmstype.Money
}

// Error implements error.
func (e *RefundLimitError) Error() string {
	return fmt.Sprintf("%v (%v)", ErrRefundLimit, e.Refundable)
}

// Unwrap gives [ErrRefundLimit].
func (e *RefundLimitError) Unwrap() error { return ErrRefundLimit }

// CreditLimitError tells how much of a line can still be credited.
type CreditLimitError struct {
	Line       hmstype.BillLineID
	Creditable hmstype.Money // tax included
}

// Error implements error.
func (e *CreditLimitError) Error() string {
	return fmt.Sprintf("%v (%v)", ErrCreditLimit, e.Creditable)
}

// Unwrap gives [ErrCreditLimit].
func (e *CreditLimitError) Unwrap() error { return ErrCreditLimit }

// PriceOverlapError names the price that stands in the way.
type PriceOverlapError struct {
	Price PriceID
	From  hmstype.Date // its first day
	Until hmstype.Date // the first day without it; zero means without end
}

// Error implements error.
func (e *PriceOverlapError) Error() string {
	return fmt.Sprintf("%v (price %v from %v)", ErrPriceOverlap, e.Price, e.From)
}

// Unwrap gives [ErrPriceOverlap].
func (e *PriceOverlapError) Unwrap() error { return ErrPriceOverlap }

// ChargeBilledError names the bill that a charge is on.
type ChargeBilledError struct {
	Charge hmstype.ChargeID
	Bill   hmstype.BillID
}

// Error implements error.
func (e *ChargeBilledError) Error() string {
	return fmt.Sprintf("%v (charge %v, bill %v)", ErrChargeBilled, e.Charge, e.Bill)
}

// Unwrap gives [ErrChargeBilled].
func (e *ChargeBilledError) Unwrap() error { return ErrChargeBilled }

var _ = dbx.Declare(dbx.Constraints{
	"service_item_code_key":          ErrServiceCodeTaken,
	"refund_request_refund_key":      hmstype.ErrAlreadyExists, // a refund is paid for one request
	"refund_request_approver_check":  hmstype.ErrSeparationOfDuties,
	"service_price_days_excl":        ErrPriceOverlap,
	"service_price_days_check":       hmstype.Invalid("until", "must not be before from"),
	"charge_source_key":              hmstype.ErrAlreadyExists,
	"charge_patient_fkey":            hmstype.Invalid("patient", "must be a patient of the tenant"),
	"charge_encounter_fkey":          hmstype.Invalid("encounter", "must be an encounter of the patient"),
	"charge_amount_check":            hmstype.Invalid("quantity", "makes the amount too large"),
	"billing_account_patient_fkey":   hmstype.Invalid("patient", "must be a patient of the tenant"),
	"bill_encounter_fkey":            hmstype.Invalid("encounter", "must be an encounter of the patient"),
	"bill_number_key":                hmstype.ErrAlreadyExists,
	"bill_line_live_charge_key":      ErrChargeBilled,
	"bill_line_credit_check":         ErrCreditLimit,
	"bill_line_share_credited_check": ErrCreditLimit,
	"bill_share_credited_check":      ErrCreditLimit,
	"bill_share_paid_check":          ErrOverpayment,
	"payment_reference_key":          ErrReferenceTaken,
	"payment_refunded_check":         ErrRefundLimit,
	"payment_undone_check":           ErrPaymentRefunded,
	"payment_amount_check": hmstype.Invalid(
		"amount", "must be more than zero and rounded to the currency's minor unit",
	),
	"refund_reference_key": ErrReferenceTaken,
	"refund_amount_check": hmstype.Invalid(
		"amount", "must be more than zero and rounded to the currency's minor unit",
	),
	"credit_note_number_key":  hmstype.ErrAlreadyExists,
	"journal_source_key":      hmstype.ErrAlreadyExists,
	"ledger_account_code_key": hmstype.ErrAlreadyExists,

	// These follow from primary keys or from rows that the library numbers; they serve foreign keys.
	"charge_patient_key":          hmstype.ErrAlreadyExists,
	"ledger_account_currency_key": hmstype.ErrAlreadyExists,
	"bill_patient_key":            hmstype.ErrAlreadyExists,
	"bill_currency_key":           hmstype.ErrAlreadyExists,
	"bill_journal_key":            hmstype.ErrAlreadyExists,
	"bill_line_bill_key":          hmstype.ErrAlreadyExists,
	"bill_share_sequence_key":     hmstype.ErrAlreadyExists,
	"bill_share_currency_key":     hmstype.ErrAlreadyExists,
	"bill_line_scope_key":         hmstype.ErrAlreadyExists,
	"bill_share_scope_key":        hmstype.ErrAlreadyExists,
	"payment_patient_key":         hmstype.ErrAlreadyExists,
	"refund_patient_key":          hmstype.ErrAlreadyExists,
	"payment_bill_key":            hmstype.ErrAlreadyExists,
	"payment_journal_key":         hmstype.ErrAlreadyExists,
	"refund_journal_key":          hmstype.ErrAlreadyExists,
	"credit_note_journal_key":     hmstype.ErrAlreadyExists,
})

var _ = dbx.DeclareStates(dbx.States{
	"HM501": func(string) error { return ErrUnbalanced },
	"HM502": func(detail string) error { return &OverpaymentError{Open: moneyOfDetail(detail)} },
	"HM503": func(string) error { return ErrFrozen },
	"HM504": func(string) error { return ErrNotSummed },
	"HM505": func(detail string) error { return &RefundLimitError{Refundable: moneyOfDetail(detail)} },
	"HM506": func(string) error { return ErrPaymentRefunded },
	"HM507": func(string) error { return ErrNotIssued },
	"HM508": func(string) error { return ErrPaymentCancelled },
	"HM509": func(string) error { return hmstype.ErrCurrencyMismatch },
	"HM510": func(string) error { return ErrNoShare },
	"HM511": func(string) error { return ErrReferenceTaken },
})

// moneyOfDetail reads "12.50 USD"; a detail of another form gives the zero Money.
func moneyOfDetail(detail string) hmstype.Money {
	amount, currency, _ := strings.Cut(detail, " ")
	m, err := hmstype.NewMoney(amount, hmstype.Currency(currency))
	if err != nil {
		return hmstype.Money{}
	}
	return hmstype.RoundMoney(m.Amount, m.Currency)
}

var errAnswer = errors.New("billing: the database gave an answer that this version does not know")
