package identity

import (
	"context"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// glassSteps is how a grant changes its state. What it says of the patient is no reason of a step:
// the texts lie sealed in the grant.
var glassSteps = dbx.Machine[breakGlassRow, BreakGlassStatus]{
	Table: "break_glass", Transitions: BreakGlassTransitions,
	State:   func(r *breakGlassRow) *BreakGlassStatus { return &r.Status },
	Columns: []string{"ended_at", "outcome", "review_text", "reviewed_by", "reviewed_at", "related"},
	Event: func(r *breakGlassRow, _ BreakGlassStatus) dbx.Event {
		if r.Status != BreakGlassReviewed {
			return dbx.Event{}
		}
		return grantEvent(r, eventGlassReviewed)
	},
}

// getGrant reads a grant.
func getGrant(ctx context.Context, db dbx.DB, id hmstype.BreakGlassID, more ...dbx.Apply) (breakGlassRow, error) {
	return dbx.Get[breakGlassRow](ctx, db, "break_glass", id, more...)
}

var opEndBreakGlass = usecase.Command[usecase.ByID[hmstype.BreakGlassID], BreakGlass]{
	Name: "identity.end_break_glass", Permission: hmstype.PermBreakGlass, Shows: grants.One(),
	MayBeIdle: "a grant that is over already stays as it is",
}.Declare()

// EndBreakGlass closes the record again before the grant expires; its own user may. A grant that is
// over already stays as it is.
// Permission: [hmstype.PermBreakGlass].
func (s *Service) EndBreakGlass(ctx context.Context, id hmstype.BreakGlassID) (BreakGlass, error) {
	return opEndBreakGlass.Run(ctx, &s.base, usecase.ID(id), endBreakGlass)
}

func endBreakGlass(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BreakGlassID]) (BreakGlass, error) {
	row, err := getGrant(ctx, db, in.ID, dbx.ForUpdate)
	if err != nil {
		return BreakGlass{}, err
	}
	if db.Actor.Kind != hmstype.ActorSystem && row.UserID != db.Actor.User {
		return BreakGlass{}, hmstype.NotFound("break_glass", in.ID)
	}
	if !row.grant().Open(db.Now) {
		return row.grant(), nil
	}
	err = dbx.Move(ctx, db, glassSteps, &row, dbx.Change[breakGlassRow, BreakGlassStatus]{
		To:    BreakGlassEnded,
		Apply: func(row *breakGlassRow) error { row.EndedAt = db.Now; return nil },
	})
	return row.grant(), err
}

// ReviewBreakGlassInput says what the reviewer found.
type ReviewBreakGlassInput struct {
	ID hmstype.BreakGlassID `json:"id"` // required
	BreakGlassReview
}

// Validate implements the rules above.
func (in ReviewBreakGlassInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	in.validate(&v)
	return v.Err()
}

var opReviewBreakGlass = usecase.Command[ReviewBreakGlassInput, BreakGlass]{
	Name: "identity.review_break_glass", Permission: hmstype.PermBreakGlassReview, Shows: grants.One(),
	Sample: ReviewBreakGlassInput{
		BreakGlassReview: BreakGlassReview{Outcome: OutcomeJustified, ReviewText: "Seen in the log of the ER"},
	},
}.Declare()

// ReviewBreakGlass records the judgement of another person than the user, and ends the grant
// where it still runs. [ErrOwnReview] for the user himself, under whatever account; [ErrReviewed]
// where somebody was faster: a judgement stands. [ErrRelatedReviewer] where one of the two made the other's
// account within [RelatedWithin], or somebody in between did: a second account judges no better than the first.
// Where hms.Config.SeparationOfDuties does not keep break-glass and its review apart, such a review is let through
// and says that it is Related.
// Permission: [hmstype.PermBreakGlassReview].
func (s *Service) ReviewBreakGlass(ctx context.Context, in ReviewBreakGlassInput) (BreakGlass, error) {
	grant, err := opReviewBreakGlass.Run(ctx, &s.base, in, s.reviewBreakGlass)
	if errors.Is(err, ErrRelatedReviewer) {
		s.base.RecordRefusal(ctx, opReviewBreakGlass.Name, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "denied", Entity: "break_glass", ID: in.ID.String()})
		})
	}
	return grant, err
}

