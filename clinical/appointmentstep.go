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

// CancelCode says why an appointment was cancelled: a code of FHIR R4
// appointment-cancellation-reason. Its groups are named here; the finer codes of a group
// ("prov-hosp", "oth-weath") may be used as well.
type CancelCode string

// The groups of reasons.
const (
	CancelByPatient   CancelCode = "pat"      // the patient asked for it
	CancelByProvider  CancelCode = "prov"     // the practitioner cannot
	CancelMaintenance CancelCode = "maint"    // equipment is out of order
	CancelMedication  CancelCode = "meds-inc" // preparation or medication is not complete
	CancelOther       CancelCode = "other"
)

// Known tells whether the code is one of the terminology.
func (c CancelCode) Known() bool {
	switch c {
	case CancelByPatient, "pat-crs", "pat-cpp", "pat-dec", "pat-fb", "pat-lt", "pat-mt", "pat-mv", "pat-preg", "pat-swl", "pat-ucp",
		CancelByProvider, "prov-pers", "prov-dch", "prov-edu", "prov-hosp", "prov-labs", "prov-mri", "prov-onc",
		CancelMaintenance, CancelMedication,
		CancelOther, "oth-cms", "oth-err", "oth-fin", "oth-iv", "oth-int", "oth-mu", "oth-room", "oth-oerr", "oth-swie", "oth-weath":
		return true
	default:
		return false
	}
}

// lockAppointment reads an appointment for a step and checks that the step is allowed.
func lockAppointment(ctx context.Context, db dbx.DB, id hmstype.AppointmentID, to AppointmentStatus) (appointmentRow, error) {
	row, err := dbx.Get[appointmentRow](ctx, db, "appointment", id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	return row, AppointmentTransitions.Check("appointment", row.Status, to)
}

// move steps a locked appointment to another state and tells the host's bus.
func move(ctx context.Context, db dbx.DB, row *appointmentRow, to AppointmentStatus) error {
	row.Status = to
	if err := dbx.UpdateVersioned(ctx, db, row, row.Version, "status", "cancel_code", "cancel_reason", "cancelled_by"); err != nil {
		return err
	}
	row.Version++
	return db.Emit(ctx, dbx.Event{Type: "appointment." + string(to), Entity: "appointment", ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "status": string(to)}})
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
	validateTime(&v, in.Period)
	return v.Err()
}

// Reschedule cancels an appointment and books another in one transaction: where the new
// time is taken the old appointment stands. The new one names the old one, and may overlap it.
func (s *Service) Reschedule(ctx context.Context, in RescheduleInput) (Appointment, error) {
	op := usecase.Op{Name: "appointment.reschedule", Permission: hmstype.PermAppointmentWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, appointmentText, s.reschedule))
}

func (s *Service) reschedule(ctx context.Context, db dbx.DB, in RescheduleInput) (Appointment, error) {
	old, err := lockAppointment(ctx, db, in.ID, AppointmentCancelled)
	if err != nil {
		return Appointment{}, err
	}
	old.CancelCode, old.CancelReason, old.CancelledBy = CancelOther, "rescheduled", db.ActorName()
	if err := move(ctx, db, &old, AppointmentCancelled); err != nil {
		return Appointment{}, err
	}
	before, err := fieldcrypt.OpenRecord(ctx, s.base.Crypt, db, appointmentText, old.appointment())
	if err != nil {
		return Appointment{}, err
	}
	book := BookInput{
		Patient: old.PatientID, Practitioner: old.PractitionerID, Period: in.Period,
		Type: old.AppointmentType, Reason: before.Reason, Room: old.Room, Notes: before.Notes,
	}
	if !in.Practitioner.IsZero() {
		book.Practitioner = in.Practitioner
	}
	return s.book(ctx, db, book, old.ID)
}

// CancelInput cancels an appointment.
type CancelInput struct {
	ID     hmstype.AppointmentID // required
	Code   CancelCode            // empty means CancelOther
	Reason string                // in words; required, up to 200 characters
}

// Validate implements the rules above.
func (in CancelInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Code == "" || in.Code.Known(), "code", "must be a code of appointment-cancellation-reason")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// CancelAppointment frees the time of an appointment that has not been fulfilled, and
// notes who cancelled it and why.
func (s *Service) CancelAppointment(ctx context.Context, in CancelInput) (Appointment, error) {
	op := usecase.Op{Name: "appointment.cancel", Permission: hmstype.PermAppointmentWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in CancelInput) (Appointment, error) {
		row, err := lockAppointment(ctx, db, in.ID, AppointmentCancelled)
		if err != nil {
			return Appointment{}, err
		}
		row.CancelCode, row.CancelReason, row.CancelledBy = in.Code, in.Reason, db.ActorName()
		if row.CancelCode == "" {
			row.CancelCode = CancelOther
		}
		err = move(ctx, db, &row, AppointmentCancelled)
		return row.appointment(), err
	}))
}

