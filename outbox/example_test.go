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

// What the bus did not take comes again after a pause; what it took does not.
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
			done, err := env.H.Outbox.Relay(env.Ctx, publish)
			fmt.Printf("claimed: %d, failed: %d, error: %t\n", done.Claimed, done.Failed, err != nil)
			busy = false
			env.Advance(10 * time.Second)
		}
		return nil
	})
	// Output:
	// published patient.registered
	// claimed: 2, failed: 1, error: true
	// published clinical.encounter_opened
	// claimed: 1, failed: 0, error: false
	// claimed: 0, failed: 0, error: false
}

// What no receiver takes is dead after some eight hours; somebody decides what becomes of it.
func ExampleService_DiscardEvent() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		for {
			done, err := env.H.Outbox.Relay(env.Ctx, func(context.Context, outbox.Event) error {
				return errors.New("no such topic")
			})
			if done.Dead > 0 {
				var failed *outbox.DeliveryError
				fmt.Println("dead:", errors.As(err, &failed) && failed.Dead, "after failures:", failed.Attempts)
				break
			}
			env.Advance(15 * time.Minute)
		}
		backlog, err := env.H.Outbox.CountUndelivered(env.Ctx)
		if err != nil {
			return err
		}
		fmt.Println("dead letters:", backlog.Dead.Count)
		list, err := env.H.Outbox.ListEvents(env.Ctx, outbox.ListEventsInput{Status: outbox.StatusDead})
		if err != nil {
			return err
		}
		// RetryEvents where the receiver is mended; otherwise:
		gone, err := env.H.Outbox.DiscardEvent(env.Ctx, outbox.DiscardEventInput{
			Event: list.Items[0].ID, Reason: "The registry was shut down for good",
		})
		fmt.Println(gone.Type, "is", gone.Status)
		return err
	})
	// Output:
	// dead: true after failures: 50
	// dead letters: 1
	// patient.registered is discarded
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
