package scheduling

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// BookInput describes an appointment.
type BookInput struct {
	Patient      hmstype.PatientID `json:"patient"`      // required
	Practitioner hmstype.UserID    `json:"practitioner"` // required
	Period       hmstype.Period    `json:"period"`       // one minute to 24 hours, not wholly in the past
	AppointmentDetails
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in BookInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Required(!in.Practitioner.IsZero(), "practitioner")
	validateTime(&v, in.Period)
	in.AppointmentDetails.validate(&v)
	return v.Err()
}

func validateTime(v *hmstype.Validator, period hmstype.Period) {
	v.Nested("period", period.Validate())
	v.Check(
		period.Duration() >= time.Minute && period.Duration() <= maxAppointment, "period", "must last 1 minute to 24 hours",
	)
}

var opBook = usecase.Command[BookInput, Appointment]{
	Name: "clinical.book", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Key:          func(in BookInput) string { return in.IdempotencyKey },
	Again:        usecase.ReadAgain(func(a Appointment) hmstype.AppointmentID { return a.ID }, getAppointment),
	Practitioner: func(in BookInput, _ hmstype.Actor) hmstype.UserID { return in.Practitioner },
	Sample: BookInput{
		Period:             usecase.SamplePeriod,
		AppointmentDetails: AppointmentDetails{Type: "follow-up", Reason: "cough", Room: "2", Notes: "comes by bus"},
	},
}.Declare()

// Book makes an appointment. [ErrSlotTaken] (a *SlotTakenError) where the practitioner or
// the patient has another one then; of many who book one slot at once, one gets it.
// [ErrDeceased] for a patient who has died, [hmstype.ErrNotPractitioner] for a practitioner who does
// not treat. Half-open times may touch.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) Book(ctx context.Context, in BookInput) (Appointment, error) {
	return opBook.Run(ctx, &s.base, in, s.book)
}

func (s *Service) book(ctx context.Context, db dbx.DB, in BookInput) (Appointment, error) {
	return s.bookReplacing(ctx, db, in, hmstype.AppointmentID{})
}

func (s *Service) bookReplacing(
	ctx context.Context, db dbx.DB, in BookInput, old hmstype.AppointmentID,
) (Appointment, error) {
	if !in.Period.End.After(db.Now) {
		return Appointment{}, hmstype.Invalid("period.end", "must not lie in the past")
	}
	who, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient)
	if err != nil {
		return Appointment{}, err
	}
	if who.Deceased {
		return Appointment{}, usecase.Told(ctx, db, who.ID, "patient", who.ID.String(), ErrDeceased)
	}
	row := appointmentRow{
		Header:    dbx.NewHeader[hmstype.AppointmentID](db),
		PatientID: in.Patient, PractitionerID: in.Practitioner,
		StartsAt: hmstype.Instant(in.Period.Start), EndsAt: hmstype.Instant(in.Period.End),
		Status: AppointmentBooked, AppointmentDetails: in.AppointmentDetails, ReplacesID: old,
	}
	err = appointmentTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.AppointmentDetails)
	if err != nil {
		return Appointment{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Appointment{}, err
	}
	if !done {
		return Appointment{}, inTheWay(ctx, db, row)
	}
	return row.appointment(), db.Emit(ctx, appointmentEvent(&row))
}

// inTheWay finds the appointment that the database refused to overlap.
func inTheWay(ctx context.Context, db dbx.DB, wanted appointmentRow) error {
	rows, err := dbx.All[appointmentRow](ctx, db,
		dbx.Where("(a.practitioner_id = ? OR a.patient_id = ?)", wanted.PractitionerID, wanted.PatientID),
		dbx.Where("a.starts_at > ?", wanted.StartsAt.Add(-maxAppointment)), dbx.Where("a.starts_at < ?", wanted.EndsAt),
		dbx.Where("a.ends_at > ?", wanted.StartsAt), dbx.OneOf("status", blocking), dbx.OrderBy("a.starts_at"), dbx.Limit(1))
	if err != nil || len(rows) == 0 {
		return ErrSlotTaken // it was cancelled in between, or the read failed; the slot was taken all the same
	}
	taken := &SlotTakenError{Appointment: rows[0].ID, Of: "patient", Period: rows[0].appointment().Period}
	if rows[0].PractitionerID == wanted.PractitionerID {
		taken.Of = "practitioner"
	}
	return taken
}
