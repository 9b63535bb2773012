package lab

import (
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// Flag says how a value lies to its range; codes of HL7 v2 table 0078, which FHIR's
// ObservationInterpretation takes over. Empty means that nothing can be said: no range fits,
// or a censored value may lie on either side of a bound. It never means normal.
type Flag string

// The flags.
const (
	FlagNone         Flag = ""
	FlagNormal       Flag = "N"
	FlagLow          Flag = "L"
	FlagHigh         Flag = "H"
	FlagCriticalLow  Flag = "LL"
	FlagCriticalHigh Flag = "HH"
	FlagAbnormal     Flag = "A"  // of a coded value
	FlagCritical     Flag = "AA" // of a coded value
)

// Sex is what a reference range is for. Only male and female are told apart; every other
// gender of a patient takes the ranges for any.
type Sex string

// The sexes of a reference range.
const (
	SexAny    Sex = "any"
	SexFemale Sex = "female"
	SexMale   Sex = "male"
)

// Bounds are the limits of a range, in the analyte's unit; each may be absent on its own. A value
// on a limit is within it: table 0078 says "below" and "above".
type Bounds struct {
	Low          *decimal.Decimal `json:"low,omitempty"`          // below it: L
	High         *decimal.Decimal `json:"high,omitempty"`         // above it: H
	CriticalLow  *decimal.Decimal `json:"criticalLow,omitempty"`  // below it: LL; also called panic limit
	CriticalHigh *decimal.Decimal `json:"criticalHigh,omitempty"` // above it: HH
}

// validate notes what the database would refuse: no bound at all, or bounds out of order.
func (b Bounds) validate(v *hmstype.Validator) {
	inOrder := []*decimal.Decimal{}
	for _, d := range []*decimal.Decimal{b.CriticalLow, b.Low, b.High, b.CriticalHigh} {
		if d != nil {
			inOrder = append(inOrder, d)
		}
	}
	v.Check(len(inOrder) > 0, "bounds", "needs at least one limit")
	for i, d := range inOrder {
		v.Check(
			d.Exponent() >= -40 && d.Exponent() <= 40 && d.NumDigits() <= 80, "bounds",
			"must have at most 40 digits on each side of the point",
		)
		v.Check(
			i == 0 || inOrder[i-1].LessThanOrEqual(*d), "bounds", "must rise from criticalLow over low and high to criticalHigh",
		)
	}
}

// finding is what the rules say of a value.
type finding struct {
	flag     Flag
	critical bool // a case must be opened
}

// interpret compares a number with bounds. A censored value gets a flag only where every
// value that it may stand for has that flag; it is critical where it may be critical, because
// what cannot be shown to be harmless must be told.
func interpret(comparator Comparator, number decimal.Decimal, bounds Bounds) finding {
	may := span{comparator: comparator, number: number}
	var f finding
	f.critical = bounds.CriticalLow != nil && may.reachesBelow(*bounds.CriticalLow) ||
		bounds.CriticalHigh != nil && may.reachesAbove(*bounds.CriticalHigh)
	switch {
	case bounds.CriticalLow != nil && may.liesBelow(*bounds.CriticalLow):
		f.flag = FlagCriticalLow
	case bounds.CriticalHigh != nil && may.liesAbove(*bounds.CriticalHigh):
		f.flag = FlagCriticalHigh
	case bounds.Low != nil && may.liesBelow(*bounds.Low):
		f.flag = FlagLow
	case bounds.High != nil && may.liesAbove(*bounds.High):
		f.flag = FlagHigh
	case bounds.Low == nil && bounds.High == nil:
		f.flag = FlagNone // critical limits alone do not say what is normal
	case bounds.Low != nil && may.reachesBelow(*bounds.Low), bounds.High != nil && may.reachesAbove(*bounds.High):
		f.flag = FlagNone
	case f.critical:
		f.flag = FlagNone
	default:
		f.flag = FlagNormal
	}
	return f
}

// span is the set of values that a number with a comparator may stand for.
type span struct {
	comparator Comparator
	number     decimal.Decimal
}

// liesBelow tells whether every value of the span is less than the limit.
func (s span) liesBelow(limit decimal.Decimal) bool {
	switch s.comparator {
	case Exactly, AtMost:
		return s.number.LessThan(limit)
	case LessThan:
		return s.number.LessThanOrEqual(limit)
	default:
		return false
	}
}

// liesAbove tells whether every value of the span is greater than the limit.
func (s span) liesAbove(limit decimal.Decimal) bool {
	switch s.comparator {
	case Exactly, AtLeast:
		return s.number.GreaterThan(limit)
	case GreaterThan:
		return s.number.GreaterThanOrEqual(limit)
	default:
		return false
	}
}

// reachesBelow tells whether some value of the span is less than the limit. Under a limit of
// zero or less nothing is expected of a censored value: "<5" means a concentration between
// nothing and five, and no range of ordinary quantities would ever fit it otherwise.
func (s span) reachesBelow(limit decimal.Decimal) bool {
	switch s.comparator {
	case LessThan, AtMost:
		return limit.IsPositive() || s.liesBelow(limit)
	default:
		return s.number.LessThan(limit)
	}
}

// reachesAbove tells whether some value of the span is greater than the limit.
func (s span) reachesAbove(limit decimal.Decimal) bool {
	return s.comparator == GreaterThan || s.comparator == AtLeast || s.number.GreaterThan(limit)
}

// interpretAnswer gives the finding of a coded value.
func interpretAnswer(flag Flag) finding { return finding{flag: flag, critical: flag == FlagCritical} }

// chooseRange gives the range that fits a person of this sex and age, nil where none does.
// One for the person's own sex wins over one for any. An age that is not known to the day fits
// only a range that holds all the days it may be. The database lets no two ranges of one sex overlap.
func chooseRange(ranges []rangeRow, sex Sex, age ageSpan) *rangeRow {
	var general *rangeRow
	for i := range ranges {
		r := &ranges[i]
		if !r.fitsAge(age.youngest) || !r.fitsAge(age.oldest) {
			continue
		}
		switch r.Sex {
		case SexAny:
			general = r
		case sex:
			return r
		}
	}
	return general
}

// AgeMonths gives the age in days at which a person is n months old, on average: a month is
// 30.4375 days, rounded down. It is at most two days away from the calendar's month, and never later
// than the birthday for whole years.
func AgeMonths(n int) int { return n * 487 / 16 }

// AgeYears gives the age in days at which a person is n years old: a year is 365.25 days,
// rounded down, and so is never later than the birthday, but in a century without a leap day.
func AgeYears(n int) int { return n * 1461 / 4 }
