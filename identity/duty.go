package identity

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
)

// DutyKind says where somebody on duty is.
type DutyKind string

// The kinds of duty.
const (
	DutyOnDuty DutyKind = "on-duty" // is there
	DutyOnCall DutyKind = "on-call" // comes when called
)

// DutyStatus is the state of a duty. That it has begun or is over is no state: its period tells.
type DutyStatus string

// The states of a duty.
const (
	DutyPlanned   DutyStatus = "planned"
	DutyCancelled DutyStatus = "cancelled" // terminal
)

// DutyTransitions are the allowed steps between the states of a duty.
var DutyTransitions = hmstype.Transitions[DutyStatus]{DutyPlanned: {DutyCancelled}}

// The bounds of one duty.
const (
	MinDuty = time.Minute        // the shortest
	MaxDuty = 7 * 24 * time.Hour // the longest; the search for those of an instant relies on it
)

// DutyPlace is where somebody is on duty: at a ward, for a service, or for a service at a ward. Where it selects,
// what is empty selects everything, and what is set must hold.
type DutyPlace struct {
	Ward hmstype.WardID `bun:"ward_id" json:"ward"` // zero for none
	// Service is a department, such as "Cardiology" or "Laboratory", up to 100 characters; empty for none. It is the
	// same in any case, width and spacing.
	Service string `bun:"service" json:"service,omitempty"`
}

func (p DutyPlace) validate(v *hmstype.Validator) {
	names.CheckOptional(v, names.NameKey, p.Service, "service", 100)
}

// selected keeps the duties at a place.
func (p DutyPlace) selected() dbx.Apply {
	key := names.NameKey(p.Service)
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = dbx.When(!p.Ward.IsZero(), dbx.Equal("ward_id", p.Ward))(q)
		return dbx.When(key != "", dbx.Equal("service_key", key))(q)
	}
}

// Duty is the time for which somebody is assigned to a place (FHIR PractitionerRole with its period). It never
// changes but by being cancelled.
type Duty struct {
	ID   hmstype.DutyID `json:"id"`
	User hmstype.UserID `json:"user"`
	Kind DutyKind       `json:"kind"`
	DutyPlace
	Period hmstype.Period `json:"period"` // half-open, UTC
	// StandsInFor is the duty of another person that this one takes over; zero for none.
	StandsInFor hmstype.DutyID `json:"standsInFor"`
	Status      DutyStatus     `json:"status"`
	// CancelledAt is when it was cancelled, UTC: until then it was as planned. Zero unless it was.
	CancelledAt  time.Time        `json:"cancelledAt,omitzero"`
	CancelReason string           `json:"cancelReason,omitempty"` // why it was cancelled; empty unless it was
	CreatedBy    hmstype.ActorRef `json:"createdBy"`
	CreatedAt    time.Time        `json:"createdAt,omitzero"` // UTC
	Version      int64            `json:"version"`            // counts changes, from 1
}

type dutyRow struct {
	bun.BaseModel `bun:"table:hms.duty,alias:d"`
	dbx.Header[hmstype.DutyID]
	UserID hmstype.UserID
	DutyPlace
	ServiceKey   string // normal form of Service
	Kind         DutyKind
	StartsAt     time.Time
	EndsAt       time.Time
	StandInForID hmstype.DutyID
	Status       DutyStatus
	CancelledAt  time.Time `bun:",nullzero"`
	CancelReason string
}

func (r dutyRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartsAt, ID: r.ID.UUID()}
}

func (r dutyRow) period() hmstype.Period {
	return hmstype.Period{Start: r.StartsAt.UTC(), End: r.EndsAt.UTC()}
}

