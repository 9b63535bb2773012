package clinical

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
	AppointmentProposed:  {AppointmentPending, AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentPending:   {AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentWaitlist:  {AppointmentPending, AppointmentBooked, AppointmentCancelled, AppointmentEnteredInError},
	AppointmentBooked:    {AppointmentArrived, AppointmentCheckedIn, AppointmentCancelled, AppointmentNoShow, AppointmentEnteredInError},
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

// Appointment is a visit that was agreed on (FHIR Appointment).
type Appointment struct {
	ID           hmstype.AppointmentID
	Patient      hmstype.PatientID
	Practitioner hmstype.UserID
	Period       hmstype.Period // half-open, UTC
	Status       AppointmentStatus
	Type         string // such as "follow-up"
	Reason       string // why the patient comes
	Room         string // where; a name and not a booked resource
	Notes        string
	CancelCode   CancelCode            // why it was cancelled; empty unless it was
	CancelReason string                // the same in words, or why it was entered in error
	CancelledBy  string                // an actor, as in the audit trail
	Replaces     hmstype.AppointmentID // the one that was rescheduled into this one
	CreatedBy    string                // an actor, as in the audit trail
	CreatedAt    time.Time             // UTC
	Version      int64                 // counts changes, from 1
}

type appointmentRow struct {
	bun.BaseModel `bun:"table:hms.appointment,alias:a"`
	dbx.Tenanted
	ID              hmstype.AppointmentID `bun:"id,pk"`
	PatientID       hmstype.PatientID
	PractitionerID  hmstype.UserID
	StartsAt        time.Time
	EndsAt          time.Time
	Status          AppointmentStatus
	AppointmentType string
	Reason          string
	Room            string
	Notes           string
	CancelCode      CancelCode
	CancelReason    string
	CancelledBy     string
	ReplacesID      hmstype.AppointmentID
	CreatedBy       string
	CreatedAt       time.Time
	Version         int64
}

func (r appointmentRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartsAt, ID: r.ID.UUID()}
}

func (r appointmentRow) appointment() Appointment {
	return Appointment{
		ID: r.ID, Patient: r.PatientID, Practitioner: r.PractitionerID,
		Period: hmstype.Period{Start: r.StartsAt.UTC(), End: r.EndsAt.UTC()},
		Status: r.Status, Type: r.AppointmentType, Reason: r.Reason, Room: r.Room, Notes: r.Notes,
		CancelCode: r.CancelCode, CancelReason: r.CancelReason, CancelledBy: r.CancelledBy, Replaces: r.ReplacesID,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// BookInput describes an appointment.
type BookInput struct {
	Patient        hmstype.PatientID // required
	Practitioner   hmstype.UserID    // required
	Period         hmstype.Period    // one minute to 24 hours, not wholly in the past
	Type           string            // such as "follow-up"; up to 50 characters
	Reason         string            // why the patient comes; up to 200 characters
	Room           string            // where; up to 50 characters
	Notes          string            // up to 2000 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in BookInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Required(!in.Practitioner.IsZero(), "practitioner")
	validateTime(&v, in.Period)
	v.Text(in.Type, "type", 0, 50)
	v.Text(in.Reason, "reason", 0, 200)
	v.Text(in.Room, "room", 0, 50)
	v.Text(in.Notes, "notes", 0, 2000)
	return v.Err()
}

func validateTime(v *hmstype.Validator, period hmstype.Period) {
	v.Nested("period", period.Validate())
	v.Check(period.Duration() >= time.Minute && period.Duration() <= maxAppointment, "period", "must last 1 minute to 24 hours")
}

// Book makes an appointment. [ErrSlotTaken] (a *SlotTakenError) where the practitioner or
// the patient has another one then; of many who book one slot at once, one gets it.
// [ErrDeceased] for a patient who has died. Half-open times may touch.
func (s *Service) Book(ctx context.Context, in BookInput) (Appointment, error) {
	op := usecase.Op{Name: "appointment.book", Permission: hmstype.PermAppointmentWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in BookInput) (Appointment, error) {
		return s.book(ctx, db, in, hmstype.AppointmentID{})
	}))
}

func (s *Service) book(ctx context.Context, db dbx.DB, in BookInput, replaces hmstype.AppointmentID) (Appointment, error) {
	if !in.Period.End.After(db.Now) {
		return Appointment{}, hmstype.Invalid("period.end", "must not lie in the past")
	}
	who, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient)
	if err != nil {
		return Appointment{}, err
	}
	if who.Deceased {
		return Appointment{}, ErrDeceased
	}
	row := appointmentRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.AppointmentID](),
		PatientID: in.Patient, PractitionerID: in.Practitioner,
		StartsAt: hmstype.Instant(in.Period.Start), EndsAt: hmstype.Instant(in.Period.End),
		Status: AppointmentBooked, AppointmentType: in.Type, Reason: in.Reason, Room: in.Room, Notes: in.Notes, ReplacesID: replaces,
		CreatedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
	}
	parts := []fieldcrypt.Part{{Field: fieldAppointmentReason, Text: &row.Reason}, {Field: fieldAppointmentNotes, Text: &row.Notes}}
	if err := s.seal(ctx, db, row.PatientID, row.ID, parts...); err != nil {
		return Appointment{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Appointment{}, err
	}
	if !done {
		return Appointment{}, inTheWay(ctx, db, row)
	}
	return row.appointment(), db.Emit(ctx, dbx.Event{Type: "appointment.booked", Entity: "appointment", ID: row.ID,
		Data: map[string]string{"id": row.ID.String()}})
}

// inTheWay finds the appointment that the database refused to overlap.
func inTheWay(ctx context.Context, db dbx.DB, wanted appointmentRow) error {
	rows, err := dbx.All[appointmentRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("(a.practitioner_id = ? OR a.patient_id = ?)", wanted.PractitionerID, wanted.PatientID).
			Where("a.starts_at > ?", wanted.StartsAt.Add(-maxAppointment)).Where("a.starts_at < ?", wanted.EndsAt).
			Where("a.ends_at > ?", wanted.StartsAt).
			Where("a.status IN (?)", bun.List(blocking)).
			Order("a.starts_at").Limit(1)
	})
	if err != nil || len(rows) == 0 {
		return ErrSlotTaken // it was cancelled in between, or the read failed; the slot was taken all the same
	}
	taken := &SlotTakenError{Appointment: rows[0].ID, Of: "patient", Period: rows[0].appointment().Period}
	if rows[0].PractitionerID == wanted.PractitionerID {
		taken.Of = "practitioner"
	}
	return taken
}
