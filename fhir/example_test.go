package fhir_test

import (
	"fmt"
	"strings"

	"github.com/chelal/hms/fhir"
)

func ExampleReadPatients() {
	file := strings.NewReader(`{"resourceType":"Patient","id":"a","name":[{"family":"Chalmers","given":["Peter","James"]}],"birthDate":"1974-12-25"}
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
