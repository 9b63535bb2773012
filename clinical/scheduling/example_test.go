package scheduling_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// A desk that is told that a time is taken can say until when.
func ExampleSlotTakenError() {
	start := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	var err error = &scheduling.SlotTakenError{
		Of: "practitioner", Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
	}

	var taken *scheduling.SlotTakenError
	if errors.As(err, &taken) {
		fmt.Println(taken.Of, "busy until", taken.Period.End.Format(time.TimeOnly))
	}
	fmt.Println(errors.Is(err, scheduling.ErrSlotTaken), hmstype.KindOf(err))
	// Output:
	// practitioner busy until 10:00:00
	// true already_exists
}

// Two patients want the same hour of one doctor: the second is told until when it is taken.
func ExampleService_Book() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk, doctor := env.As(tb, identity.RoleReceptionist), env.User(tb, identity.RoleDoctor)
		start := env.Now().Add(time.Hour)
		in := scheduling.BookInput{
			Patient: env.Patient(tb).ID, Practitioner: doctor,
			Period:             hmstype.Period{Start: start, End: start.Add(30 * time.Minute)},
			AppointmentDetails: scheduling.AppointmentDetails{Type: "consultation"},
		}
		booked, err := env.H.Scheduling.Book(desk, in)
		if err != nil {
			return err
		}
		fmt.Println(booked.Status, "at", booked.Period.Start.Format(time.TimeOnly))

		in.Patient = env.Patient(tb).ID
		_, err = env.H.Scheduling.Book(desk, in)
		var taken *scheduling.SlotTakenError
		if errors.As(err, &taken) {
			fmt.Println("the", taken.Of, "is busy until", taken.Period.End.Format(time.TimeOnly))
		}
		return nil
	})
	// Output:
	// booked at 10:00:00
	// the practitioner is busy until 10:30:00
}
