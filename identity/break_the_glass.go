package identity

import (
	"context"
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
	Name: "identity.break_the_glass", Permission: hmstype.PermBreakGlass, Shows: grants.One(),
	Sample: BreakTheGlassInput{
		BreakGlassDetails: BreakGlassDetails{Reason: ReasonEmergency, Text: "Unconscious in the emergency room"},
	},
}.Declare()

// BreakTheGlass opens the restricted record of one patient to the actor, for some hours. It
// wants somebody who holds the permission (the clinical professions do) and has proved who he
// is within [RecentProof]: [ErrProofRequired] otherwise. Every read that the grant
// allows carries its id on the trail, where the patient's report of accesses shows it; an
// outbox event alerts whoever must review. [ErrReviewOverdue] where a grant of the same user
// waits for its review too long. It opens what is restricted; it gives no permission.
// Permission: [hmstype.PermBreakGlass].
func (s *Service) BreakTheGlass(ctx context.Context, in BreakTheGlassInput) (BreakGlass, error) {
	return opBreakTheGlass.Run(ctx, &s.base, in, s.breakTheGlass)
}

func (s *Service) breakTheGlass(ctx context.Context, db dbx.DB, in BreakTheGlassInput) (BreakGlass, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return BreakGlass{}, ErrPersonRequired
	}
	if err := requireRecentProof(db.Actor, db.Now); err != nil {
		return BreakGlass{}, err
	}
	// The user's row makes two requests of one user take turns.
	if _, err := dbx.Get[userRow](ctx, db, "user_account", db.Actor.User, dbx.ForUpdate); err != nil {
		return BreakGlass{}, err
	}
	overdue, err := dbx.Exists[breakGlassRow](ctx, db, dbx.Equal("user_id", db.Actor.User),
		dbx.Where("g.status <> ?", BreakGlassReviewed), dbx.Where("g.started_at < ?", db.Now.Add(-ReviewWithin)))
	if err != nil {
		return BreakGlass{}, err
	}
	if overdue {
		return BreakGlass{}, ErrReviewOverdue
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
