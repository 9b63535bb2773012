package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// OnDuty is what a board tells of somebody who is on duty or on call at an instant.
type OnDuty struct {
	Duty hmstype.DutyID `json:"duty"`
	User hmstype.UserID `json:"user"`
	Kind DutyKind       `json:"kind"`
	DutyPlace
	FirstName   string         `json:"firstName"`
	LastName    string         `json:"lastName"`
	Speciality  string         `json:"speciality,omitempty"` // empty for none
	Roles       []string       `json:"roles"`                // names, sorted
	StandsInFor hmstype.DutyID `json:"standsInFor"`          // the duty in whose place he is; zero for none
	// Until is when he goes, or went: where his duty ends, was cancelled, or somebody stands in for him. UTC.
	Until time.Time `json:"until,omitzero"`
}

// ListOnDutyInput selects who is on duty. Empty fields select everything; set ones must all hold.
type ListOnDutyInput struct {
	DutyPlace
	Kind DutyKind     `json:"kind"`        // empty for both
	Role string       `json:"role"`        // the name of a role of the tenant, up to 50 characters
	At   time.Time    `json:"at,omitzero"` // zero for now
	Page hmstype.Page `json:"page"`        // by the duties' start
}

// Validate implements the rules above.
func (in ListOnDutyInput) Validate() error {
	var v hmstype.Validator
	in.DutyPlace.validate(&v)
	hmstype.OneOf(&v, in.Kind, "kind", "", DutyOnDuty, DutyOnCall)
	v.Text(in.Role, "role", 0, 50)
	if !in.At.IsZero() {
		v.Nested("at", hmstype.Period{Start: in.At}.Validate())
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListOnDuty = usecase.Query[ListOnDutyInput, hmstype.List[OnDuty]]{
	Name: "identity.list_on_duty", Permission: hmstype.PermDutyRead,
	Shows: usecase.Nobody[hmstype.List[OnDuty]](noRoster), Quiet: noRoster,
	Sample: ListOnDutyInput{DutyPlace: DutyPlace{Service: "Cardiology"}, Kind: DutyOnCall, Role: RoleDoctor},
}.Declare()

// ListOnDuty tells who is there at an instant, and who can be called. Who stands in is listed in place of whom he
// stands in for, also where his account is not active: then nobody is. A duty that was cancelled counts
// until it was. Only active accounts are listed, as they are now.
// Permission: [hmstype.PermDutyRead].
func (s *Service) ListOnDuty(ctx context.Context, in ListOnDutyInput) (hmstype.List[OnDuty], error) {
	return opListOnDuty.Run(ctx, &s.base, in, s.listOnDuty)
}

func (s *Service) listOnDuty(ctx context.Context, db dbx.DB, in ListOnDutyInput) (hmstype.List[OnDuty], error) {
	if in.At.IsZero() {
		in.At = db.Now
	}
	rows, next, err := dbx.Page[dutyRow](ctx, db, in.Page, dbx.Order{At: "starts_at"}, in.selected(),
		onDutyAt(db, in.At, in.Role), dbx.When(in.Kind != "", dbx.Equal("kind", in.Kind)))
	if err != nil {
		return hmstype.List[OnDuty]{}, err
	}
	who, err := s.usersOf(ctx, db, rows)
	if err != nil {
		return hmstype.List[OnDuty]{}, err
	}
	taken, err := takenOver(ctx, db, rows, in.At)
	list := hmstype.List[OnDuty]{Next: next, Items: make([]OnDuty, len(rows))}
	for i, r := range rows {
		u := who[r.UserID]
		list.Items[i] = OnDuty{
			Duty: r.ID, User: r.UserID, Kind: r.Kind, DutyPlace: r.DutyPlace, FirstName: u.FirstName, LastName: u.LastName,
			Speciality: u.Speciality, Roles: u.Roles, StandsInFor: r.StandInForID,
			Until: earliest(r.EndsAt, r.CancelledAt, taken[r.ID]),
		}
	}
	return list, err
}

// onDutyAt keeps the duties whose people are there at an instant: those that hold it, that were not cancelled by
// then and that nobody stands in for then, of active accounts; with a role's name those that have it.
func onDutyAt(db dbx.DB, at time.Time, role string) dbx.Apply {
	at = hmstype.Instant(at)
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("d.starts_at <= ?", at).Where("d.starts_at > ?", at.Add(-MaxDuty)).Where("d.ends_at > ?", at).
			Where("(d.status = ? OR d.cancelled_at > ?)", DutyPlanned, at).
			Where(`NOT EXISTS (SELECT 1 FROM hms.duty AS s WHERE s.tenant_id = ?0 AND s.stand_in_for_id = d.id
				AND s.starts_at <= ?1 AND s.ends_at > ?1 AND (s.status = ?2 OR s.cancelled_at > ?1))`,
				db.Tenant(), at, DutyPlanned).
			Where(`EXISTS (SELECT 1 FROM hms.user_account AS u WHERE u.tenant_id = ? AND u.id = d.user_id
				AND u.status = ?)`, db.Tenant(), UserActive)
		if role == "" {
			return q
		}
		return q.Where(`EXISTS (SELECT 1 FROM hms.user_account AS u WHERE u.tenant_id = ? AND u.id = d.user_id
			AND `+hasRoleNamed+`)`, db.Tenant(), db.Tenant(), db.Tenant(), names.NameKey(role))
	}
}

// usersOf gives the users of duties by their ids.
func (s *Service) usersOf(ctx context.Context, db dbx.DB, duties []dutyRow) (map[hmstype.UserID]User, error) {
	ids := make([]hmstype.UserID, len(duties))
	for i, d := range duties {
		ids[i] = d.UserID
	}
	accounts, err := dbx.All[userRow](ctx, db, dbx.OneOf("id", ids))
	if err != nil {
		return nil, err
	}
	users, err := s.loadUsers(ctx, db, accounts...)
	byID := make(map[hmstype.UserID]User, len(users))
	for _, u := range users {
		byID[u.ID] = u
	}
	return byID, err
}

const nextStandIn = `SELECT s.stand_in_for_id, min(s.starts_at) FROM hms.duty AS s
	WHERE s.tenant_id = $1 AND s.stand_in_for_id = ANY ($2::uuid[]) AND s.starts_at > $3
		AND (s.status = 'planned' OR s.cancelled_at > s.starts_at)
	GROUP BY s.stand_in_for_id`

// takenOver tells when after an instant somebody stands in for these duties next.
func takenOver(
	ctx context.Context, db dbx.DB, duties []dutyRow, after time.Time,
) (_ map[hmstype.DutyID]time.Time, err error) {
	ids := make([]string, len(duties))
	for i, d := range duties {
		ids[i] = d.ID.String()
	}
	rows, err := db.Query(ctx, nextStandIn, db.Tenant(), ids, after)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	taken := map[hmstype.DutyID]time.Time{}
	for rows.Next() {
		var id hmstype.DutyID
		var at sql.NullTime
		if err := rows.Scan(&id, &at); err != nil {
			return nil, err
		}
		taken[id] = at.Time
	}
	return taken, rows.Err()
}

// earliest gives the first of some instants, of which zero ones do not count.
func earliest(first time.Time, others ...time.Time) time.Time {
	for _, at := range others {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first.UTC()
}
