package scheduling

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
	// ErrTooEarly: a patient is not absent before the appointment has begun and some time has passed.
	ErrTooEarly = fmt.Errorf("%w: the appointment has not passed yet", hmstype.ErrPrecondition)
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

var _ = dbx.Declare(dbx.Constraints{
	"appointment_practitioner_excl": ErrSlotTaken,
	"appointment_patient_excl":      ErrSlotTaken,
	"appointment_patient_key":       hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"appointment_practitioner_fkey": hmstype.Invalid("practitioner", "must refer to an existing user"),
})

var _ = dbx.DeclareStates(dbx.States{
	"HM201": func(detail string) error {
		id, err := hmstype.ParseID[hmstype.UserID](detail)
		if err != nil {
			return hmstype.ErrNotPractitioner
		}
		return &hmstype.PractitionerError{User: id}
	},
})
