package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EnterAppointmentInErrorInput takes back what should never have been entered.
type EnterAppointmentInErrorInput struct {
	ID     hmstype.AppointmentID `json:"id"`     // required
	Reason string                `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in EnterAppointmentInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opEnterAppointmentInError = usecase.Command[EnterAppointmentInErrorInput, Appointment]{
	Name: "clinical.enter_appointment_in_error", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Sample: EnterAppointmentInErrorInput{Reason: "booked for another patient"},
}.Declare()

// EnterAppointmentInError says that an appointment was entered in error; it stays on record.
// One that an encounter came from is marked after the encounter ([ErrAppointmentUsed]).
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) EnterAppointmentInError(ctx context.Context, in EnterAppointmentInErrorInput) (Appointment, error) {
	return opEnterAppointmentInError.Run(ctx, &s.base, in, s.markAppointmentError)
}

func (s *Service) markAppointmentError(
	ctx context.Context, db dbx.DB, in EnterAppointmentInErrorInput,
) (Appointment, error) {
	return stepAppointment(ctx, db, in.ID, dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentEnteredInError, Reason: in.Reason,
		Apply: func(row *appointmentRow) error {
			row.CancelReason = in.Reason
			used, err := s.ports.Encounters.CameOf(ctx, db.Conn(), in.ID)
			if err == nil && used {
				err = ErrAppointmentUsed
			}
			return err
		},
	})
}
