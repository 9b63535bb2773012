package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RescheduleInput moves an appointment.
type RescheduleInput struct {
	ID             hmstype.AppointmentID `json:"id"`           // required
	Period         hmstype.Period        `json:"period"`       // as for booking
	Practitioner   hmstype.UserID        `json:"practitioner"` // zero keeps the practitioner
	IdempotencyKey string                `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RescheduleInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	validateTime(&v, in.Period)
	return v.Err()
}

var opReschedule = usecase.Command[RescheduleInput, Appointment]{
	Name: "clinical.reschedule", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Key:          func(in RescheduleInput) string { return in.IdempotencyKey },
	Again:        usecase.ReadAgain(func(a Appointment) hmstype.AppointmentID { return a.ID }, getAppointment),
	Practitioner: func(in RescheduleInput, _ hmstype.Actor) hmstype.UserID { return in.Practitioner },
	Sample:       RescheduleInput{Period: usecase.SamplePeriod},
}.Declare()

// Reschedule cancels an appointment and books another in one transaction: where the new
// time is taken the old appointment stands. The new one names the old one, and may overlap it.
// Another practitioner must treat: [hmstype.ErrNotPractitioner]; the one who is kept need not any more,
// so that what he leaves behind can be moved.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) Reschedule(ctx context.Context, in RescheduleInput) (Appointment, error) {
	return opReschedule.Run(ctx, &s.base, in, s.reschedule)
}

func (s *Service) reschedule(ctx context.Context, db dbx.DB, in RescheduleInput) (Appointment, error) {
	old, err := dbx.Get[appointmentRow](ctx, db, "appointment", in.ID)
	if err != nil {
		return Appointment{}, err
	}
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), old.PatientID); err != nil {
		return Appointment{}, err
	}
	old, err = dbx.Step(ctx, db, appointmentSteps, in.ID, cancelled(db, CancelOther, "rescheduled"))
	if err != nil {
		return Appointment{}, err
	}
	texts := appointmentTexts.Of(old.PatientID.UUID(), old.ID, &old.AppointmentDetails)
	if err := s.base.Crypt.OpenTexts(ctx, db, texts); err != nil {
		return Appointment{}, err
	}
	book := BookInput{
		Patient: old.PatientID, Practitioner: old.PractitionerID, Period: in.Period,
		AppointmentDetails: old.AppointmentDetails,
	}
	if !in.Practitioner.IsZero() {
		book.Practitioner = in.Practitioner
	}
	return s.bookReplacing(ctx, db, book, old.ID)
}
