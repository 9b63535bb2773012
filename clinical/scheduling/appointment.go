package scheduling

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// AppointmentStatus is FHIR R4 appointmentstatus.
type AppointmentStatus string

// The states of an appointment.
const (
	AppointmentProposed       AppointmentStatus = "proposed"
	AppointmentPending        AppointmentStatus = "pending"
	AppointmentBooked         AppointmentStatus = "booked"
	AppointmentArrived        AppointmentStatus = "arrived"
	AppointmentCheckedIn      AppointmentStatus = "checked-in"
	AppointmentFulfilled      AppointmentStatus = "fulfilled"
	AppointmentCancelled      AppointmentStatus = "cancelled"
	AppointmentNoShow         AppointmentStatus = "noshow"
	AppointmentEnteredInError AppointmentStatus = "entered-in-error"
	AppointmentWaitlist       AppointmentStatus = "waitlist"
)

// AppointmentTransitions are the allowed steps between the states.
var AppointmentTransitions = hmstype.Transitions[AppointmentStatus]{
	AppointmentProposed: {AppointmentPending, AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentPending:  {AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentWaitlist: {AppointmentPending, AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentBooked: {
		AppointmentArrived, AppointmentCheckedIn, AppointmentCancelled, AppointmentNoShow, AppointmentEnteredInError,
	},
	AppointmentArrived:   {AppointmentCheckedIn, AppointmentFulfilled, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentCheckedIn: {AppointmentFulfilled, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentFulfilled: {AppointmentEnteredInError},
	AppointmentCancelled: {AppointmentEnteredInError},
	AppointmentNoShow:    {AppointmentEnteredInError},
}

// blocking are the states in which an appointment takes the time of its practitioner and
// its patient; the exclusion constraints name the same.
var blocking = []AppointmentStatus{AppointmentBooked, AppointmentArrived, AppointmentCheckedIn, AppointmentFulfilled}

// maxAppointment is the longest appointment; the search for what is in the way relies on it.
const maxAppointment = 24 * time.Hour

// AppointmentDetails are what people say of an appointment.
type AppointmentDetails struct {
	Type   string `bun:"appointment_type" json:"type,omitempty"`   // such as "follow-up"; up to 50 characters
	Reason string `bun:"reason"           json:"reason,omitempty"` // why the patient comes; up to 200 characters
	// where, a name and no booked resource; up to 50 characters
	Room  string `bun:"room"  json:"room,omitempty"`
	Notes string `bun:"notes" json:"notes,omitempty"` // up to 2000 characters
}

func (d AppointmentDetails) validate(v *hmstype.Validator) {
	v.Text(d.Type, "type", 0, 50)
	v.Text(d.Reason, "reason", 0, 200)
	v.Text(d.Room, "room", 0, 50)
	v.Text(d.Notes, "notes", 0, 2000)
}

// Appointment is a visit that was agreed on (FHIR Appointment).
type Appointment struct {
	ID           hmstype.AppointmentID `json:"id"`
	Patient      hmstype.PatientID     `json:"patient"`
	Practitioner hmstype.UserID        `json:"practitioner"`
	Period       hmstype.Period        `json:"period"` // half-open, UTC
	Status       AppointmentStatus     `json:"status"`
	AppointmentDetails
	CancelCode CancelCode `json:"cancelCode,omitempty"` // why it was cancelled; empty unless it was
	// the same in words, or why it was entered in error
	CancelReason string                `json:"cancelReason,omitempty"`
	CancelledBy  hmstype.ActorRef      `json:"cancelledBy"` // zero unless it was
	Replaces     hmstype.AppointmentID `json:"replaces"`    // the one that was rescheduled into this one
	CreatedBy    hmstype.ActorRef      `json:"createdBy"`
	CreatedAt    time.Time             `json:"createdAt,omitzero"` // UTC
	Version      int64                 `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type appointmentRow struct {
	bun.BaseModel `bun:"table:hms.appointment,alias:a"`
	dbx.Header[hmstype.AppointmentID]
	PatientID      hmstype.PatientID
	PractitionerID hmstype.UserID
	StartsAt       time.Time
	EndsAt         time.Time
	Status         AppointmentStatus
	AppointmentDetails
	CancelCode   CancelCode
	CancelReason string
	CancelledBy  hmstype.ActorRef
	ReplacesID   hmstype.AppointmentID
}

func (r appointmentRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartsAt, ID: r.ID.UUID()}
}

func (r appointmentRow) subject() hmstype.PatientID { return r.PatientID }

func (r appointmentRow) appointment() Appointment {
	return Appointment{
		ID: r.ID, Patient: r.PatientID, Practitioner: r.PractitionerID,
		Period: hmstype.Period{Start: r.StartsAt.UTC(), End: r.EndsAt.UTC()},
		Status: r.Status, AppointmentDetails: r.AppointmentDetails,
		CancelCode: r.CancelCode, CancelReason: r.CancelReason, CancelledBy: r.CancelledBy, Replaces: r.ReplacesID,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// appointmentTexts are what of an appointment is sealed.
var appointmentTexts = fieldcrypt.Table[AppointmentDetails]{
	Name: "appointment", Subject: "patient_id", Narrative: true,
	Texts: func(d *AppointmentDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "reason", Text: &d.Reason}, {Column: "notes", Text: &d.Notes}}
	},
}.Declare()

// appointments is what every use case that shows appointments shows of whom.
var appointments = usecase.Entity[Appointment]{
	Table:   "appointment",
	Patient: func(a *Appointment) hmstype.PatientID { return a.Patient },
	ID:      func(a *Appointment) string { return a.ID.String() },
	Texts: func(a *Appointment) []fieldcrypt.Record {
		return []fieldcrypt.Record{appointmentTexts.Of(a.Patient.UUID(), a.ID, &a.AppointmentDetails)}
	},
}

// appointmentSteps is how an appointment changes its state.
var appointmentSteps = dbx.Machine[appointmentRow, AppointmentStatus]{
	Table: "appointment", Transitions: AppointmentTransitions,
	State:   func(r *appointmentRow) *AppointmentStatus { return &r.Status },
	Columns: []string{"cancel_code", "cancel_reason", "cancelled_by"},
	Event:   func(r *appointmentRow, _ AppointmentStatus) dbx.Event { return appointmentEvent(r) },
}

func appointmentEvent(r *appointmentRow) dbx.Event {
	return dbx.Event{
		Type: appointmentEvents[r.Status], ID: r.ID,
		Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
	}
}

// stepAppointment takes one step and gives the appointment as it is now.
func stepAppointment(
	ctx context.Context, db dbx.DB, id hmstype.AppointmentID, c dbx.Change[appointmentRow, AppointmentStatus],
) (Appointment, error) {
	row, err := dbx.Step(ctx, db, appointmentSteps, id, c)
	return row.appointment(), err
}
