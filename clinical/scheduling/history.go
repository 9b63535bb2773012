package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opGetAppointmentHistory = usecase.Query[usecase.ByID[hmstype.AppointmentID], hmstype.History]{
	Name: "clinical.get_appointment_history", Permission: hmstype.PermAppointmentRead,
	Shows: usecase.Histories("appointment").One(),
}.Declare()

// GetAppointmentHistory gives the steps of an appointment from state to state, the oldest first.
// Permission: [hmstype.PermAppointmentRead].
func (s *Service) GetAppointmentHistory(ctx context.Context, id hmstype.AppointmentID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.AppointmentID]("appointment", appointmentRow.subject)
	return opGetAppointmentHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
