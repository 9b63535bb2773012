package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// BreakGlassReason says why a restricted record had to be opened.
type BreakGlassReason string

// The reasons of break-glass.
const (
	ReasonEmergency    BreakGlassReason = "emergency"     // a danger to life or health, now
	ReasonDirectCare   BreakGlassReason = "direct-care"   // the actor treats the patient, and nobody who may is at hand
	ReasonPublicHealth BreakGlassReason = "public-health" // an obligation to report
	ReasonOther        BreakGlassReason = "other"         // the text says
)

// ReviewOutcome is what a reviewer found.
type ReviewOutcome string

// The outcomes of a review.
const (
	OutcomeJustified    ReviewOutcome = "justified"
	OutcomeNotJustified ReviewOutcome = "not-justified"
)

// The times of break-glass.
const (
	// MaxBreakGlass is how long one grant may last at most.
	MaxBreakGlass = 4 * time.Hour
	// ReviewWithin is when a grant should have been reviewed, from its start. While a user
	// has one that is older, he gets no other.
	ReviewWithin = 72 * time.Hour
)

// BreakGlass is a grant of access to one patient's restricted record in an emergency (45 CFR
// 164.312(a)(2)(ii); FHIR AuditEvent of purpose BTG).
type BreakGlass struct {
	ID         hmstype.BreakGlassID
	User       hmstype.UserID
	Patient    hmstype.PatientID
	Reason     BreakGlassReason
	Text       string               // the actor's own words
	Purpose    hmstype.PurposeOfUse // ETREAT or BTG
	StartedAt  time.Time            // UTC
	ExpiresAt  time.Time            // UTC
	EndedAt    time.Time            // UTC; zero means that it ran, or runs, to its expiry
	Outcome    ReviewOutcome        // empty until it is reviewed
	Reviewer   hmstype.UserID       // zero until it is reviewed; never the user
	ReviewText string
	ReviewedAt time.Time // UTC; zero until it is reviewed
	Version    int64     // counts changes, from 1
}

// RecentProof is how long a proof of who somebody is serves for what needs it anew.
const RecentProof = 5 * time.Minute

// requireRecentProof refuses an actor who has not given a password or a second factor just now.
func requireRecentProof(actor hmstype.Actor, now time.Time) error {
	at := actor.AuthenticatedAt
	if at.IsZero() || at.After(now) || now.Sub(at) > RecentProof {
		return ErrProofRequired
	}
	return nil
}

// Open tells whether the grant opens the record at an instant.
func (g BreakGlass) Open(at time.Time) bool {
	return g.EndedAt.IsZero() && !at.Before(g.StartedAt) && at.Before(g.ExpiresAt)
}

type breakGlassRow struct {
	bun.BaseModel `bun:"table:hms.break_glass,alias:g"`
	dbx.Tenanted
	ID         hmstype.BreakGlassID `bun:"id,pk"`
	UserID     hmstype.UserID
	PatientID  hmstype.PatientID
	ReasonCode BreakGlassReason
	ReasonText string
	Purpose    hmstype.PurposeOfUse
	StartedAt  time.Time
	ExpiresAt  time.Time
	EndedAt    time.Time `bun:",nullzero"`
	Outcome    ReviewOutcome
	ReviewerID hmstype.UserID `bun:",nullzero"`
	ReviewText string
	ReviewedAt time.Time `bun:",nullzero"`
	Version    int64
}

func (r breakGlassRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartedAt, ID: r.ID.UUID()}
}

func (r breakGlassRow) grant() BreakGlass {
	return BreakGlass{
		ID: r.ID, User: r.UserID, Patient: r.PatientID, Reason: r.ReasonCode, Text: r.ReasonText, Purpose: r.Purpose,
		StartedAt: r.StartedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), EndedAt: r.EndedAt.UTC(), Outcome: r.Outcome,
		Reviewer: r.ReviewerID, ReviewText: r.ReviewText, ReviewedAt: r.ReviewedAt.UTC(), Version: r.Version,
	}
}

// BreakGlassInput asks for access in an emergency. The actor is a person.
type BreakGlassInput struct {
	Patient  hmstype.PatientID    // required: the one patient whose record it opens
	Reason   BreakGlassReason     // required
	Text     string               // required, 10 to 1000 characters
	Purpose  hmstype.PurposeOfUse // ETREAT or BTG; empty means BTG
	Duration time.Duration        // up to 4 h; zero means 1 h
}

// Validate implements the rules above.
func (in BreakGlassInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	hmstype.OneOf(&v, in.Reason, "reason", ReasonEmergency, ReasonDirectCare, ReasonPublicHealth, ReasonOther)
	v.Text(in.Text, "text", 10, 1000)
	hmstype.OneOf(&v, in.Purpose, "purpose", "", hmstype.PurposeEmergency, hmstype.PurposeEmergencyTreatment)
	v.Check(in.Duration >= 0 && in.Duration <= MaxBreakGlass, "duration", "must lie between 0 and 4 h")
	return v.Err()
}

