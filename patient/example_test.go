package patient_test

import (
	"errors"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// A desk asks before it registers somebody who may be registered already.
func ExampleDuplicateError() {
	register := func(in patient.RegisterInput) error { // stands for patient.Service.Register
		if in.OverrideReason == "" {
			return &patient.DuplicateError{Candidates: make([]hmstype.PatientID, 1)}
		}
		return nil
	}
	in := patient.RegisterInput{Details: patient.Details{FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale}}
	err := register(in)
	var duplicate *patient.DuplicateError
	if errors.As(err, &duplicate) {
		fmt.Println(len(duplicate.Candidates), "to look at; kind", hmstype.KindOf(err))
		in.OverrideReason = "another person, passport seen"
		err = register(in)
	}
	fmt.Println(err)
	// Output:
	// 1 to look at; kind already_exists
	// <nil>
}

func ExampleValidMRN() {
	fmt.Println(patient.ValidMRN("000000013"), patient.ValidMRN("000000031"))
	// Output: true false
}
