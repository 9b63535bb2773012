package hmstype

import (
	"fmt"
	"math"
)

// Quantity counts base units of one item of stock (tablets, millilitres, pieces): a whole
// number, because stock that is counted in fractions cannot be proved. Packs are converted
// at the edge with [Quantity.Times]. The database holds it as bigint.
type Quantity int64

// MaxQuantity bounds a single quantity, so that sums of many stay far from overflow.
const MaxQuantity Quantity = 1_000_000_000_000

// ErrQuantityOverflow: a product or sum leaves the range of [MaxQuantity].
var ErrQuantityOverflow = fmt.Errorf("%w: quantity out of range", ErrInvalid)

// Times gives n packs of q units; [ErrQuantityOverflow] where the product is out of range.
func (q Quantity) Times(n int64) (Quantity, error) {
	if q < 0 || n < 0 {
		return 0, ErrQuantityOverflow
	}
	if n != 0 && q > Quantity(math.MaxInt64)/Quantity(n) {
		return 0, ErrQuantityOverflow
	}
	if product := q * Quantity(n); product <= MaxQuantity {
		return product, nil
	}
	return 0, ErrQuantityOverflow
}

// CheckPositive notes a rule of the validator unless 1 <= q <= [MaxQuantity].
func (q Quantity) CheckPositive(v *Validator, path string) {
	v.Check(q >= 1, path, "must be at least 1")
	v.Check(q <= MaxQuantity, path, "must be at most 1000000000000")
}