// What is written about a patient here is sealed under the patient's key wherever the host gave
// one: nobody searches it, and it says why a record is worth restricting.
const (
	fieldGlassText   fieldcrypt.Field = "break_glass.reason_text"
	fieldGlassReview fieldcrypt.Field = "break_glass.review_text"
)

// The guard of the table keeps a grant as it was written, so a new epoch's key leaves it alone.
var _ = fieldcrypt.Declare(
	fieldcrypt.Column{Table: "break_glass", Name: "reason_text", Field: fieldGlassText, Subject: "patient_id", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "break_glass", Name: "review_text", Field: fieldGlassReview, Subject: "patient_id", Row: "id", Fixed: true},
)

func glassText(g *BreakGlass) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return g.Patient.UUID(), g.ID, []fieldcrypt.Part{{Field: fieldGlassText, Text: &g.Text}, {Field: fieldGlassReview, Text: &g.ReviewText}}
}

// BreakTheGlass opens the restricted record of one patient to the actor, for some hours. It
// wants somebody who holds the permission (the clinical professions do) and has proved who he
// is within [RecentProof]: [ErrProofRequired] otherwise. Every read that the grant
// allows carries its id on the trail, where the patient's report of accesses shows it; an
// outbox event alerts whoever must review. [ErrReviewOverdue] where a grant of the same user
// waits for its review too long. It opens what is restricted; it gives no permission.
func (s *Service) BreakTheGlass(ctx context.Context, in BreakGlassInput) (BreakGlass, error) {
	op := usecase.Op{Name: "identity.break_the_glass", Permission: hmstype.PermBreakGlass}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, glassText, s.breakTheGlass))
}

func (s *Service) breakTheGlass(ctx context.Context, db dbx.DB, in BreakGlassInput) (BreakGlass, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return BreakGlass{}, ErrPersonRequired
	}
	if err := requireRecentProof(db.Actor, db.Now); err != nil {
		return BreakGlass{}, err
	}
	// The user's row makes two requests of one user take turns.
	if _, err := dbx.Get[userRow](ctx, db, "user", db.Actor.User, dbx.ForUpdate); err != nil {
		return BreakGlass{}, err
	}
	overdue, err := dbx.Exists[breakGlassRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("g.user_id = ?", db.Actor.User).Where("g.outcome = ''").Where("g.started_at < ?", db.Now.Add(-ReviewWithin))
	})
	if err != nil {
		return BreakGlass{}, err
	}
	if overdue {
		return BreakGlass{}, ErrReviewOverdue
	}
	row := breakGlassRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.BreakGlassID](), UserID: db.Actor.User,
		PatientID: in.Patient, ReasonCode: in.Reason, ReasonText: in.Text, Purpose: in.Purpose,
		StartedAt: db.Now, ExpiresAt: db.Now.Add(in.Duration), Version: 1,
	}
	if row.Purpose == "" {
		row.Purpose = hmstype.PurposeEmergency
	}
	if in.Duration == 0 {
		row.ExpiresAt = db.Now.Add(time.Hour)
	}
	if err := s.base.Crypt.SealParts(ctx, db, in.Patient.UUID(), row.ID, fieldcrypt.Part{Field: fieldGlassText, Text: &row.ReasonText}); err != nil {
		return BreakGlass{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return BreakGlass{}, err
	}
	return row.grant(), emitGrant(ctx, db, "identity.glass_broken", row)
}

// emitGrant tells the host's bus; ids only.
func emitGrant(ctx context.Context, db dbx.DB, event string, row breakGlassRow) error {
	return db.Emit(ctx, dbx.Event{Type: event, Entity: "break_glass", ID: row.ID, Data: map[string]string{
		"id": row.ID.String(), "user": row.UserID.String(), "patient": row.PatientID.String(), "outcome": string(row.Outcome),
	}})
}

// EndBreakGlass closes the record again before the grant expires. Its own user may, and
// whoever may review grants. A grant that is over already stays as it is.
func (s *Service) EndBreakGlass(ctx context.Context, id hmstype.BreakGlassID) (BreakGlass, error) {
	op := usecase.Op{Name: "identity.end_break_glass", Permission: hmstype.PermBreakGlass}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.BreakGlassID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, glassText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BreakGlassID]) (BreakGlass, error) {
			row, err := dbx.Get[breakGlassRow](ctx, db, "break-glass grant", in.ID, dbx.ForUpdate)
			if err != nil {
				return BreakGlass{}, err
			}
			if db.Actor.Kind != hmstype.ActorSystem && row.UserID != db.Actor.User {
				return BreakGlass{}, &hmstype.Error{Entity: "break-glass grant", ID: in.ID.String(), Err: hmstype.ErrNotFound}
			}
			if !row.grant().Open(db.Now) {
				return row.grant(), nil
			}
			row.EndedAt = db.Now
			err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "ended_at")
			row.Version++
			return row.grant(), err
		}))
}

