package hms_test

import (
	"fmt"

	"github.com/chelal/hms"
)

// A host sees every use case with its permission and types, for hooks and for its own documents.
func ExampleOperations() {
	for _, op := range hms.Operations() {
		if op.Name == "clinical.book" {
			fmt.Println(op.Name, op.Permission, op.Writes, op.Input, op.Result)
		}
	}
	// Output: clinical.book appointment.write true scheduling.BookInput scheduling.Appointment
}
