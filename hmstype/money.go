package hmstype

import (
	"fmt"
	"regexp"

	"github.com/shopspring/decimal"
)

// Currency is an ISO 4217 alphabetic code, such as "USD".
type Currency string

// minorUnits lists the currencies whose minor unit is not a hundredth (ISO 4217, list one).
var minorUnits = map[Currency]int32{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
	"RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// Valid tells whether the code has the form of ISO 4217.
func (c Currency) Valid() bool { return currencyForm.MatchString(string(c)) }

// MinorUnits gives the decimal places of the currency: 2 for most, 0 for JPY, 3 for KWD.
func (c Currency) MinorUnits() int32 {
	if places, ok := minorUnits[c]; ok {
		return places
	}
	return 2
}

// Errors of money; all are of kind [ErrInvalid].
var (
	// ErrCurrencyMismatch: two amounts of different currencies cannot be added or compared.
	ErrCurrencyMismatch = fmt.Errorf("%w: currencies differ", ErrInvalid)
	// ErrBadAllocation: an amount cannot be split by no weights, a negative one or only zeros.
	ErrBadAllocation = fmt.Errorf("%w: bad weights for an allocation", ErrInvalid)
)

// MaxMoney bounds a single amount, in major units: numeric(19,4) of the database holds it.
const MaxMoney = 999_999_999_999

var maxMoney = decimal.NewFromInt(MaxMoney)

// Money is an exact amount of one currency. The zero Money has no currency and means "none";
// an amount of nothing is ZeroMoney(currency).
type Money struct {
	Amount   decimal.Decimal `json:"amount"`   // in major units
	Currency Currency        `json:"currency"` // ISO 4217
}

// NewMoney reads an amount such as "12.50"; the text must be a plain decimal number that
// is rounded to the currency's minor unit.
func NewMoney(amount string, currency Currency) (Money, error) {
	if !amountForm.MatchString(amount) {
		return Money{}, Invalid("amount", "must be a decimal number")
	}
	d, err := decimal.NewFromString(amount)
	if err != nil {
		return Money{}, Invalid("amount", "must be a decimal number")
	}
	m := Money{Amount: d, Currency: currency}
	return m, m.Validate()
}

// amountForm keeps exponents and endless digits away from the decimal parser.
var amountForm = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,8})?$`)

// MustMoney is [NewMoney] for constants of tests and examples; it panics on an error.
func MustMoney(amount string, currency Currency) Money {
	m, err := NewMoney(amount, currency)
	if err != nil {
		panic(err)
	}
	return m
}

// ZeroMoney is nothing, in a currency.
func ZeroMoney(currency Currency) Money { return Money{Currency: currency} }

// RoundMoney makes an amount of exact value d, rounded half away from zero to the
// currency's minor unit (commercial rounding). It is the one place where the library
// rounds money.
func RoundMoney(d decimal.Decimal, currency Currency) Money {
	return Money{Amount: d.Round(currency.MinorUnits()), Currency: currency}
}

// Validate checks the currency's form, the range and that the amount is rounded to the
// minor unit: an amount that the database would round is refused, not changed.
func (m Money) Validate() error {
	var v Validator
	v.Check(m.Currency.Valid(), "currency", "must be an ISO 4217 code")
	v.Check(m.Amount.Abs().LessThanOrEqual(maxMoney), "amount", "must be at most 999999999999")
	v.Check(m.IsRounded(), "amount", "must be rounded to the currency's minor unit")
	return v.Err()
}

// IsRounded tells whether the amount has no more places than the currency.
func (m Money) IsRounded() bool {
	return m.Amount.Exponent() >= -m.Currency.MinorUnits() ||
		m.Amount.Equal(m.Amount.Truncate(m.Currency.MinorUnits()))
}

// IsZero tells whether the amount is nothing.
func (m Money) IsZero() bool { return m.Amount.IsZero() }

// Sign gives -1, 0 or 1.
func (m Money) Sign() int { return m.Amount.Sign() }

// Add gives m + other; [ErrCurrencyMismatch] where the currencies differ.
func (m Money) Add(other Money) (Money, error) {
	if m.Currency != other.Currency {
		return Money{}, ErrCurrencyMismatch
	}
	return Money{Amount: m.Amount.Add(other.Amount), Currency: m.Currency}, nil
}

// Sub gives m - other; [ErrCurrencyMismatch] where the currencies differ.
func (m Money) Sub(other Money) (Money, error) { return m.Add(other.Neg()) }

// Neg gives -m.
func (m Money) Neg() Money { return Money{Amount: m.Amount.Neg(), Currency: m.Currency} }

// Equal tells whether both are the same amount of the same currency (1.0 equals 1.00).
func (m Money) Equal(other Money) bool {
	return m.Currency == other.Currency && m.Amount.Equal(other.Amount)
}

// Compare gives -1, 0 or 1; [ErrCurrencyMismatch] where the currencies differ.
func (m Money) Compare(other Money) (int, error) {
	if m.Currency != other.Currency {
		return 0, ErrCurrencyMismatch
	}
	return m.Amount.Cmp(other.Amount), nil
}

// Times gives quantity x m, rounded by [RoundMoney].
func (m Money) Times(quantity decimal.Decimal) Money {
	return RoundMoney(m.Amount.Mul(quantity), m.Currency)
}

// Percent gives the percentage of m, rounded by [RoundMoney]; 100 is the whole.
func (m Money) Percent(percentage decimal.Decimal) Money {
	return RoundMoney(m.Amount.Mul(percentage).Shift(-2), m.Currency)
}

// Allocate splits m by the weights into parts that sum to m exactly. What rounding down
// leaves over goes, one minor unit each, to the parts with the largest remainders, the
// first of equals first. A negative amount is split as its positive counterpart.
func (m Money) Allocate(weights ...int64) ([]Money, error) {
	var total int64
	for _, w := range weights {
		if w < 0 {
			return nil, ErrBadAllocation
		}
		total += w
	}
	if total <= 0 || !m.IsRounded() {
		return nil, ErrBadAllocation
	}
	return m.allocate(weights, total), nil
}

func (m Money) allocate(weights []int64, total int64) []Money {
	places := m.Currency.MinorUnits()
	units := m.Amount.Abs().Shift(places).Truncate(0)
	sum := decimal.NewFromInt(total)
	parts := make([]decimal.Decimal, len(weights))
	remainders := make([]decimal.Decimal, len(weights))
	left := units
	for i, w := range weights {
		parts[i], remainders[i] = units.Mul(decimal.NewFromInt(w)).QuoRem(sum, 0)
		left = left.Sub(parts[i])
	}
	for ; left.IsPositive(); left = left.Sub(decimal.NewFromInt(1)) {
		best := largest(remainders)
		parts[best] = parts[best].Add(decimal.NewFromInt(1))
		remainders[best] = decimal.NewFromInt(-1)
	}
	out := make([]Money, len(weights))
	for i, p := range parts {
		if m.Amount.IsNegative() {
			p = p.Neg()
		}
		out[i] = Money{Amount: p.Shift(-places), Currency: m.Currency}
	}
	return out
}

func largest(values []decimal.Decimal) int {
	best := 0
	for i, v := range values {
		if v.GreaterThan(values[best]) {
			best = i
		}
	}
	return best
}

// String gives the amount with the currency's places and its code: "12.50 USD".
func (m Money) String() string {
	return m.Amount.StringFixed(m.Currency.MinorUnits()) + " " + string(m.Currency)
}

// SumMoney adds amounts of one currency; the sum of none is ZeroMoney(currency).
func SumMoney(currency Currency, amounts ...Money) (Money, error) {
	sum := ZeroMoney(currency)
	for _, a := range amounts {
		var err error
		if sum, err = sum.Add(a); err != nil {
			return Money{}, err
		}
	}
	return sum, nil
}
