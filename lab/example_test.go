package lab_test

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
)

// Foreign tables give ages in months or years; ranges are kept in days, half-open.
func ExampleAgeMonths() {
	from, to := lab.AgeMonths(3), lab.AgeYears(12)
	fmt.Println(from, to)
	// Output: 91 4383
}

// A value keeps the text that was entered; what is below the measuring range has a comparator.
func ExampleValue() {
	for _, v := range []lab.Value{
		{Number: "1.0"},
		{Comparator: lab.LessThan, Number: "0.01"},
		{AbsentReason: "not-performed"},
		{Number: "1,0"},
	} {
		fmt.Println(v.Type(), hmstype.Fields(v.Validate()))
	}
	// Output:
	// numeric []
	// numeric []
	// absent []
	// numeric [number: must be a decimal number]
}
