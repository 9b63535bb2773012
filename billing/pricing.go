package billing

import (
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// pricedLine is the arithmetic of one line; the database's checks repeat it.
type pricedLine struct {
	taxPercent      decimal.Decimal
	gross, discount hmstype.Money
	net, tax, total hmstype.Money
}

// priceLine computes a line: rounding first where the amount arises, then the discount,
// then the tax of what is left.
func priceLine(
	quantity decimal.Decimal, unitPrice hmstype.Money, taxPercent decimal.Decimal, discount hmstype.Money,
) (pricedLine, error) {
	l := pricedLine{taxPercent: taxPercent, gross: unitPrice.Times(quantity), discount: discount}
	return l, l.finish()
}

// finish computes what follows from the gross amount and the discount.
func (l *pricedLine) finish() error {
	over, err := l.discount.Compare(l.gross)
	if err != nil {
		return err
	}
	if over > 0 {
		return hmstype.Invalid("discounts", "must not exceed the line's gross amount")
	}
	if l.net, err = l.gross.Sub(l.discount); err != nil {
		return err
	}
	l.tax = l.net.Percent(l.taxPercent)
	l.total, err = l.net.Add(l.tax)
	return err
}

// spreadDiscount takes a discount of the whole bill off its lines, in proportion to what
// they cost, so that tax, coverage and credits stay per line.
func spreadDiscount(lines []pricedLine, discount hmstype.Money) error {
	weights := make([]int64, len(lines))
	sum := hmstype.ZeroMoney(discount.Currency)
	for i, l := range lines {
		weights[i] = minorUnits(l.net)
		var err error
		if sum, err = sum.Add(l.net); err != nil {
			return err
		}
	}
	if over, err := discount.Compare(sum); err != nil || over > 0 {
		return hmstype.Invalid("discount", "must not exceed the bill's net amount")
	}
	parts, err := discount.Allocate(weights...)
	if err != nil {
		return err
	}
	for i := range lines {
		if lines[i].discount, err = lines[i].discount.Add(parts[i]); err != nil {
			return err
		}
		if err := lines[i].finish(); err != nil {
			return err
		}
	}
	return nil
}

// minorUnits gives the amount as a whole number of the currency's minor unit.
func minorUnits(m hmstype.Money) int64 {
	return m.Amount.Shift(m.Currency.MinorUnits()).IntPart()
}

// payerTerms says what a coverage pays of a line.
type payerTerms struct {
	coverage hmstype.CoverageID
	payer    string
	percent  decimal.Decimal // of what those before it leave to the patient
}

// splitLine splits a line's total over the payers in order: the first takes its copay from
// the patient, then pays its percentage of the rest; the next one works on what that leaves to the
// patient. parts[i] is the share of terms[i]; left is the patient's. They sum to total exactly.
//
// copays holds, per coverage, how much of the patient's fixed part of this bill is still to be
// consumed; it is counted down.
func splitLine(
	total hmstype.Money, terms []payerTerms, copays map[hmstype.CoverageID]hmstype.Money,
) (parts []hmstype.Money, left hmstype.Money, err error) {
	left = total
	parts = make([]hmstype.Money, len(terms))
	for i, t := range terms {
		base := left
		if copay, ok := copays[t.coverage]; ok && copay.Sign() > 0 {
			used := copay
			if more, err := copay.Compare(base); err != nil {
				return nil, left, err
			} else if more > 0 {
				used = base
			}
			if copays[t.coverage], err = copay.Sub(used); err != nil {
				return nil, left, err
			}
			if base, err = base.Sub(used); err != nil {
				return nil, left, err
			}
		}
		parts[i] = base.Percent(t.percent)
		if left, err = left.Sub(parts[i]); err != nil {
			return nil, left, err
		}
	}
	return parts, left, nil
}
