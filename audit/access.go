package audit

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// reportYears is how far back a report goes that names no beginning: six years before the
// request (45 CFR 164.528(a)(1), (3)).
const reportYears = 6

// ListAccessesInput asks who saw or changed a patient's record.
type ListAccessesInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	During  hmstype.Period    `json:"during"`  // half-open; zero Start: six years ago, zero End: open
	// ForStaff shows the traces of disclosures whose accounting is suspended, too: the report
	// must not be given to the patient then (45 CFR 164.528(a)(2)).
	ForStaff bool         `json:"forStaff"`
	Page     hmstype.Page `json:"page"`
}

// Validate implements the rules above.
func (in ListAccessesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Check(in.During.End.IsZero() || in.During.End.After(in.During.Start), "during.end", "must be after start")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// ListAccessTotalsInput is the input of [Service.ListAccessTotals]; see [ListAccessesInput].
type ListAccessTotalsInput ListAccessesInput

// Validate implements the rules of [ListAccessesInput].
func (in ListAccessTotalsInput) Validate() error { return ListAccessesInput(in).Validate() }

// ExportAccessesInput is the input of [Service.ExportAccesses]; see [ListAccessesInput].
type ExportAccessesInput ListAccessesInput

// Validate implements the rules of [ListAccessesInput].
func (in ExportAccessesInput) Validate() error { return ListAccessesInput(in).Validate() }

// Access is one use of a patient's record, as the patient is told of it.
type Access struct {
	Event   hmstype.AuditEventID `json:"event"`       // names the event on the trail, for sealed.Service.ProveEvent
	Patient hmstype.PatientID    `json:"patient"`     // whose record
	At      time.Time            `json:"at,omitzero"` // UTC
	Actor   hmstype.ActorRef     `json:"actor"`       // as in Event.Actor
	// of the user, as the account has it now; empty for who is no user
	Name      string               `json:"name"`
	Action    Action               `json:"action"`
	Entity    string               `json:"entity"`    // what was looked at or changed
	Operation string               `json:"operation"` // how; empty for SQL outside the library
	Purpose   hmstype.PurposeOfUse `json:"purpose"`
	// the grant, where a restricted record was opened in an emergency
	BreakGlass hmstype.BreakGlassID `json:"breakGlass"`
	Outcome    Outcome              `json:"outcome"`
	Withheld   bool                 `json:"withheld,omitempty"` // never: the report of a restricted record is refused
}

// accesses is what the report of accesses shows of whom.
var accesses = usecase.Entity[Access]{
	Table:   "audit_event",
	Patient: func(a *Access) hmstype.PatientID { return a.Patient },
	ID:      func(a *Access) string { return a.Event.String() },
}

var opListAccesses = usecase.Query[ListAccessesInput, hmstype.List[Access]]{
	Name: "audit.list_accesses", Permission: hmstype.PermAuditRead, Shows: accesses.Page(),
	Sample: ListAccessesInput{ForStaff: true, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListAccesses lists event by event who saw or changed the patient's record, newest first
// (GDPR article 15; 45 CFR 164.312(b)). Reading it is recorded, and stands on the next one.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListAccesses(ctx context.Context, in ListAccessesInput) (hmstype.List[Access], error) {
	return opListAccesses.Run(ctx, &s.base, in, accessReport)
}

// ExportAccesses streams the whole of [Service.ListAccesses], a page at a time as
// [Service.ExportEvents] does; each page is recorded.
func (s *Service) ExportAccesses(ctx context.Context, in ExportAccessesInput) iter.Seq2[Access, error] {
	return stream(in.Page, func(page hmstype.Page) (hmstype.List[Access], error) {
		query := ListAccessesInput(in)
		query.Page = page
		return s.ListAccesses(ctx, query)
	})
}

func accessReport(ctx context.Context, db dbx.DB, in ListAccessesInput) (hmstype.List[Access], error) {
	query, visible, err := in.begin(ctx, db)
	if err != nil {
		return hmstype.List[Access]{}, err
	}
	page, err := events(ctx, db, query, visible)
	if err != nil {
		return hmstype.List[Access]{}, err
	}
	report := hmstype.List[Access]{Items: make([]Access, len(page.Items)), Next: page.Next}
	actors := make([]hmstype.ActorRef, len(page.Items))
	for i, e := range page.Items {
		actors[i] = e.Actor
	}
	names, err := userNames(ctx, db, actors)
	for i, e := range page.Items {
		report.Items[i] = Access{
			Event: e.ID, Patient: e.Patient, At: e.RecordedAt, Actor: e.Actor, Name: names[e.Actor.User], Action: e.Action,
			Entity: e.Entity, Operation: e.Operation, Purpose: e.Purpose, BreakGlass: e.BreakGlass, Outcome: e.Outcome(),
		}
	}
	return report, err
}

// AccessTotal adds up what one actor did to a patient's record, for one purpose and under one
// break-glass grant or none.
type AccessTotal struct {
	Patient    hmstype.PatientID    `json:"patient"` // whose record
	Actor      hmstype.ActorRef     `json:"actor"`   // as in Event.Actor
	Name       string               `json:"name"`    // as in Access
	Purpose    hmstype.PurposeOfUse `json:"purpose"`
	BreakGlass hmstype.BreakGlassID `json:"breakGlass"`
	Events     int64                `json:"events"`
	First      time.Time            `json:"first,omitzero"`     // UTC
	Last       time.Time            `json:"last,omitzero"`      // UTC
	Actions    []Action             `json:"actions"`            // which kinds, each once, sorted
	Withheld   bool                 `json:"withheld,omitempty"` // never: the totals of a restricted record are refused
}

// accessTotalsOf is what the totals show of whom.
var accessTotalsOf = usecase.Entity[AccessTotal]{
	Table:   "audit_event",
	Patient: func(a *AccessTotal) hmstype.PatientID { return a.Patient },
	ID:      func(*AccessTotal) string { return "" }, // no one event's
}

var opListAccessTotals = usecase.Query[ListAccessTotalsInput, hmstype.List[AccessTotal]]{
	Name: "audit.list_access_totals", Permission: hmstype.PermAuditRead, Shows: accessTotalsOf.Page(),
	Sample: ListAccessTotalsInput{ForStaff: true, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListAccessTotals is [Service.ListAccesses] added up by actor, purpose and grant, in the order of
// their first events.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListAccessTotals(ctx context.Context, in ListAccessTotalsInput) (hmstype.List[AccessTotal], error) {
	return opListAccessTotals.Run(ctx, &s.base, in, accessTotals)
}

func accessTotals(ctx context.Context, db dbx.DB, in ListAccessTotalsInput) (hmstype.List[AccessTotal], error) {
	query, visible, err := ListAccessesInput(in).begin(ctx, db)
	if err != nil {
		return hmstype.List[AccessTotal]{}, err
	}
	by := []string{"actor", "purpose", "break_glass_id"}
	rows, next, err := groups(ctx, db, in.Page, by, kinds, query.apply, visible)
	if err != nil {
		return hmstype.List[AccessTotal]{}, err
	}
	actors := make([]hmstype.ActorRef, len(rows))
	for i, r := range rows {
		actors[i] = actorOf(r.Actor)
	}
	names, err := userNames(ctx, db, actors)
	return list(rows, next, func(r groupRow) AccessTotal {
		actor := actorOf(r.Actor)
		return AccessTotal{
			Patient: in.Patient, Actor: actor, Name: names[actor.User], Purpose: r.Purpose, BreakGlass: r.BreakGlassID,
			Events: r.Events, First: r.FirstAt.UTC(), Last: r.LastAt.UTC(), Actions: r.actions(),
		}
	}), err
}

// begin says whom the report is about and gives what selects its events.
func (in ListAccessesInput) begin(ctx context.Context, db dbx.DB) (ListEventsInput, dbx.Apply, error) {
	db.About(in.Patient)
	var hidden []string
	if !in.ForStaff {
		var err error
		if hidden, err = suspendedDisclosures(ctx, db, in.Patient); err != nil {
			return ListEventsInput{}, nil, err
		}
	}
	if in.During.Start.IsZero() {
		in.During.Start = db.Now.AddDate(-reportYears, 0, 0)
	}
	visible := dbx.When(len(hidden) > 0,
		dbx.Where("NOT (e.entity = 'disclosure' AND e.entity_id = ANY(?))", dbx.Array(hidden)))
	return ListEventsInput{Patient: in.Patient, During: in.During, Page: in.Page}, visible, nil
}

// userNames gives the names of the users among the actors.
func userNames(ctx context.Context, db dbx.DB, actors []hmstype.ActorRef) (map[hmstype.UserID]string, error) {
	var users []hmstype.UserID
	for _, actor := range actors {
		if !actor.User.IsZero() && !slices.Contains(users, actor.User) {
			users = append(users, actor.User)
		}
	}
	names := make(map[hmstype.UserID]string, len(users))
	if len(users) == 0 {
		return names, nil
	}
	var rows []struct {
		ID   hmstype.UserID
		Name string
	}
	err := db.NewRaw(`SELECT u.id, u.first_name || ' ' || u.last_name AS name FROM hms.user_account AS u
		WHERE u.tenant_id = ? AND u.id = ANY(?)`,
		db.Tenant(), dbx.Array(users)).Scan(ctx, &rows)
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}
