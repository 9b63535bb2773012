package lab

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// ValueType is the kind of value that an analyte has.
type ValueType string

// The kinds of value. Only a result can be absent: no analyte is of that type.
const (
	ValueNumeric ValueType = "numeric" // a decimal number with a unit (FHIR valueQuantity)
	ValueCoded   ValueType = "coded"   // one of the analyte's answers (FHIR valueCodeableConcept)
	ValueText    ValueType = "text"    // free text (FHIR valueString)
	ValueAbsent  ValueType = "absent"  // no value, with a reason (FHIR dataAbsentReason)
)

// Comparator says that the true value lies beyond the number, as an instrument reports it
// outside its measuring range (FHIR R4 quantity-comparator). Empty means "exactly".
type Comparator string

// The comparators.
const (
	Exactly     Comparator = ""
	LessThan    Comparator = "<"
	AtMost      Comparator = "<="
	AtLeast     Comparator = ">="
	GreaterThan Comparator = ">"
)

// Value is what was measured or seen: exactly one of Number, Code, Text and AbsentReason.
type Value struct {
	Comparator Comparator `json:"comparator,omitempty"` // only with Number
	// Number is a decimal as it was written: "1.0" stays "1.0"; up to 40 digits on each side of the
	// point, exponent up to 40.
	Number string `json:"number,omitempty"`
	Code   string `json:"code,omitempty"` // code of one of the analyte's answers
	Text   string `json:"text,omitempty"` // free text, up to 4000 characters
	// AbsentReason: why there is no value: a code of FHIR data-absent-reason, such as "not-performed" or "error".
	AbsentReason string `json:"absentReason,omitempty"`
}

// decimalForm is FHIR's form of a decimal with room for what real senders send: values of
// twenty and more digits.
var decimalForm = regexp.MustCompile(`^-?(0|[1-9]\d{0,39})(\.\d{1,40})?([eE][+-]?([0-9]|[1-3][0-9]|40))?$`)

// absentReasons are the codes of FHIR R4 data-absent-reason.
var absentReasons = []string{
	"unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable", "unsupported",
	"as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed", "not-permitted",
}

// Type tells which kind of value it is; empty where it is none or several.
func (v Value) Type() ValueType {
	kinds := []ValueType{}
	for kind, text := range map[ValueType]string{
		ValueNumeric: v.Number, ValueCoded: v.Code, ValueText: v.Text, ValueAbsent: v.AbsentReason,
	} {
		if text != "" {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// Validate implements the rules above.
func (v Value) Validate() error {
	var check hmstype.Validator
	check.Check(v.Type() != "", "", "needs exactly one of number, code, text and absentReason")
	hmstype.OneOf(&check, v.Comparator, "comparator", Exactly, LessThan, AtMost, AtLeast, GreaterThan)
	check.Check(v.Comparator == Exactly || v.Number != "", "comparator", "needs a number")
	check.Check(v.Number == "" || decimalForm.MatchString(v.Number), "number", "must be a decimal number")
	check.Text(v.Code, "code", 0, 100)
	check.Text(v.Text, "text", 0, 4000)
	check.Check(v.Text == "" || strings.TrimSpace(v.Text) != "", "text", "must not be blank")
	if v.AbsentReason != "" {
		hmstype.OneOf(&check, v.AbsentReason, "absentReason", absentReasons...)
	}
	return check.Err()
}

// number gives the number that is compared, nil for a value without one.
func (v Value) number() (*decimal.Decimal, error) {
	if v.Number == "" {
		return nil, nil //nolint:nilnil // no number is no error
	}
	d, err := decimal.NewFromString(v.Number)
	if err != nil {
		return nil, hmstype.Invalid("number", "must be a decimal number")
	}
	return &d, nil
}
