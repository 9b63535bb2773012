package clinical

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
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
}

// maxAppointment is the longest appointment; the search for what is in the way relies on it.
const maxAppointment = 24 * time.Hour

// Appointment is a visit that was agreed on (FHIR Appointment).
type Appointment struct {
	ID           hmstype.AppointmentID
	Patient      hmstype.PatientID
	Practitioner hmstype.UserID
	Period       hmstype.Period // half-open, UTC
	Status       AppointmentStatus
	Type         string
	Notes        string
	CancelReason string
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
	Notes           string
	CancelReason    string
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
		Status: r.Status, Type: r.AppointmentType, Notes: r.Notes, CancelReason: r.CancelReason, Replaces: r.ReplacesID,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// BookInput describes an appointment.
type BookInput struct {
	Patient        hmstype.PatientID // required
	Practitioner   hmstype.UserID    // required
	Period         hmstype.Period    // one minute to 24 hours, not wholly in the past
	Type           string            // such as "follow-up"; up to 50 characters
	Notes          string            // up to 2000 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in BookInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Required(!in.Practitioner.IsZero(), "practitioner")
	v.Nested("period", in.Period.Validate())
	v.Check(in.Period.Duration() >= time.Minute && in.Period.Duration() <= maxAppointment, "period", "must last 1 minute to 24 hours")
	v.Text(in.Type, "type", 0, 50)
	v.Text(in.Notes, "notes", 0, 2000)
	return v.Err()
}

// Book makes an appointment. [ErrSlotTaken] (a *SlotTakenError) where the practitioner or
// the patient has another one then; of many who book one slot at once, one gets it.
func (s *Service) Book(ctx context.Context, in BookInput) (Appointment, error) {
	op := service.Op{Name: "appointment.book", Permission: hmstype.PermAppointmentWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in BookInput) (Appointment, error) {
		return s.book(ctx, db, in, hmstype.AppointmentID{})
	})
}

func (s *Service) book(ctx context.Context, db dbx.DB, in BookInput, replaces hmstype.AppointmentID) (Appointment, error) {
	if !in.Period.End.After(db.Now) {
		return Appointment{}, hmstype.Invalid("period.end", "must not lie in the past")
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
		return Appointment{}, err
	}
	row := appointmentRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.AppointmentID](),
		PatientID: in.Patient, PractitionerID: in.Practitioner,
		StartsAt: hmstype.Instant(in.Period.Start), EndsAt: hmstype.Instant(in.Period.End),
		Status: AppointmentBooked, AppointmentType: in.Type, Notes: in.Notes, ReplacesID: replaces,
		CreatedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
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
			Where("a.status IN (?)", bun.In([]AppointmentStatus{AppointmentBooked, AppointmentArrived, AppointmentCheckedIn, AppointmentFulfilled})).
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

// RescheduleInput moves an appointment.
type RescheduleInput struct {
	ID             hmstype.AppointmentID // required
	Period         hmstype.Period        // as for booking
	Practitioner   hmstype.UserID        // zero keeps the practitioner
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RescheduleInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Nested("period", in.Period.Validate())
	v.Check(in.Period.Duration() >= time.Minute && in.Period.Duration() <= maxAppointment, "period", "must last 1 minute to 24 hours")
	return v.Err()
}

// Reschedule cancels an appointment and books another in one transaction: where the new
// time is taken the old appointment stands. The new one names the old one.
func (s *Service) Reschedule(ctx context.Context, in RescheduleInput) (Appointment, error) {
	op := service.Op{Name: "appointment.reschedule", Permission: hmstype.PermAppointmentWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in RescheduleInput) (Appointment, error) {
		old, err := move(ctx, db, in.ID, AppointmentCancelled, "rescheduled")
		if err != nil {
			return Appointment{}, err
		}
		book := BookInput{Patient: old.PatientID, Practitioner: old.PractitionerID, Period: in.Period, Type: old.AppointmentType, Notes: old.Notes}
		if !in.Practitioner.IsZero() {
			book.Practitioner = in.Practitioner
		}
		return s.book(ctx, db, book, old.ID)
	})
}