func (r dutyRow) duty() Duty {
	duty := Duty{
		ID: r.ID, User: r.UserID, Kind: r.Kind, DutyPlace: r.DutyPlace, Period: r.period(), StandsInFor: r.StandInForID,
		Status: r.Status, CancelReason: r.CancelReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
	if !r.CancelledAt.IsZero() {
		duty.CancelledAt = r.CancelledAt.UTC()
	}
	return duty
}

// noRoster says of use cases that show duties why they show nothing of a patient.
const noRoster = "the staff's duties, no patient's data"

// validateDuty holds the period of a duty to its bounds.
func validateDuty(v *hmstype.Validator, period hmstype.Period) {
	v.Nested("period", period.Validate())
	v.Check(
		period.Duration() >= MinDuty && period.Duration() <= MaxDuty, "period", "must last 1 minute to 7 days",
	)
}

// dutySteps is how a duty changes its state.
var dutySteps = dbx.Machine[dutyRow, DutyStatus]{
	Table: "duty", Transitions: DutyTransitions,
	State:   func(r *dutyRow) *DutyStatus { return &r.Status },
	Columns: []string{"cancelled_at", "cancel_reason"},
	Event:   func(r *dutyRow, _ DutyStatus) dbx.Event { return dutyEvent(eventDutyCancelled, r) },
}

func dutyEvent(of *dbx.EventType, r *dutyRow) dbx.Event {
	return dbx.Event{Type: of, ID: r.ID, Data: map[string]any{
		"id": r.ID, "user": r.UserID, "kind": r.Kind, "ward": r.Ward, "standsInFor": r.StandInForID,
	}}
}

// assignable gives the account of who is to be on duty, which stays as it is until the transaction ends;
// [ErrDeactivated] where it is closed for ever.
func assignable(ctx context.Context, db dbx.DB, user hmstype.UserID) (userRow, error) {
	row, err := dbx.Get[userRow](ctx, db, "user_account", user, dbx.ForShare)
	if err == nil && row.Status == UserDeactivated {
		err = ErrDeactivated
	}
	return row, err
}

// insertDuty writes a new duty; a *DutyOverlapError, or [ErrStandInTaken], where another one is in the way.
func insertDuty(ctx context.Context, db dbx.DB, row dutyRow) (Duty, error) {
	row.Header, row.Status = dbx.NewHeader[hmstype.DutyID](db), DutyPlanned
	row.ServiceKey = names.NameKey(row.Service)
	row.StartsAt, row.EndsAt = hmstype.Instant(row.StartsAt), hmstype.Instant(row.EndsAt)
	if !row.EndsAt.After(db.Now) {
		return Duty{}, hmstype.Invalid("period.end", "must not lie in the past")
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Duty{}, err
	}
	if !done {
		return Duty{}, dutyInTheWay(ctx, db, row)
	}
	return row.duty(), db.Emit(ctx, dutyEvent(eventDutyAssigned, &row))
}

// dutyInTheWay finds the duty that the database refused to overlap.
func dutyInTheWay(ctx context.Context, db dbx.DB, wanted dutyRow) error {
	rows, err := dbx.All[dutyRow](ctx, db, sharesTime(wanted.period()), dbx.Equal("status", DutyPlanned),
		dbx.Where("(d.user_id = ? AND d.kind = ? AND d.service_key = ? AND d.ward_id IS NOT DISTINCT FROM ?)",
			wanted.UserID, wanted.Kind, wanted.ServiceKey, wanted.Ward),
		dbx.OrderBy("d.starts_at"), dbx.Limit(1))
	switch {
	case err == nil && len(rows) == 1:
		return &DutyOverlapError{Duty: rows[0].ID, Period: rows[0].period()}
	case !wanted.StandInForID.IsZero():
		return ErrStandInTaken
	default:
		return ErrDutyOverlap // it was cancelled in between, or the read failed; it was in the way all the same
	}
}

// sharesTime keeps the duties that share an instant with a period; zero bounds are open.
func sharesTime(period hmstype.Period) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if !period.Start.IsZero() {
			q = q.Where("d.ends_at > ?", period.Start).Where("d.starts_at > ?", period.Start.Add(-MaxDuty))
		}
		if !period.End.IsZero() {
			q = q.Where("d.starts_at < ?", period.End)
		}
		return q
	}
}
