package identity

import (
	"strconv"
	"time"

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

// The bounds of break-glass.
const (
	// MaxBreakGlass is how long one grant may last at most.
	MaxBreakGlass = 4 * time.Hour
	// ReviewWithin is when a grant should have been reviewed, from its start. While a user
	// has one that is older, he gets no other.
	ReviewWithin = 72 * time.Hour
	// RelatedWithin is how long before a grant an account may have been made for its maker to be related to its
	// person: neither judges of the other's grants.
	RelatedWithin = 30 * 24 * time.Hour
	// MaxOpenBreakGlass is how many grants one person, by whichever of his accounts, may have open at once.
	MaxOpenBreakGlass = 5
	// MaxDailyBreakGlass is how many grants one person gets within any 24 hours, ended or not.
	MaxDailyBreakGlass = 20
)

// BreakGlassStatus is the state of a grant. That it expired is no state: [BreakGlass.Open] tells.
type BreakGlassStatus string

// The states of a grant.
const (
	BreakGlassActive   BreakGlassStatus = "active"   // was given; nobody ended it before its expiry
	BreakGlassEnded    BreakGlassStatus = "ended"    // its user ended it before its expiry
	BreakGlassReviewed BreakGlassStatus = "reviewed" // another person judged it; terminal
)

// BreakGlassTransitions are the allowed steps between the states of a grant.
var BreakGlassTransitions = hmstype.Transitions[BreakGlassStatus]{
	BreakGlassActive: {BreakGlassEnded, BreakGlassReviewed},
	BreakGlassEnded:  {BreakGlassReviewed},
}

// BreakGlassDetails are why the actor asks for access.
type BreakGlassDetails struct {
	Reason BreakGlassReason `bun:"reason_code" json:"reason"` // required
	// Text is the actor's own words; required, 10 to 1000 characters.
	Text    string               `bun:"reason_text" json:"text,omitempty"`
	Purpose hmstype.PurposeOfUse `bun:"purpose" json:"purpose,omitempty"` // ETREAT or BTG; empty in an input means BTG
}

func (d BreakGlassDetails) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, d.Reason, "reason", ReasonEmergency, ReasonDirectCare, ReasonPublicHealth, ReasonOther)
	v.Text(d.Text, "text", 10, 1000)
	hmstype.OneOf(v, d.Purpose, "purpose", "", hmstype.PurposeEmergency, hmstype.PurposeEmergencyTreatment)
}

// BreakGlassReview is what a reviewer judged.
type BreakGlassReview struct {
	// Outcome is required; empty in a grant until it is reviewed.
	Outcome    ReviewOutcome `bun:"outcome"     json:"outcome,omitempty"`
	ReviewText string        `bun:"review_text" json:"reviewText,omitempty"` // why; required, 3 to 1000 characters
}

func (r BreakGlassReview) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, r.Outcome, "outcome", OutcomeJustified, OutcomeNotJustified)
	v.Text(r.ReviewText, "reviewText", 3, 1000)
}

// BreakGlass is a grant of access to one patient's restricted record in an emergency (45 CFR
// 164.312(a)(2)(ii); FHIR AuditEvent of purpose BTG).
type BreakGlass struct {
	ID      hmstype.BreakGlassID `json:"id"`
	User    hmstype.UserID       `json:"user"` // to whom the record opens
	Patient hmstype.PatientID    `json:"patient"`
	BreakGlassDetails
	Status    BreakGlassStatus `json:"status"`
	StartedAt time.Time        `json:"startedAt,omitzero"` // UTC, when it was given
	ExpiresAt time.Time        `json:"expiresAt,omitzero"` // UTC, by the host's clock; see [BreakGlass.Open]
	EndedAt   time.Time        `json:"endedAt,omitzero"`   // UTC; zero means that it ran, or runs, to its expiry
	BreakGlassReview
	ReviewedBy hmstype.ActorRef `json:"reviewedBy"`          // zero until it is reviewed; never the user himself
	ReviewedAt time.Time        `json:"reviewedAt,omitzero"` // UTC; zero until it is reviewed
	// Related says that the reviewer's account was made by the user, or the user's by the reviewer, within
	// [RelatedWithin] before the grant or since: only where hms.Config.SeparationOfDuties lets them.
	Related bool  `json:"related,omitempty"`
	Version int64 `json:"version"` // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it, but under
	// a grant: the texts of grant and review are about the patient and stay away.
	Withheld bool `json:"withheld,omitempty"`
}

