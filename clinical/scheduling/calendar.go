package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListAppointmentsInput selects appointments.
type ListAppointmentsInput struct {
	Practitioner hmstype.UserID    `json:"practitioner"` // whose calendar; zero for all
	Patient      hmstype.PatientID `json:"patient"`      // whose visits; zero for all
	// those that start in it; required, with an end, unless Day is given
	During hmstype.Period `json:"during"`
	// a day of the tenant's time zone, which may have 23 or 25 hours; zero for During
	Day  hmstype.Date `json:"day"`
	Page hmstype.Page `json:"page"` // by start
}

// Validate implements the rules above.
func (in ListAppointmentsInput) Validate() error {
	var v hmstype.Validator
	if in.Day.IsZero() {
		v.Nested("during", in.During.Validate())
		v.Required(!in.During.IsOpen(), "during.end")
	} else {
		v.Check(in.During == hmstype.Period{}, "during", "must not be given with a day")
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListAppointments = usecase.Query[ListAppointmentsInput, hmstype.List[Appointment]]{
	Name: "clinical.list_appointments", Permission: hmstype.PermAppointmentRead, Shows: appointments.Found(),
	Sample: ListAppointmentsInput{Day: usecase.SampleDay},
}.Declare()

// ListAppointments lists appointments of all states by their start, and records whose were seen. Those of
// restricted patients are withheld from who may not see them: their times are taken all the same.
// Permission: [hmstype.PermAppointmentRead].
func (s *Service) ListAppointments(ctx context.Context, in ListAppointmentsInput) (hmstype.List[Appointment], error) {
	return opListAppointments.Run(ctx, &s.base, in, calendar)
}

func calendar(ctx context.Context, db dbx.DB, in ListAppointmentsInput) (hmstype.List[Appointment], error) {
	if !in.Day.IsZero() {
		info, err := db.TenantInfo(ctx)
		if err != nil {
			return hmstype.List[Appointment]{}, err
		}
		in.During = hmstype.Period{Start: in.Day.In(info.Zone), End: in.Day.AddDays(1).In(info.Zone)}
	}
	db.About(in.Patient)
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "starts_at"}, appointmentRow.appointment,
		dbx.When(!in.Practitioner.IsZero(), dbx.Equal("practitioner_id", in.Practitioner)),
		dbx.When(!in.Patient.IsZero(), dbx.Equal("patient_id", in.Patient)),
		dbx.During("starts_at", in.During))
}

var opGetAppointment = usecase.Query[usecase.ByID[hmstype.AppointmentID], Appointment]{
	Name: "clinical.get_appointment", Permission: hmstype.PermAppointmentRead, Shows: appointments.One(),
}.Declare()

// GetAppointment gives an appointment, and records that it was read.
// Permission: [hmstype.PermAppointmentRead].
func (s *Service) GetAppointment(ctx context.Context, id hmstype.AppointmentID) (Appointment, error) {
	return opGetAppointment.Run(ctx, &s.base, usecase.ID(id), getAppointment)
}

func getAppointment(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AppointmentID]) (Appointment, error) {
	row, err := dbx.Get[appointmentRow](ctx, db, "appointment", in.ID)
	return row.appointment(), err
}
