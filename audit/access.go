package audit

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// reportYears is how far back a report goes that names no beginning: six years before the
// request (45 CFR 164.528(a)(1), (3)).
const reportYears = 6

// AccessReportInput asks who saw or changed a patient's record.
type AccessReportInput struct {
	Patient hmstype.PatientID // required
	During  hmstype.Period    // half-open; zero Start: six years ago, zero End: open
	// ForStaff shows the traces of disclosures whose accounting is suspended, too: the report
	// must not be given to the patient then (45 CFR 164.528(a)(2)).
	ForStaff bool
	Page     hmstype.Page
}

// Validate implements the rules above.
func (in AccessReportInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Check(in.During.End.IsZero() || in.During.End.After(in.During.Start), "during.end", "must be after start")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Access is one use of a patient's record, as the patient is told of it.
type Access struct {
	Event      hmstype.AuditEventID // names the event on the trail, for [Service.ProveEvent]
	At         time.Time            // UTC
	Actor      string               // as in Event.Actor
	Name       string               // of the user, as the account has it now; empty for who is no user
	Action     Action
	Entity     string // what was looked at or changed
	Operation  string // how; empty for SQL outside the library
	Purpose    hmstype.PurposeOfUse
	BreakGlass hmstype.BreakGlassID // the grant, where a restricted record was opened in an emergency
	Outcome    Outcome
}

// AccessReport lists event by event who saw or changed the patient's record, newest first
// (GDPR article 15; 45 CFR 164.312(b)). Reading it is recorded, and stands on it.
func (s *Service) AccessReport(ctx context.Context, in AccessReportInput) (hmstype.List[Access], error) {
	op := usecase.Op{Name: "audit.access_report", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, in, accessReport)
}

// AccessReportAll streams the whole of [Service.AccessReport], a page at a time as
// [Service.Export] does; each page is recorded.
func (s *Service) AccessReportAll(ctx context.Context, in AccessReportInput) iter.Seq2[Access, error] {
	return stream(in.Page, func(page hmstype.Page) (hmstype.List[Access], error) {
		in := in
		in.Page = page
		return s.AccessReport(ctx, in)
	})
}

func accessReport(ctx context.Context, db dbx.DB, in AccessReportInput) (hmstype.List[Access], error) {
	query, visible, err := in.begin(ctx, db)
	if err != nil {
		return hmstype.List[Access]{}, err
	}
	page, err := events(ctx, db, query, visible)
	if err != nil {
		return hmstype.List[Access]{}, err
	}
	report := hmstype.List[Access]{Items: make([]Access, len(page.Items)), Next: page.Next}
	actors := make([]string, len(page.Items))
	for i, e := range page.Items {
		actors[i] = e.Actor
	}
	names, err := userNames(ctx, db, actors)
	for i, e := range page.Items {
		report.Items[i] = Access{
			Event: e.ID, At: e.RecordedAt, Actor: e.Actor, Name: names[e.Actor], Action: e.Action, Entity: e.Entity,
			Operation: e.Operation, Purpose: e.Purpose, BreakGlass: e.BreakGlass, Outcome: e.Outcome(),
		}
	}
	return report, err
}

// AccessTotal adds up what one actor did to a patient's record, for one purpose and under one
// break-glass grant or none.
type AccessTotal struct {
	Actor      string // as in Event.Actor
	Name       string // as in Access
	Purpose    hmstype.PurposeOfUse
	BreakGlass hmstype.BreakGlassID
	Events     int64
	First      time.Time // UTC
	Last       time.Time // UTC
	Actions    []Action  // which kinds, each once, sorted
}

// AccessTotals is [Service.AccessReport] added up by actor, purpose and grant, in the order of
// their first events.
func (s *Service) AccessTotals(ctx context.Context, in AccessReportInput) (hmstype.List[AccessTotal], error) {
	op := usecase.Op{Name: "audit.access_totals", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, in, accessTotals)
}

func accessTotals(ctx context.Context, db dbx.DB, in AccessReportInput) (hmstype.List[AccessTotal], error) {
	query, visible, err := in.begin(ctx, db)
	if err != nil {
		return hmstype.List[AccessTotal]{}, err
	}
	rows, next, err := groups(ctx, db, in.Page, []string{"actor", "purpose", "break_glass_id"}, kinds, query.apply, visible)
	if err != nil {
		return hmstype.List[AccessTotal]{}, err
	}
	actors := make([]string, len(rows))
	for i, r := range rows {
		actors[i] = r.Actor
	}
	names, err := userNames(ctx, db, actors)
	return list(rows, next, func(r groupRow) AccessTotal {
		return AccessTotal{
			Actor: r.Actor, Name: names[r.Actor], Purpose: r.Purpose, BreakGlass: r.BreakGlassID, Events: r.Events,
			First: r.FirstAt.UTC(), Last: r.LastAt.UTC(), Actions: r.actions(),
		}
	}), err
}

// begin records the report, which the database refuses for a restricted record, and gives what
// selects its events.
func (in AccessReportInput) begin(ctx context.Context, db dbx.DB) (Query, dbx.Apply, error) {
	err := db.RecordAccess(ctx, dbx.Access{Action: string(ActionRead), Entity: "audit_event", Patient: in.Patient})
	if err != nil {
		return Query{}, nil, err
	}
	var hidden []string
	if !in.ForStaff {
		if hidden, err = suspendedDisclosures(ctx, db, in.Patient); err != nil {
			return Query{}, nil, err
		}
	}
	if in.During.Start.IsZero() {
		in.During.Start = db.Now.AddDate(-reportYears, 0, 0)
	}
	visible := func(q *bun.SelectQuery) *bun.SelectQuery {
		if len(hidden) > 0 {
			q = q.Where("NOT (e.entity = 'disclosure' AND e.entity_id IN (?))", bun.List(hidden))
		}
		return q
	}
	return Query{Patient: in.Patient, During: in.During, Page: in.Page}, visible, nil
}

// userNames gives the names of the users among the actors, by actor.
func userNames(ctx context.Context, db dbx.DB, actors []string) (map[string]string, error) {
	users := usersOf(actors)
	names := make(map[string]string, len(users))
	if len(users) == 0 {
		return names, nil
	}
	var rows []struct {
		ID   hmstype.UserID
		Name string
	}
	err := db.NewRaw(`SELECT u.id, u.first_name || ' ' || u.last_name AS name FROM hms.user_account AS u WHERE u.tenant_id = ? AND u.id IN (?)`,
		db.Tenant(), bun.List(users)).Scan(ctx, &rows)
	for _, r := range rows {
		for _, actor := range actorsOf(r.ID) {
			names[actor] = r.Name
		}
	}
	return names, err
}

// usersOf gives the users among the actors, once each.
func usersOf(actors []string) []hmstype.UserID {
	var users []hmstype.UserID
	for _, actor := range actors {
		if user := userOf(actor); !user.IsZero() && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	return users
}

// userOf gives the user who acts under a name; zero for the host and the database.
func userOf(actor string) hmstype.UserID {
	kind, id, _ := strings.Cut(actor, ":")
	if kind != string(hmstype.ActorHuman) && kind != string(hmstype.ActorService) {
		return hmstype.UserID{}
	}
	user, _ := hmstype.ParseID[hmstype.UserID](id) // zero for what is none
	return user
}
