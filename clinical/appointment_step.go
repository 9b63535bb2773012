package clinical

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
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
	Key:    func(in RescheduleInput) string { return in.IdempotencyKey },
	Sample: RescheduleInput{Period: usecase.SamplePeriod},
}.Declare()

// Reschedule cancels an appointment and books another in one transaction: where the new
// time is taken the old appointment stands. The new one names the old one, and may overlap it.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) Reschedule(ctx context.Context, in RescheduleInput) (Appointment, error) {
	return opReschedule.Run(ctx, &s.base, in, s.reschedule)
}

func (s *Service) reschedule(ctx context.Context, db dbx.DB, in RescheduleInput) (Appointment, error) {
	old, err := dbx.Step(ctx, db, appointmentSteps, in.ID, cancelled(db, CancelOther, "rescheduled"))
	if err != nil {
		return Appointment{}, err
	}
	texts := appointmentTexts.Of(old.PatientID.UUID(), old.ID, &old.AppointmentDetails)
	if err := s.base.Crypt.OpenTexts(ctx, db, texts); err != nil {
		return Appointment{}, err
	}
	book := BookInput{
		Patient: old.PatientID, Practitioner: old.PractitionerID, Period: in.Period, AppointmentDetails: old.AppointmentDetails,
	}
	if !in.Practitioner.IsZero() {
		book.Practitioner = in.Practitioner
	}
	return s.bookReplacing(ctx, db, book, old.ID)
}

// cancelled is the step by which an appointment frees its time.
func cancelled(db dbx.DB, code CancelCode, reason string) dbx.Change[appointmentRow, AppointmentStatus] {
	return dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentCancelled, Reason: reason,
		Apply: func(row *appointmentRow) error {
			row.CancelCode, row.CancelReason, row.CancelledBy = code, reason, db.By()
			return nil
		},
	}
}

// CancelAppointmentInput cancels an appointment.
type CancelAppointmentInput struct {
	ID     hmstype.AppointmentID `json:"id"`     // required
	Code   CancelCode            `json:"code"`   // empty means CancelOther
	Reason string                `json:"reason"` // in words; required, up to 200 characters
}

// Validate implements the rules above.
func (in CancelAppointmentInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Code == "" || in.Code.Known(), "code", "must be a code of appointment-cancellation-reason")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opCancelAppointment = usecase.Command[CancelAppointmentInput, Appointment]{
	Name: "clinical.cancel_appointment", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Sample: CancelAppointmentInput{Code: CancelByPatient, Reason: "is on holiday"},
}.Declare()

// CancelAppointment frees the time of an appointment that has not been fulfilled, and
// notes who cancelled it and why.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) CancelAppointment(ctx context.Context, in CancelAppointmentInput) (Appointment, error) {
	return opCancelAppointment.Run(ctx, &s.base, in, cancelAppointment)
}

func cancelAppointment(ctx context.Context, db dbx.DB, in CancelAppointmentInput) (Appointment, error) {
	if in.Code == "" {
		in.Code = CancelOther
	}
	return stepAppointment(ctx, db, in.ID, cancelled(db, in.Code, in.Reason))
}

