package fhir_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/patient"
)

func ExampleReadPatients() {
	const name = `"name":[{"family":"Chalmers","given":["Peter","James"]}]`
	file := strings.NewReader(`{"resourceType":"Patient","id":"a",` + name + `,"birthDate":"1974-12-25"}
{"resourceType":"Patient","id":"b","name":[{"family":"Windsor"}],"birthDate":"Christmas"}
{"resourceType":"Observation","id":"c"}
`)
	reader := fhir.NewPatientReader(file, "export.ndjson")
	for record, err := range reader.All() {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(record.ID, record.Input.FirstName, record.Input.BirthDate) // patient.Service.Register(ctx, record.Input)
	}
	fmt.Println(reader.Stats().PassedOver)
	// Output:
	// a Peter James 1974-12-25
	// fhir: line 2, byte 118: birthDate is not a FHIR date
	// map[Observation:1]
}

// A practice's patients move in. Who is known already is left to the desk.
func ExamplePatientReader_All() {
	peter := `"name":[{"family":"Chalmers","given":["Peter"]}],"gender":"male","birthDate":"1974-12-25"}` + "\n"
	file := `{"resourceType":"Patient","id":"a",` + peter + `{"resourceType":"Patient","id":"b",` + peter
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		for record, err := range fhir.NewPatientReader(strings.NewReader(file), "practice.ndjson").All() {
			if err != nil {
				return err
			}
			p, err := env.H.Patient.Register(env.Ctx, record.Input)
			switch {
			case errors.Is(err, patient.ErrDuplicate):
				fmt.Println(record.ID, "may be here already")
			case err != nil:
				return err
			default:
				fmt.Println(record.ID, "has number", p.MRN, "-", p.LastName, p.BirthDate)
			}
		}
		return nil
	})
	// Output:
	// a has number 000000013 - Chalmers 1974-12-25
	// b may be here already
}
