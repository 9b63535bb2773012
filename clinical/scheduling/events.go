package scheduling

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventAppointmentBooked = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_booked", Entity: "appointment", When: "it is booked, or stands in for one that was moved",
		Data: []string{"id", "status"},
		By:   []string{"clinical.book", "clinical.reschedule"},
	})
	eventAppointmentCheckedIn = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_checked_in", Entity: "appointment", When: "the patient is there",
		Data: []string{"id", "status"},
		By:   []string{"clinical.check_in"},
	})
	eventAppointmentFulfilled = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_fulfilled", Entity: "appointment", When: "its encounter was opened",
		Data: []string{"id", "status"},
		By:   []string{"clinical.open_encounter"},
	})
	eventAppointmentCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_cancelled", Entity: "appointment", When: "it will not take place, or not then",
		Data: []string{"id", "status"},
		By:   []string{"clinical.cancel_appointment", "clinical.reschedule", "patient.mark_deceased"},
	})
	eventAppointmentMissed = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_missed", Entity: "appointment", When: "the patient did not come",
		Data: []string{"id", "status"},
		By:   []string{"clinical.mark_no_show", "clinical.mark_no_shows"},
	})
	eventAppointmentInError = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.appointment_entered_in_error", Entity: "appointment", When: "it should never have been",
		Data: []string{"id", "status"},
		By:   []string{"clinical.enter_appointment_in_error"},
	})
)

// appointmentEvents are what is told of an appointment that came into a state.
var appointmentEvents = map[AppointmentStatus]*dbx.EventType{
	AppointmentBooked:         eventAppointmentBooked,
	AppointmentCheckedIn:      eventAppointmentCheckedIn,
	AppointmentFulfilled:      eventAppointmentFulfilled,
	AppointmentCancelled:      eventAppointmentCancelled,
	AppointmentNoShow:         eventAppointmentMissed,
	AppointmentEnteredInError: eventAppointmentInError,
}
