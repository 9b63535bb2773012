package scheduling

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

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
	rows, err := dbx.All[appointmentRow](
		ctx, db, dbx.Equal("status", AppointmentBooked), dbx.Where("a.starts_at <= ?", in.AsOf.Add(-in.Grace)),
		dbx.OrderBy("a.starts_at", "a.id"), dbx.Limit(limit), dbx.SkipLocked,
	)
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
