package billing

import (
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

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
