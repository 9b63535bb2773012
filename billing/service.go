package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ids of this package's own things.
type (
	priceEntity         struct{}
	shareEntity         struct{}
	refundEntity        struct{}
	creditNoteEntity    struct{}
	refundRequestEntity struct{}

	// PriceID names one version of a service's price.
	PriceID = hmstype.ID[priceEntity]
	// ShareID names what one payer, or the patient, owes of a bill.
	ShareID = hmstype.ID[shareEntity]
	// RefundID names money given back of one payment.
	RefundID = hmstype.ID[refundEntity]
	// RefundRequestID names a request for a refund.
	RefundRequestID = hmstype.ID[refundRequestEntity]
	// CreditNoteID names a credit note.
	CreditNoteID = hmstype.ID[creditNoteEntity]
)

// Ports is what billing needs of others.
type Ports struct {
	// Patients tells who is a live patient and who pays for what is done on a day; required.
	Patients patient.Port
}

// Service keeps charges, bills, payments and the ledger.
type Service struct {
	base  usecase.Base
	ports Ports
}

var _ charge.Poster = Port{}

// New makes the service; it does no I/O.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }

func tenanted(db dbx.DB) dbx.Tenanted { return dbx.Tenanted{TenantID: db.Tenant()} }

// money gives the amount of a column, without the places that numeric(19,4) adds.
func money(amount decimal.Decimal, currency hmstype.Currency) hmstype.Money {
	return hmstype.RoundMoney(amount, currency)
}

// Bounds of decimals that callers bring: past them, arithmetic on a number such as
// 1e999999999 would cost more than the use case is worth.
const (
	maxExponent = 12
	maxBits     = 128
)

func isPlain(d decimal.Decimal) bool {
	return d.Exponent() >= -maxExponent && d.Exponent() <= maxExponent && d.Coefficient().BitLen() <= maxBits
}

const hundred = 100

func checkPercent(v *hmstype.Validator, d decimal.Decimal, path string) {
	ok := isPlain(d) && !d.IsNegative() && d.LessThanOrEqual(decimal.NewFromInt(hundred))
	v.Check(ok, path, "must lie between 0 and 100")
	v.Check(!ok || d.Equal(d.Truncate(4)), path, "must have at most 4 decimal places")
}

func checkQuantity(v *hmstype.Validator, d decimal.Decimal, path string) {
	ok := isPlain(d) && d.IsPositive() && d.LessThanOrEqual(decimal.NewFromInt(hmstype.MaxMoney))
	v.Check(ok, path, "must be more than 0 and at most 999999999999")
	v.Check(!ok || d.Equal(d.Truncate(4)), path, "must have at most 4 decimal places")
}

// checkAmount notes the rules of an amount that somebody pays, credits or deducts.
func checkAmount(v *hmstype.Validator, m hmstype.Money, path string) {
	if !isPlain(m.Amount) {
		v.Check(false, path, "must be at most 999999999999")
		return
	}
	v.Nested(path, m.Validate())
	v.Check(m.Sign() > 0, path+".amount", "must be more than 0")
}

// maxReason bounds the reason that a use case against the usual course needs.
const maxReason = 500

func fiscalNumber(prefix string, year int, n int64) string {
	return fmt.Sprintf("%s-%d-%06d", prefix, year, n)
}
