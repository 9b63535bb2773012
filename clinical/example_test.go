package clinical_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

func ExampleMeasurements_BMI() {
	height, weight := decimal.NewFromInt(170), decimal.RequireFromString("65.0")
	fmt.Println(clinical.Measurements{HeightCm: &height, WeightKg: &weight}.BMI())
	// Output: 22.5
}

func ExampleMeasurements_Unusual() {
	pulse := 230
	for _, w := range (clinical.Measurements{PulsePerMinute: &pulse}).Unusual() {
		fmt.Println(w.Path, w.Rule)
	}
	// Output: pulsePerMinute usually 30 to 220
}

// A desk that is told that a time is taken can say until when.
func ExampleSlotTakenError() {
	start := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	var err error = &clinical.SlotTakenError{
		Of: "practitioner", Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
	}

	var taken *clinical.SlotTakenError
	if errors.As(err, &taken) {
		fmt.Println(taken.Of, "busy until", taken.Period.End.Format(time.TimeOnly))
	}
	fmt.Println(errors.Is(err, clinical.ErrSlotTaken), hmstype.KindOf(err))
	// Output:
	// practitioner busy until 10:00:00
	// true already_exists
}

func Example_transitions() {
	err := clinical.EncounterTransitions.Check("encounter", clinical.EncounterFinished, clinical.EncounterInProgress)
	fmt.Println(err)
	// Output: encounter: from finished to in-progress (allowed: entered-in-error): precondition failed: status does not allow this
}

// Two patients want the same hour of one doctor: the second is told until when it is taken.
func ExampleService_Book() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk, doctor := env.As(tb, identity.RoleReceptionist), env.User(tb, identity.RoleDoctor)
		start := env.Now().Add(time.Hour)
		in := clinical.BookInput{
			Patient: env.Patient(tb).ID, Practitioner: doctor,
			Period:             hmstype.Period{Start: start, End: start.Add(30 * time.Minute)},
			AppointmentDetails: clinical.AppointmentDetails{Type: "consultation"},
		}
		booked, err := env.H.Clinical.Book(desk, in)
		if err != nil {
			return err
		}
		fmt.Println(booked.Status, "at", booked.Period.Start.Format(time.TimeOnly))

		in.Patient = env.Patient(tb).ID
		_, err = env.H.Clinical.Book(desk, in)
		var taken *clinical.SlotTakenError
		if errors.As(err, &taken) {
			fmt.Println("the", taken.Of, "is busy until", taken.Period.End.Format(time.TimeOnly))
		}
		return nil
	})
	// Output:
	// booked at 10:00:00
	// the practitioner is busy until 10:30:00
}

// A signed note stays as it is; what is to be added is an addendum.
func ExampleService_SignNote() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		doctor := env.As(tb, identity.RoleDoctor)
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassAmbulatory)
		note, err := env.H.Clinical.WriteNote(doctor, clinical.WriteNoteInput{
			Encounter: encounter.ID, NoteBody: clinical.NoteBody{ChiefComplaint: "cough", Plan: "rest"},
		})
		if err != nil {
			return err
		}
		if note, err = env.H.Clinical.SignNote(doctor, note.ID); err != nil {
			return err
		}
		_, err = env.H.Clinical.SaveNote(doctor, clinical.SaveNoteInput{
			ID: note.ID, Version: note.Version, NoteBody: clinical.NoteBody{Plan: "work"},
		})
		fmt.Println(note.Status, "and may be rewritten:", err == nil)

		added, err := env.H.Clinical.AddAddendum(doctor, clinical.AddAddendumInput{
			Note: note.ID, NoteBody: clinical.NoteBody{Plan: "X-ray tomorrow"},
		})
		fmt.Println("an addendum to it:", added.Amends == note.ID, added.Status)
		return err
	})
	// Output:
	// signed and may be rewritten: false
	// an addendum to it: true draft
}

// A prescription against a recorded allergy is refused, unless the doctor says why.
func ExampleService_Prescribe() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		doctor, who := env.As(tb, identity.RoleDoctor), env.Patient(tb).ID
		_, err := env.H.Clinical.RecordAllergy(env.As(tb, identity.RoleNurse), clinical.RecordAllergyInput{
			Patient:        who,
			AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Amoxicillin"}, Criticality: "high"},
		})
		if err != nil {
			return err
		}
		in := clinical.PrescribeInput{
			Encounter: env.Encounter(tb, who, clinical.ClassAmbulatory).ID,
			PrescriptionDetails: clinical.PrescriptionDetails{
				MedicationName: "Amoxicillin", Dosage: "500 mg", Frequency: "three times a day", Duration: "7 days", Quantity: 21,
			},
		}
		_, err = env.H.Clinical.Prescribe(doctor, in)
		fmt.Println("refused:", errors.Is(err, clinical.ErrAllergy))

		in.OverrideReason = "tolerated last year, in hospital"
		rx, err := env.H.Clinical.Prescribe(doctor, in)
		fmt.Println(rx.Status, rx.Quantity, "until", rx.ValidUntil)
		return err
	})
	// Output:
	// refused: true
	// active 21 until 2027-03-02
}

// Nobody keeps a visit open by mistake: it ends with where the patient goes.
func ExampleService_FinishEncounter() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassAmbulatory)
		env.Advance(20 * time.Minute)
		done, err := env.H.Clinical.FinishEncounter(env.As(tb, identity.RoleDoctor), clinical.FinishEncounterInput{
			ID: encounter.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home", Diagnosis: "common cold"},
		})
		fmt.Println(done.Status, "after", done.Period.Duration(), "to go", done.Disposition)
		return err
	})
	// Output: finished after 20m0s to go home
}