// RecentProof is how long a proof of who somebody is serves for what needs it anew.
const RecentProof = hmstype.RecentProof

// Open tells whether the grant opens the record at an instant of the host's clock. The database closes it as
// well once as much time has passed by its own: a host's clock that stands still keeps nothing open.
func (g BreakGlass) Open(at time.Time) bool {
	return g.EndedAt.IsZero() && !at.Before(g.StartedAt) && at.Before(g.ExpiresAt)
}

type breakGlassRow struct {
	bun.BaseModel `bun:"table:hms.break_glass,alias:g"`
	dbx.Header[hmstype.BreakGlassID]
	UserID    hmstype.UserID
	PatientID hmstype.PatientID
	BreakGlassDetails
	Status    BreakGlassStatus
	StartedAt time.Time // of the period, with ExpiresAt
	ExpiresAt time.Time
	EndedAt   time.Time `bun:",nullzero"`
	BreakGlassReview
	ReviewedBy hmstype.ActorRef
	ReviewedAt time.Time `bun:",nullzero"`
	Related    bool
}

func (r breakGlassRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartedAt, ID: r.ID.UUID()}
}

func (r breakGlassRow) grant() BreakGlass {
	return BreakGlass{
		ID: r.ID, User: r.UserID, Patient: r.PatientID, BreakGlassDetails: r.BreakGlassDetails, Status: r.Status,
		StartedAt: r.StartedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), EndedAt: r.EndedAt.UTC(),
		BreakGlassReview: r.BreakGlassReview, ReviewedBy: r.ReviewedBy, ReviewedAt: r.ReviewedAt.UTC(), Related: r.Related,
		Version: r.Version,
	}
}

// What is written about a patient here is sealed under the patient's key wherever the host gave
// one: nobody searches it, and it says why a record is worth restricting. The guard of the table
// keeps a grant as it was written, so a new epoch's key leaves it alone.
var (
	glassTexts = fieldcrypt.Table[BreakGlassDetails]{
		Name: "break_glass", Subject: "patient_id", Fixed: true,
		Texts: func(d *BreakGlassDetails) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "reason_text", Text: &d.Text}}
		},
	}.Declare()
	reviewTexts = fieldcrypt.Table[BreakGlassReview]{
		Name: "break_glass", Subject: "patient_id", Fixed: true,
		Texts: func(r *BreakGlassReview) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "review_text", Text: &r.ReviewText}}
		},
	}.Declare()
)

// grants is what every use case that shows grants shows of whom. The codes of a grant and of its
// review are about the user's use case; a reviewer needs them.
var grants = usecase.Entity[BreakGlass]{
	Table:   "break_glass",
	IsGrant: true,
	Patient: func(g *BreakGlass) hmstype.PatientID { return g.Patient },
	ID:      func(g *BreakGlass) string { return g.ID.String() },
	Texts: func(g *BreakGlass) []fieldcrypt.Record {
		return []fieldcrypt.Record{
			glassTexts.Of(g.Patient.UUID(), g.ID, &g.BreakGlassDetails),
			reviewTexts.Of(g.Patient.UUID(), g.ID, &g.BreakGlassReview),
		}
	},
	Keep: func(withheld, whole *BreakGlass) {
		withheld.Reason, withheld.Purpose, withheld.Outcome = whole.Reason, whole.Purpose, whole.Outcome
		withheld.Related = whole.Related
	},
}

// grantEvent tells the host's bus of a grant; ids only.
func grantEvent(row *breakGlassRow, event *dbx.EventType) dbx.Event {
	data := map[string]string{
		"id": row.ID.String(), "user": row.UserID.String(), "patient": row.PatientID.String(), "outcome": string(row.Outcome),
	}
	if row.Status == BreakGlassReviewed {
		data["related"] = strconv.FormatBool(row.Related)
	}
	return dbx.Event{Type: event, ID: row.ID, Data: data}
}
