package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opCheckIn = usecase.Command[usecase.ByID[hmstype.AppointmentID], Appointment]{
	Name: "clinical.check_in", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
}.Declare()

// CheckIn says that the patient is here.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) CheckIn(ctx context.Context, id hmstype.AppointmentID) (Appointment, error) {
	return opCheckIn.Run(ctx, &s.base, usecase.ID(id), checkIn)
}

func checkIn(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AppointmentID]) (Appointment, error) {
	return stepAppointment(ctx, db, in.ID, dbx.Change[appointmentRow, AppointmentStatus]{To: AppointmentCheckedIn})
}