// EnterAppointmentInErrorInput takes back what should never have been entered.
type EnterAppointmentInErrorInput struct {
	ID     hmstype.AppointmentID `json:"id"`     // required
	Reason string                `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in EnterAppointmentInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opEnterAppointmentInError = usecase.Command[EnterAppointmentInErrorInput, Appointment]{
	Name: "clinical.enter_appointment_in_error", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Sample: EnterAppointmentInErrorInput{Reason: "booked for another patient"},
}.Declare()

// EnterAppointmentInError says that an appointment was entered in error; it stays on record.
// One that an encounter came from is marked after the encounter ([ErrAppointmentUsed]).
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) EnterAppointmentInError(ctx context.Context, in EnterAppointmentInErrorInput) (Appointment, error) {
	return opEnterAppointmentInError.Run(ctx, &s.base, in, markAppointmentError)
}

func markAppointmentError(ctx context.Context, db dbx.DB, in EnterAppointmentInErrorInput) (Appointment, error) {
	return stepAppointment(ctx, db, in.ID, dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentEnteredInError, Reason: in.Reason,
		Apply: func(row *appointmentRow) error {
			row.CancelReason = in.Reason
			used, err := dbx.Exists[encounterRow](ctx, db, dbx.Equal("appointment_id", in.ID),
				dbx.Where("e.status <> ?", EncounterEnteredInError))
			if err == nil && used {
				err = ErrAppointmentUsed
			}
			return err
		},
	})
}

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

// MarkNoShowInput names an appointment that a patient missed.
type MarkNoShowInput struct {
	ID    hmstype.AppointmentID `json:"id"`    // required
	Grace time.Duration         `json:"grace"` // how long after its start a patient may still come; not negative
}

// Validate implements the rules above.
func (in MarkNoShowInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Grace >= 0, "grace", "must not be negative")
	return v.Err()
}

var opMarkNoShow = usecase.Command[MarkNoShowInput, Appointment]{
	Name: "clinical.mark_no_show", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Sample: MarkNoShowInput{},
}.Declare()

// MarkNoShow says that the patient did not come; [ErrTooEarly] before start and grace are over.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) MarkNoShow(ctx context.Context, in MarkNoShowInput) (Appointment, error) {
	return opMarkNoShow.Run(ctx, &s.base, in, markNoShow)
}

func markNoShow(ctx context.Context, db dbx.DB, in MarkNoShowInput) (Appointment, error) {
	return stepAppointment(ctx, db, in.ID, dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentNoShow,
		Apply: func(row *appointmentRow) error {
			if db.Now.Before(row.StartsAt.Add(in.Grace)) {
				return ErrTooEarly
			}
			return nil
		},
	})
}

// MarkNoShowsInput selects the appointments that patients have missed by an instant.
type MarkNoShowsInput struct {
	AsOf  time.Time     `json:"asOf,omitzero"` // required, not in the future
	Grace time.Duration `json:"grace"`         // how long after its start a patient may still come; not negative
	Limit int           `json:"limit"`         // at most so many; zero means hmstype.MaxPageSize, which is the most
}

// Validate implements the rules above.
func (in MarkNoShowsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	v.Check(in.Grace >= 0, "grace", "must not be negative")
	v.Check(in.Limit >= 0 && in.Limit <= hmstype.MaxPageSize, "limit", "must lie between 1 and 500")
	return v.Err()
}

var opMarkNoShows = usecase.Command[MarkNoShowsInput, []hmstype.AppointmentID]{
	Name: "clinical.mark_no_shows", Permission: hmstype.PermAppointmentWrite,
	Shows:     usecase.Nobody[[]hmstype.AppointmentID]("ids of appointments only"),
	MayBeIdle: "everybody may have come",
	Sample:    MarkNoShowsInput{AsOf: usecase.SampleAt},
}.Declare()

// MarkNoShows marks every appointment that is still only booked although its start and the
// grace are over at AsOf, the oldest first, and gives their ids. It is for the host's
// scheduler: a second call for the same instant finds nothing, several run side by side,
// and a full answer (Limit ids) says that there may be more.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) MarkNoShows(ctx context.Context, in MarkNoShowsInput) ([]hmstype.AppointmentID, error) {
	return opMarkNoShows.Run(ctx, &s.base, in, markNoShows)
}

func markNoShows(ctx context.Context, db dbx.DB, in MarkNoShowsInput) ([]hmstype.AppointmentID, error) {
	if in.AsOf.After(db.Now) {
		return nil, hmstype.Invalid("asOf", "must not lie in the future")
	}
	limit := in.Limit
	if limit == 0 {
		limit = hmstype.MaxPageSize
	}
	rows, err := dbx.All[appointmentRow](ctx, db, dbx.Equal("status", AppointmentBooked),
		dbx.Where("a.starts_at <= ?", in.AsOf.Add(-in.Grace)), dbx.OrderBy("a.starts_at", "a.id"), dbx.Limit(limit), dbx.SkipLocked)
	if err != nil {
		return nil, err
	}
	ids := make([]hmstype.AppointmentID, len(rows))
	for i := range rows {
		step := dbx.Change[appointmentRow, AppointmentStatus]{To: AppointmentNoShow}
		if err := dbx.Move(ctx, db, appointmentSteps, &rows[i], step); err != nil {
			return nil, err
		}
		ids[i] = rows[i].ID
	}
	return ids, nil
}
