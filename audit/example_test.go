package audit_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chelal/hms/audit"
)

// A screen shows what a change did, field by field, and of an encrypted field only that it
// changed.
func ExampleEvent_Fields() {
	event := audit.Event{
		Action:  audit.ActionUpdate,
		Entity:  "patient",
		Changes: json.RawMessage(`{"last_name": ["Byron", "Lovelace"], "phone_number": ["", "hms1:1:c2VhbGVk"], "deceased_at": [null, "1852-11-27T00:00:00+00:00"]}`),
	}
	fields, err := event.Fields()
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range fields {
		before, _ := f.Before.Text()
		after, _ := f.After.Text()
		if f.After.Sealed {
			after = "(encrypted)"
		}
		fmt.Printf("%s: %q -> %q\n", f.Name, before, after)
	}
	// Output:
	// deceased_at: "" -> "1852-11-27T00:00:00+00:00"
	// last_name: "Byron" -> "Lovelace"
	// phone_number: "" -> "(encrypted)"
}

// An agency that only spoke may have a disclosure kept from the patient for thirty days.
func ExampleSuspension() {
	said := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	in := audit.SuspendDisclosureInput{Version: 1, Suspension: audit.Suspension{
		Agency: "State Police, Det. Marple", Statement: "Would impede an inquiry", Oral: true, At: said, Until: said.AddDate(0, 2, 0),
	}}
	fmt.Println(in.Validate())
	// Output:
	// invalid input: id: required; suspension.until: must lie within 30 days of an oral statement
}

// Whoever must tell a breach asks who was exposed to a stolen account, and for how long.
func ExampleListExposuresInput() {
	query := audit.ListExposuresInput{Actor: "human:0198c3a0-0000-7000-8000-000000000001"}
	query.During.Start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	query.During.End = query.During.Start.AddDate(0, 0, 3)
	fmt.Println(query.Validate(), query.During.Duration()) // h.Audit.ListExposures(ctx, query)
	// Output: <nil> 72h0m0s
}