func (s *Service) reviewBreakGlass(ctx context.Context, db dbx.DB, in ReviewBreakGlassInput) (BreakGlass, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return BreakGlass{}, ErrPersonRequired
	}
	row, err := getGrant(ctx, db, in.ID, dbx.ForUpdate)
	switch {
	case err != nil:
		return BreakGlass{}, err
	case row.CreatedBy.SamePerson(db.By()):
		return BreakGlass{}, ErrOwnReview
	case row.Status == BreakGlassReviewed:
		return BreakGlass{}, ErrReviewed
	}
	related, err := areRelated(ctx, db, []hmstype.UserID{row.UserID, row.CreatedBy.Person}, row.StartedAt)
	switch {
	case err != nil:
		return BreakGlass{}, err
	case related && s.base.KeepsApart(hmstype.PermBreakGlass, hmstype.PermBreakGlassReview):
		return BreakGlass{}, ErrRelatedReviewer
	}
	err = dbx.Move(ctx, db, glassSteps, &row, dbx.Change[breakGlassRow, BreakGlassStatus]{
		To: BreakGlassReviewed,
		Apply: func(row *breakGlassRow) error {
			if row.grant().Open(db.Now) {
				row.EndedAt = db.Now
			}
			row.BreakGlassReview, row.ReviewedBy, row.ReviewedAt = in.BreakGlassReview, db.By(), db.Now
			row.Related = related
			return reviewTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.BreakGlassReview)
		},
	})
	return row.grant(), err
}

// areRelated tells whether the actor or another person, named by his accounts, made an account of the other, within
// [RelatedWithin] before an instant or since. It counts from when the grant began, or a request was made: whoever
// makes himself a reviewer afterwards need not wait with his judgement.
// In SQL: migrate/routine/identity/accounts_related.sql.
func areRelated(
	ctx context.Context, db dbx.DB, accounts []hmstype.UserID, from time.Time,
) (related bool, err error) {
	by, other := db.By(), make([]string, len(accounts))
	for i, account := range accounts {
		other[i] = account.String()
	}
	err = db.QueryRow(ctx, `SELECT hms.accounts_related($1, $2::uuid[], $3::uuid[], $4)`, db.Tenant(),
		other, []string{by.User.String(), by.Person.String()}, from.Add(-RelatedWithin)).Scan(&related)
	return related, err
}

// ListBreakGlassGrantsInput selects grants. Empty fields select everything; set ones must all hold.
type ListBreakGlassGrantsInput struct {
	User       hmstype.UserID    `json:"user"`
	Patient    hmstype.PatientID `json:"patient"`
	Unreviewed bool              `json:"unreviewed"` // only those that wait for their review
	Page       hmstype.Page      `json:"page"`       // newest first
}

// Validate checks the page.
func (q ListBreakGlassGrantsInput) Validate() error {
	return q.Page.Validate()
}

var opListBreakGlassGrants = usecase.Query[ListBreakGlassGrantsInput, hmstype.List[BreakGlass]]{
	Name: "identity.list_break_glass_grants", Permission: hmstype.PermBreakGlassReview, Shows: grants.Found(),
	Sample: ListBreakGlassGrantsInput{},
}.Declare()

// ListBreakGlassGrants lists grants for their review, and records whose were seen. The texts about
// restricted patients are withheld from who may not see them.
// Permission: [hmstype.PermBreakGlassReview].
func (s *Service) ListBreakGlassGrants(
	ctx context.Context, query ListBreakGlassGrantsInput,
) (hmstype.List[BreakGlass], error) {
	return opListBreakGlassGrants.Run(ctx, &s.base, query, breakGlassGrants)
}

func breakGlassGrants(
	ctx context.Context, db dbx.DB, query ListBreakGlassGrantsInput,
) (hmstype.List[BreakGlass], error) {
	db.About(query.Patient)
	return dbx.List(ctx, db, query.Page, dbx.Order{At: "started_at", Desc: true}, breakGlassRow.grant,
		dbx.When(!query.User.IsZero(), dbx.Equal("user_id", query.User)),
		dbx.When(!query.Patient.IsZero(), dbx.Equal("patient_id", query.Patient)),
		dbx.When(query.Unreviewed, dbx.Where("g.status <> ?", BreakGlassReviewed)))
}

var opGetBreakGlassHistory = usecase.Query[usecase.ByID[hmstype.BreakGlassID], hmstype.History]{
	Name: "identity.get_break_glass_history", Permission: hmstype.PermBreakGlassReview,
	Shows: usecase.Histories(glassSteps.Table).One(),
}.Declare()

// GetBreakGlassHistory gives the steps of a grant from state to state, the oldest first.
// Permission: [hmstype.PermBreakGlassReview].
func (s *Service) GetBreakGlassHistory(ctx context.Context, id hmstype.BreakGlassID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BreakGlassID](glassSteps.Table, breakGlassRow.subject)
	return opGetBreakGlassHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r breakGlassRow) subject() hmstype.PatientID { return r.PatientID }
