package audit_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/identity"
)

// A screen shows what a change did, field by field, and of an encrypted field only that it
// changed.
func ExampleEvent_Fields() {
	event := audit.Event{
		Action: audit.ActionUpdate,
		Entity: "patient",
		Changes: json.RawMessage(`{"last_name": ["Byron", "Lovelace"], "phone_number": ["", "hms1:1:c2VhbGVk"],
			"deceased_at": [null, "1852-11-27T00:00:00+00:00"]}`),
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
		Agency: "State Police, Det. Marple", Statement: "Would impede an inquiry", Oral: true, At: said,
		Until: said.AddDate(0, 2, 0),
	}}
	fmt.Println(in.Validate())
	// Output:
	// invalid input: id: required; suspension.until: must lie within 30 days of an oral statement
}

// Whoever must tell a breach asks who was exposed to a stolen account, and since when.
func ExampleService_ListExposures() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stolen, seen := env.User(tb, identity.RoleNurse), env.Patient(tb)
		env.Patient(tb) // another patient, whom the thief did not look at
		thief := hms.WithActor(env.Ctx, hms.HumanActor(env.Tenant, stolen))
		if _, err := env.H.Patient.Get(thief, seen.ID); err != nil {
			return err
		}
		in := audit.ListExposuresInput{User: stolen}
		in.During.Start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when it may have begun
		exposed, err := env.H.Audit.ListExposures(env.Ctx, in)
		for _, e := range exposed.Items {
			fmt.Println(e.Patient == seen.ID, e.Actions, e.Entities)
		}
		return err
	})
	// Output: true [read] [patient]
}

// A patient asks who has seen his record.
func ExampleService_ListAccesses() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		p := env.Patient(tb)
		if _, err := env.H.Patient.Get(env.As(tb, identity.RoleDoctor), p.ID); err != nil {
			return err
		}
		list, err := env.H.Audit.ListAccesses(env.Ctx, audit.ListAccessesInput{Patient: p.ID})
		for _, a := range list.Items {
			fmt.Printf("%s %q: %s by %s\n", a.Actor.Kind, a.Name, a.Action, a.Operation)
		}
		return err
	})
	// Output:
	// human "Test User": read by patient.get
	// system "": create by patient.register
}

// A record leaves the hospital: the accounting says to whom it went, and why.
func ExampleService_RecordDisclosure() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		p := env.Patient(tb)
		_, err := env.H.Audit.RecordDisclosure(env.Ctx, audit.RecordDisclosureInput{
			Patient: p.ID, DisclosureDetails: audit.DisclosureDetails{
				DisclosedAt: env.Now(), Recipient: audit.Recipient{Name: "County Health Department"},
				Description: "date and result of the test", Purpose: "notifiable disease", Basis: audit.BasisPublicHealth,
			},
		})
		if err != nil {
			return err
		}
		list, err := env.H.Audit.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p.ID})
		for _, d := range list.Items {
			fmt.Println(d.DisclosedAt.Format(time.DateOnly), d.Recipient.Name+":", d.Purpose)
		}
		return err
	})
	// Output: 2026-03-02 County Health Department: notifiable disease
}
