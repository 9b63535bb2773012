package clinical

import (
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrSlotTaken: the practitioner or the patient has another appointment then; see [SlotTakenError].
	ErrSlotTaken = fmt.Errorf("%w: the time is taken", hmstype.ErrAlreadyExists)
	// ErrAppointmentUsed: the appointment has led to an encounter already.
	ErrAppointmentUsed = fmt.Errorf("%w: encounter of this appointment", hmstype.ErrAlreadyExists)
	// ErrAlreadyInpatient: the patient has an open inpatient encounter.
	ErrAlreadyInpatient = fmt.Errorf("%w: open inpatient encounter", hmstype.ErrAlreadyExists)
	// ErrEncounterClosed: the encounter is finished or cancelled.
	ErrEncounterClosed = fmt.Errorf("%w: the encounter is closed", hmstype.ErrPrecondition)
	// ErrTooEarly: a patient is not absent before the appointment has begun and some time has passed.
	ErrTooEarly = fmt.Errorf("%w: the appointment has not passed yet", hmstype.ErrPrecondition)
	// ErrNotDraft: a signed note does not change; add an addendum.
	ErrNotDraft = fmt.Errorf("%w: the note is signed", hmstype.ErrPrecondition)
	// ErrAllergy: the patient is allergic to what is prescribed; see [AllergyConflictError].
	ErrAllergy = fmt.Errorf("%w: allergy", hmstype.ErrPrecondition)
	// ErrAllergyContradiction: "none known" and an active allergy may not stand side by side.
	ErrAllergyContradiction = fmt.Errorf("%w: contradicts the patient's recorded allergies", hmstype.ErrPrecondition)
	// ErrOverDispensed: more would be handed out than was prescribed, or taken back than was handed out.
	ErrOverDispensed = fmt.Errorf("%w: exceeds what is prescribed", hmstype.ErrPrecondition)
)

// SlotTakenError names what is in the way. It says whose time is taken and when, and not
// with whom: the caller may not be allowed to know.
type SlotTakenError struct {
	Appointment hmstype.AppointmentID // the one in the way
	Of          string                // "practitioner" or "patient"
	Period      hmstype.Period
}

// Error implements error.
func (e *SlotTakenError) Error() string {
	return fmt.Sprintf("%v for the %s from %s to %s (appointment %s)", ErrSlotTaken, e.Of,
		e.Period.Start.Format(time.RFC3339), e.Period.End.Format(time.RFC3339), e.Appointment)
}

// Unwrap gives [ErrSlotTaken].
func (e *SlotTakenError) Unwrap() error { return ErrSlotTaken }

// AllergyConflictError lists the recorded allergies that speak against a prescription.
type AllergyConflictError struct {
	Allergies []hmstype.AllergyID
}

// Error implements error.
func (e *AllergyConflictError) Error() string {
	return fmt.Sprintf("%v (%d recorded)", ErrAllergy, len(e.Allergies))
}

// Unwrap gives [ErrAllergy].
func (e *AllergyConflictError) Unwrap() error { return ErrAllergy }

var _ = dbx.Declare(dbx.Constraints{
	"appointment_practitioner_excl": ErrSlotTaken,
	"appointment_patient_excl":      ErrSlotTaken,
	"encounter_patient_key":         hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"encounter_appointment_key":     ErrAppointmentUsed,
	"encounter_open_inpatient_key":  ErrAlreadyInpatient,
	"allergy_none_known_excl":       ErrAllergyContradiction,
	"prescription_patient_key":      hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"prescription_dispensed_check":  ErrOverDispensed,
})