// AppointmentErrorInput takes back what should never have been entered.
type AppointmentErrorInput struct {
	ID     hmstype.AppointmentID // required
	Reason string                // required, up to 200 characters
}

// Validate implements the rules above.
func (in AppointmentErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// MarkAppointmentError says that an appointment was entered in error; it stays on record.
// One that an encounter came from is marked after the encounter ([ErrAppointmentUsed]).
func (s *Service) MarkAppointmentError(ctx context.Context, in AppointmentErrorInput) (Appointment, error) {
	op := usecase.Op{Name: "appointment.mark_error", Permission: hmstype.PermAppointmentWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in AppointmentErrorInput) (Appointment, error) {
		row, err := lockAppointment(ctx, db, in.ID, AppointmentEnteredInError)
		if err != nil {
			return Appointment{}, err
		}
		used, err := dbx.Exists[encounterRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("e.appointment_id = ?", in.ID).Where("e.status <> ?", EncounterEnteredInError)
		})
		if err != nil {
			return Appointment{}, err
		}
		if used {
			return Appointment{}, ErrAppointmentUsed
		}
		row.CancelReason = in.Reason
		err = move(ctx, db, &row, AppointmentEnteredInError)
		return row.appointment(), err
	}))
}

// CheckIn says that the patient is here.
func (s *Service) CheckIn(ctx context.Context, id hmstype.AppointmentID) (Appointment, error) {
	op := usecase.Op{Name: "appointment.check_in", Permission: hmstype.PermAppointmentWrite}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.AppointmentID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AppointmentID]) (Appointment, error) {
			row, err := lockAppointment(ctx, db, in.ID, AppointmentCheckedIn)
			if err != nil {
				return Appointment{}, err
			}
			err = move(ctx, db, &row, AppointmentCheckedIn)
			return row.appointment(), err
		}))
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
	op := usecase.Op{Name: "appointment.no_show", Permission: hmstype.PermAppointmentWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in NoShowInput) (Appointment, error) {
		row, err := lockAppointment(ctx, db, in.ID, AppointmentNoShow)
		if err != nil {
			return Appointment{}, err
		}
		if db.Now.Before(row.StartsAt.Add(in.Grace)) {
			return Appointment{}, ErrTooEarly
		}
		err = move(ctx, db, &row, AppointmentNoShow)
		return row.appointment(), err
	}))
}

// NoShowSweepInput selects the appointments that patients have missed by an instant.
type NoShowSweepInput struct {
	AsOf  time.Time     // required, not in the future
	Grace time.Duration // how long after its start a patient may still come; not negative
	Limit int           // at most so many; zero means hmstype.MaxPageSize, which is the most
}

// Validate implements the rules above.
func (in NoShowSweepInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	v.Check(in.Grace >= 0, "grace", "must not be negative")
	v.Check(in.Limit >= 0 && in.Limit <= hmstype.MaxPageSize, "limit", "must lie between 1 and 500")
	return v.Err()
}

// MarkNoShows marks every appointment that is still only booked although its start and the
// grace are over at AsOf, the oldest first, and gives their ids. It is for the host's
// scheduler: a second call for the same instant finds nothing, several run side by side,
// and a full answer (Limit ids) says that there may be more.
func (s *Service) MarkNoShows(ctx context.Context, in NoShowSweepInput) ([]hmstype.AppointmentID, error) {
	op := usecase.Op{Name: "appointment.no_show_sweep", Permission: hmstype.PermAppointmentWrite}
	return usecase.Write(ctx, &s.base, op, in, markNoShows)
}

func markNoShows(ctx context.Context, db dbx.DB, in NoShowSweepInput) ([]hmstype.AppointmentID, error) {
	if in.AsOf.After(db.Now) {
		return nil, hmstype.Invalid("asOf", "must not lie in the future")
	}
	limit := int64(in.Limit)
	if limit == 0 {
		limit = hmstype.MaxPageSize
	}
	rows, err := dbx.All[appointmentRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("a.status = ?", AppointmentBooked).Where("a.starts_at <= ?", in.AsOf.Add(-in.Grace)).
			Order("a.starts_at", "a.id").Limit(limit).For("UPDATE OF ?TableAlias SKIP LOCKED")
	})
	if err != nil {
		return nil, err
	}
	ids := make([]hmstype.AppointmentID, len(rows))
	for i := range rows {
		if err := move(ctx, db, &rows[i], AppointmentNoShow); err != nil {
			return nil, err
		}
		ids[i] = rows[i].ID
	}
	return ids, nil
}
