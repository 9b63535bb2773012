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

func Example_transitions() {
	err := clinical.EncounterTransitions.Check("encounter", clinical.EncounterFinished, clinical.EncounterInProgress)
	fmt.Println(err)
	// Output:
	// encounter: from finished to in-progress (allowed: entered-in-error): precondition failed: status does not allow this
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
				MedicationName: "Amoxicillin", Unit: "tablet", Dosage: "500 mg",
				Frequency: "three times a day", Duration: "7 days", Quantity: 21,
			},
		}
		_, err = env.H.Clinical.Prescribe(doctor, in)
		fmt.Println("refused:", errors.Is(err, hmstype.ErrFindings))

		var found *hmstype.FindingsError
		if errors.As(err, &found) {
			in.Overrides = []hmstype.Override{{Finding: found.Findings[0].Key, Reason: hmstype.OverrideTolerated}}
		}
		in.OverrideReason = "last year, in hospital"
		rx, err := env.H.Clinical.Prescribe(doctor, in)
		fmt.Println(rx.Status, rx.Quantity, "until", rx.ValidUntil)
		classes := rx.Verdict.Of(hmstype.SafetyAllergyClass)
		fmt.Println("classes:", classes.Outcome, "for want of", classes.Why)
		return err
	})
	// Output:
	// refused: true
	// active 21 until 2027-03-02
	// classes: not-checked for want of no-knowledge
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