// move steps an appointment to another state.
func move(ctx context.Context, db dbx.DB, id hmstype.AppointmentID, to AppointmentStatus, reason string) (appointmentRow, error) {
	row, err := dbx.Get[appointmentRow](ctx, db, "appointment", id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	if err := AppointmentTransitions.Check("appointment", row.Status, to); err != nil {
		return row, err
	}
	row.Status, row.CancelReason = to, reason
	err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "cancel_reason")
	row.Version++
	return row, err
}

// CancelInput cancels an appointment.
type CancelInput struct {
	ID     hmstype.AppointmentID // required
	Reason string                // required, up to 200 characters
}

// Validate implements the rules above.
func (in CancelInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// CancelAppointment frees the time of an appointment that has not been fulfilled.
func (s *Service) CancelAppointment(ctx context.Context, in CancelInput) (Appointment, error) {
	op := service.Op{Name: "appointment.cancel", Permission: hmstype.PermAppointmentWrite}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CancelInput) (Appointment, error) {
		row, err := move(ctx, db, in.ID, AppointmentCancelled, in.Reason)
		return row.appointment(), err
	})
}

// CheckIn says that the patient is here.
func (s *Service) CheckIn(ctx context.Context, id hmstype.AppointmentID) (Appointment, error) {
	op := service.Op{Name: "appointment.check_in", Permission: hmstype.PermAppointmentWrite}
	return service.Write(ctx, &s.base, op, service.ByID[hmstype.AppointmentID]{ID: id},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.AppointmentID]) (Appointment, error) {
			row, err := move(ctx, db, in.ID, AppointmentCheckedIn, "")
			return row.appointment(), err
		})
}

// NoShowInput names an appointment that a patient missed.
type NoShowInput struct {
	ID    hmstype.AppointmentID // required
	Grace time.Duration         // how long after its start a patient may still come; not negative
}

// Validate implements the rules above.
func (in NoShowInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Grace >= 0, "grace", "must not be negative")
	return v.Err()
}

// MarkNoShow says that the patient did not come; [ErrTooEarly] before start and grace are over.
func (s *Service) MarkNoShow(ctx context.Context, in NoShowInput) (Appointment, error) {
	op := service.Op{Name: "appointment.no_show", Permission: hmstype.PermAppointmentWrite}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in NoShowInput) (Appointment, error) {
		row, err := move(ctx, db, in.ID, AppointmentNoShow, "")
		if err == nil && db.Now.Before(row.StartsAt.Add(in.Grace)) {
			err = ErrTooEarly
		}
		return row.appointment(), err
	})
}

// CalendarInput selects appointments.
type CalendarInput struct {
	Practitioner hmstype.UserID    // whose calendar; zero for all
	Patient      hmstype.PatientID // whose visits; zero for all
	During       hmstype.Period    // those that start in it; required, with an end
	Page         hmstype.Page      // by start
}

// Validate implements the rules above.
func (in CalendarInput) Validate() error {
	var v hmstype.Validator
	v.Nested("during", in.During.Validate())
	v.Required(!in.During.IsOpen(), "during.end")
	_, err := in.Page.Size()
	v.Nested("", err)
	return v.Err()
}

// Calendar lists appointments by their start.
func (s *Service) Calendar(ctx context.Context, in CalendarInput) (hmstype.List[Appointment], error) {
	op := service.Op{Name: "appointment.calendar", Permission: hmstype.PermAppointmentRead}
	return service.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CalendarInput) (hmstype.List[Appointment], error) {
		rows, next, err := dbx.Page[appointmentRow](ctx, db, in.Page, dbx.Order{At: "starts_at"}, func(q *bun.SelectQuery) *bun.SelectQuery {
			if !in.Practitioner.IsZero() {
				q = q.Where("a.practitioner_id = ?", in.Practitioner)
			}
			if !in.Patient.IsZero() {
				q = q.Where("a.patient_id = ?", in.Patient)
			}
			return q.Where("a.starts_at >= ?", in.During.Start).Where("a.starts_at < ?", in.During.End)
		})
		list := hmstype.List[Appointment]{Items: make([]Appointment, len(rows)), Next: next}
		shown := make([]dbx.Access, len(rows))
		for i, r := range rows {
			list.Items[i] = r.appointment()
			shown[i] = dbx.Access{Action: "read", Entity: "appointment", ID: r.ID.String(), Patient: r.PatientID}
		}
		if err != nil {
			return list, err
		}
		return list, db.RecordAccess(ctx, shown...)
	})
}
