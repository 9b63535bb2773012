package clinical

import (
	"fmt"
	"time"

	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// Errors of this package.
var (
	// ErrAlreadyInpatient: the patient has an open inpatient encounter; see [AlreadyInpatientError].
	ErrAlreadyInpatient = fmt.Errorf("%w: open inpatient encounter", hmstype.ErrAlreadyExists)
	// ErrEncounterClosed: the encounter is finished or cancelled.
	ErrEncounterClosed = fmt.Errorf("%w: the encounter is closed", hmstype.ErrPrecondition)
	// ErrStanding: something of the encounter must be reversed before it is entered in error; see [StandingError].
	ErrStanding = fmt.Errorf("%w: something of the encounter stands", hmstype.ErrPrecondition)
	// ErrNotDraft: a signed note does not change; add an addendum.
	ErrNotDraft = fmt.Errorf("%w: the note is signed", hmstype.ErrPrecondition)
	// ErrNoteTampered: a signed note does not have the hash that it was signed with.
	ErrNoteTampered = fmt.Errorf("%w: the note is not what was signed", hmstype.ErrPrecondition)
	// ErrAllergyContradiction: "none known" and an active allergy may not stand side by side;
	// see [AllergyContradictionError].
	ErrAllergyContradiction = fmt.Errorf("%w: contradicts the patient's recorded allergies", hmstype.ErrPrecondition)
	// ErrAllergyRecorded: the patient has this allergy, or "none known", on record already.
	ErrAllergyRecorded = fmt.Errorf("%w: allergy", hmstype.ErrAlreadyExists)
	// ErrNotActive: a prescription that is not active, or whose last day is over, is not dispensed;
	// see [NotDispensableError].
	ErrNotActive = fmt.Errorf("%w: the prescription is not active", hmstype.ErrPrecondition)
	// ErrAlreadyDispensed: what was dispensed in part is not cancelled but stopped.
	ErrAlreadyDispensed = fmt.Errorf("%w: something was dispensed", hmstype.ErrPrecondition)
	// ErrOverDispensed: more would be handed out than was prescribed, or taken back than was
	// handed out; see [NotDispensableError].
	ErrOverDispensed = fmt.Errorf("%w: exceeds what is prescribed", hmstype.ErrPrecondition)
)

// AlreadyInpatientError names the stay that a patient must leave before another begins.
type AlreadyInpatientError struct {
	Encounter hmstype.EncounterID // the open inpatient encounter
	Since     time.Time           // UTC
}

// Error implements error.
func (e *AlreadyInpatientError) Error() string {
	return fmt.Sprintf("%v (encounter %s since %s)", ErrAlreadyInpatient, e.Encounter, e.Since.Format(time.RFC3339))
}

// Unwrap gives [ErrAlreadyInpatient].
func (e *AlreadyInpatientError) Unwrap() error { return ErrAlreadyInpatient }

// StandingError lists what was handed out, resulted or billed of an encounter and is not reversed; it is an
// [ErrStanding].
type StandingError struct {
	// Standing: prescription where something was handed out and did not come back, lab_order_item with results, charge
	// that is billed; by entity, with its id.
	Standing []patient.Open
}

// Error implements error.
func (e *StandingError) Error() string { return fmt.Sprintf("%v (%d)", ErrStanding, len(e.Standing)) }

// Unwrap gives [ErrStanding].
func (e *StandingError) Unwrap() error { return ErrStanding }

// AllergyContradictionError lists the active records that say the opposite: the allergies
// where "none known" was to be recorded, or the statement that none is known.
type AllergyContradictionError struct {
	Allergies []hmstype.AllergyID
}

// Error implements error.
func (e *AllergyContradictionError) Error() string {
	return fmt.Sprintf("%v (%d in the way)", ErrAllergyContradiction, len(e.Allergies))
}

// Unwrap gives [ErrAllergyContradiction].
func (e *AllergyContradictionError) Unwrap() error { return ErrAllergyContradiction }

// errTerminal is the refusal of a step out of a state that has no way out.
func errTerminal[S ~string](entity string, from, to S) error {
	return &hmstype.TransitionError{Entity: entity, From: string(from), To: string(to)}
}

var _ = dbx.Declare(dbx.Constraints{
	"encounter_patient_key":        hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"encounter_appointment_key":    scheduling.ErrAppointmentUsed,
	"encounter_open_inpatient_key": ErrAlreadyInpatient,
	"clinical_note_encounter_key":  hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"allergy_none_known_excl":      ErrAllergyContradiction,
	"allergy_substance_key":        ErrAllergyRecorded,
	"prescription_patient_key":     hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"prescription_dispensed_check": ErrOverDispensed,
	"prescription_cancelled_check": ErrAlreadyDispensed,
	// Where users meet foreign keys and checks.
	"encounter_practitioner_fkey": hmstype.Invalid("practitioner", "must refer to an existing user"),
	"prescription_item_fkey":      hmstype.Invalid("medication", "must refer to an item of the formulary"),
	"encounter_end_check":         hmstype.Invalid("period.end", "must not lie before its start"),
	"condition_abatement_check": hmstype.Invalid(
		"abatementDate", "needs a status of what is over, and not to lie before onset",
	),
})

// NotDispensableError says why so much is not handed out on a prescription, with all that a caller
// needs to ask for something else.
type NotDispensableError struct {
	Reason     NotDispensableReason
	Status     PrescriptionStatus // of the prescription
	ValidUntil hmstype.Date       // the last day on which it may be dispensed, of the tenant's time zone
	Remaining  hmstype.Quantity   // what is left over all fills, in base units of the item
}

// Error implements error.
func (e *NotDispensableError) Error() string {
	return fmt.Sprintf("%v: %s (status %s, %d left until %s)", e.Unwrap(), e.Reason, e.Status, e.Remaining, e.ValidUntil)
}

// Unwrap gives [ErrOverDispensed] where more is wanted than is left, and [ErrNotActive] otherwise.
func (e *NotDispensableError) Unwrap() error {
	if e.Reason == NotDispensableExceeds {
		return ErrOverDispensed
	}
	return ErrNotActive
}
