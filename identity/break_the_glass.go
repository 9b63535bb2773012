package identity

import (
	"context"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// BreakTheGlassInput asks for access in an emergency. The actor is a person.
type BreakTheGlassInput struct {
	Patient hmstype.PatientID `json:"patient"` // required: the one patient whose record it opens
	BreakGlassDetails
	Duration time.Duration `json:"duration"` // up to 4 h; zero means 1 h
}

// Validate implements the rules above.
func (in BreakTheGlassInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.validate(&v)
	v.Check(in.Duration >= 0 && in.Duration <= MaxBreakGlass, "duration", "must lie between 0 and 4 h")
	return v.Err()
}

var opBreakTheGlass = usecase.Command[BreakTheGlassInput, BreakGlass]{
	Name: "identity.break_the_glass", Permission: hmstype.PermBreakGlass, Shows: grants.One(), RecentProof: true,
	Alone: true,
	Sample: BreakTheGlassInput{
		BreakGlassDetails: BreakGlassDetails{Reason: ReasonEmergency, Text: "Unconscious in the emergency room"},
	},
}.Declare()

// BreakTheGlass opens the restricted record of one patient to the actor, for some hours. It
// wants somebody who holds the permission (the clinical professions do) and has proved who he
// is within [RecentProof]: [ErrProofRequired] otherwise. Every read that the grant
// allows carries its id on the trail, where the patient's report of accesses shows it; an
// outbox event alerts whoever must review. It has a transaction of its own even in one of the host's: whoever
// saw a record cannot undo that he asked for it. [ErrReviewOverdue] where a grant of the same person
// waits for its review too long; [ErrTooManyOpenGrants] and [ErrTooManyDailyGrants] where he has had as many as
// he may have ([MaxOpenBreakGlass], [MaxDailyBreakGlass]), which whoever must review is told as well. It opens
// what is restricted; it gives no permission.
// Permission: [hmstype.PermBreakGlass].
func (s *Service) BreakTheGlass(ctx context.Context, in BreakTheGlassInput) (BreakGlass, error) {
	grant, err := opBreakTheGlass.Run(ctx, &s.base, in, s.breakTheGlass)
	switch {
	case errors.Is(err, ErrTooManyOpenGrants):
		s.tellRefused(ctx, in.Patient, boundOpen)
	case errors.Is(err, ErrTooManyDailyGrants):
		s.tellRefused(ctx, in.Patient, boundDay)
	}
	return grant, err
}

func (s *Service) breakTheGlass(ctx context.Context, db dbx.DB, in BreakTheGlassInput) (BreakGlass, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return BreakGlass{}, ErrPersonRequired
	}
	if err := withinBounds(ctx, db); err != nil {
		return BreakGlass{}, err
	}
	row := breakGlassRow{
		Header: dbx.NewHeader[hmstype.BreakGlassID](db), UserID: db.Actor.User, PatientID: in.Patient,
		BreakGlassDetails: in.BreakGlassDetails, Status: BreakGlassActive,
		StartedAt: db.Now, ExpiresAt: db.Now.Add(in.Duration),
	}
	if row.Purpose == "" {
		row.Purpose = hmstype.PurposeEmergency
	}
	if in.Duration == 0 {
		row.ExpiresAt = db.Now.Add(time.Hour)
	}
	if err := glassTexts.Seal(ctx, s.base.Crypt, db, in.Patient.UUID(), row.ID, &row.BreakGlassDetails); err != nil {
		return BreakGlass{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return BreakGlass{}, err
	}
	return row.grant(), db.Emit(ctx, grantEvent(&row, eventGlassBroken))
}

// grantsOfPerson counts what a person has open, by both clocks, and what he got since $4, and tells whether
// one that he got before $5 waits for its review.
// In SQL: migrate/routine/core/actor_person.sql.
const grantsOfPerson = `SELECT
		count(*) FILTER (WHERE g.expires_at > $3 AND g.closes_at > statement_timestamp() AND g.ended_at IS NULL),
		count(*) FILTER (WHERE g.started_at > $4),
		coalesce(bool_or(g.outcome = '' AND g.started_at < $5), false)
	FROM hms.break_glass AS g WHERE g.tenant_id = $1 AND hms.actor_person(g.created_by) = $2`

// withinBounds refuses a person who has, or had within the day, as many grants as he may have, or of whom one
// waits for its review. His requests take turns, so that of many at once none slips through; the
// database holds the same bounds (migrate/routine/identity/break_glass_guard.sql).
func withinBounds(ctx context.Context, db dbx.DB) error {
	person := db.By().Person.String()
	if err := db.LockName(ctx, "break_glass "+person); err != nil {
		return err
	}
	var open, day int
	var overdue bool
	err := db.QueryRow(ctx, grantsOfPerson, db.Tenant(), person, db.Now, db.Now.Add(-24*time.Hour),
		db.Now.Add(-ReviewWithin)).Scan(&open, &day, &overdue)
	switch {
	case err != nil:
		return err
	case overdue:
		return ErrReviewOverdue
	case open >= MaxOpenBreakGlass:
		return ErrTooManyOpenGrants
	case day >= MaxDailyBreakGlass:
		return ErrTooManyDailyGrants
	default:
		return nil
	}
}

// The bounds, as the event and the database name them.
const (
	boundOpen = "open"
	boundDay  = "day"
)

// tellRefused records that a person asked for more grants than he may have, and alerts whoever must
// review, in a transaction of its own: the use case's was rolled back. He is refused whether or not that succeeds.
func (s *Service) tellRefused(ctx context.Context, patient hmstype.PatientID, bound string) {
	s.base.RecordRefusal(ctx, opBreakTheGlass.Name, func(ctx context.Context, db dbx.DB) error {
		err := db.RecordAccess(ctx, dbx.Access{Action: "denied", Entity: "break_glass", Patient: patient})
		if err != nil {
			return err
		}
		return db.Emit(ctx, dbx.Event{Type: eventGlassRefused, ID: db.Actor.User, Data: map[string]string{
			"user": db.Actor.User.String(), "patient": patient.String(), "bound": bound,
		}})
	})
}