// ReviewBreakGlassInput says what the reviewer found.
type ReviewBreakGlassInput struct {
	ID      hmstype.BreakGlassID // required
	Outcome ReviewOutcome        // required
	Text    string               // required, 3 to 1000 characters
}

// Validate implements the rules above.
func (in ReviewBreakGlassInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Outcome, "outcome", OutcomeJustified, OutcomeNotJustified)
	v.Text(in.Text, "text", 3, 1000)
	return v.Err()
}

// ReviewBreakGlass records the judgement of another person than the user, and ends the grant
// where it still runs. [ErrOwnReview] for the user himself, [ErrReviewed] where somebody was
// faster: a judgement stands.
func (s *Service) ReviewBreakGlass(ctx context.Context, in ReviewBreakGlassInput) (BreakGlass, error) {
	op := usecase.Op{Name: "identity.review_break_glass", Permission: hmstype.PermBreakGlassReview}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, glassText, s.reviewBreakGlass))
}

func (s *Service) reviewBreakGlass(ctx context.Context, db dbx.DB, in ReviewBreakGlassInput) (BreakGlass, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return BreakGlass{}, ErrPersonRequired
	}
	row, err := dbx.Get[breakGlassRow](ctx, db, "break-glass grant", in.ID, dbx.ForUpdate)
	switch {
	case err != nil:
		return BreakGlass{}, err
	case row.UserID == db.Actor.User:
		return BreakGlass{}, ErrOwnReview
	case row.Outcome != "":
		return BreakGlass{}, ErrReviewed
	}
	columns := []string{"outcome", "reviewer_id", "review_text", "reviewed_at"}
	if row.grant().Open(db.Now) {
		row.EndedAt = db.Now
		columns = append(columns, "ended_at")
	}
	row.Outcome, row.ReviewerID, row.ReviewText, row.ReviewedAt = in.Outcome, db.Actor.User, in.Text, db.Now
	err = s.base.Crypt.SealParts(ctx, db, row.PatientID.UUID(), row.ID, fieldcrypt.Part{Field: fieldGlassReview, Text: &row.ReviewText})
	if err != nil {
		return BreakGlass{}, err
	}
	if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, columns...); err != nil {
		return BreakGlass{}, err
	}
	row.Version++
	return row.grant(), emitGrant(ctx, db, "identity.break_glass_reviewed", row)
}

// BreakGlassQuery selects grants. Empty fields select everything; set ones must all hold.
type BreakGlassQuery struct {
	User       hmstype.UserID
	Patient    hmstype.PatientID
	Unreviewed bool         // only those that wait for their review
	Page       hmstype.Page // newest first
}

// Validate checks the page.
func (q BreakGlassQuery) Validate() error {
	return q.Page.Validate()
}

// BreakGlassGrants lists grants for their review.
func (s *Service) BreakGlassGrants(ctx context.Context, query BreakGlassQuery) (hmstype.List[BreakGlass], error) {
	op := usecase.Op{Name: "identity.break_glass_grants", Permission: hmstype.PermBreakGlassReview}
	return usecase.Read(ctx, &s.base, op, query, fieldcrypt.OpenedList(s.base.Crypt, glassText, breakGlassGrants))
}

func breakGlassGrants(ctx context.Context, db dbx.DB, query BreakGlassQuery) (hmstype.List[BreakGlass], error) {
	rows, next, err := dbx.Page[breakGlassRow](ctx, db, query.Page, dbx.Order{At: "started_at", Desc: true}, query.apply)
	list := hmstype.List[BreakGlass]{Next: next, Items: make([]BreakGlass, len(rows))}
	patients := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		list.Items[i], patients[i] = r.grant(), r.PatientID
	}
	if err != nil {
		return list, err
	}
	return list, db.RecordSearch(ctx, "break_glass", patients...)
}

func (q BreakGlassQuery) apply(sel *bun.SelectQuery) *bun.SelectQuery {
	if !q.User.IsZero() {
		sel = sel.Where("g.user_id = ?", q.User)
	}
	if !q.Patient.IsZero() {
		sel = sel.Where("g.patient_id = ?", q.Patient)
	}
	if q.Unreviewed {
		sel = sel.Where("g.outcome = ''")
	}
	return sel
}
