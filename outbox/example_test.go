package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/outbox"
)

// What the bus did not take waits for the next call; what it took does not come again.
func ExampleService_Relay() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Encounter(tb, env.Patient(tb).ID, clinical.ClassAmbulatory)
		busy := true
		publish := func(_ context.Context, e outbox.Event) error {
			if busy && e.Entity == "encounter" {
				return errors.New("the bus is busy")
			}
			fmt.Println("published", e.Type)
			return nil
		}
		for range 3 {
			n, err := env.H.Outbox.Relay(env.Ctx, publish)
			fmt.Println("taken:", n, "failed:", err != nil)
			busy = false
		}
		return nil
	})
	// Output:
	// published patient.registered
	// taken: 1 failed: true
	// published clinical.encounter_opened
	// taken: 1 failed: false
	// taken: 0 failed: false
}

// An event names what happened by ids, codes and quantities; a patient's data stay in the hospital.
func ExampleEvent() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		p := env.Patient(tb)
		_, err := env.H.Outbox.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
			id, err := hmstype.ParseID[hmstype.PatientID](e.EntityID)
			fmt.Println(e.Type, "of our patient:", id == p.ID, "at", e.OccurredAt.Format(time.DateTime))
			return err
		})
		return err
	})
	// Output: patient.registered of our patient: true at 2026-03-02 09:00:00
}

// Every night what was delivered a month ago goes.
func ExampleService_Purge() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		if _, err := env.H.Outbox.Relay(env.Ctx, func(context.Context, outbox.Event) error { return nil }); err != nil {
			return err
		}
		env.Patient(tb) // its event was not delivered yet, and stays
		env.Advance(31 * 24 * time.Hour)
		gone, err := env.H.Outbox.Purge(env.Ctx, outbox.PurgeInput{DeliveredBefore: env.Now().AddDate(0, 0, -30)})
		fmt.Println("gone:", gone)
		return err
	})
	// Output: gone: 1
}
