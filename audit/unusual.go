package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Suspicion is why an access deserves a look. None of them is a proof: a nurse may treat her
// namesake, and nights are worked.
type Suspicion string

// The suspicions.
const (
	SuspicionSurname    Suspicion = "same-surname" // the user and the patient may be of one family
	SuspicionOwnRecord  Suspicion = "own-record"   // the user is the patient; see identity's LinkPatient
	SuspicionVolume     Suspicion = "volume"       // more patients in an hour or a day than is usual
	SuspicionAfterHours Suspicion = "after-hours"  // outside the hours of the tenant's day
	SuspicionBreakGlass Suspicion = "break-glass"  // a grant that nobody has reviewed
	// registrations that were refused because the patient is here already: a desk that tries names or
	// numbers learns whose record there is
	SuspicionRegistration Suspicion = "refused-registration"
)

// longestSearch bounds the period of one question: each page of the answer reads it anew.
const longestSearch = 366 * 24 * time.Hour

// ListUnusualInput asks for accesses of one suspicion.
type ListUnusualInput struct {
	Suspicion Suspicion      `json:"suspicion"` // required
	During    hmstype.Period `json:"during"`    // both bounds are required; at most 366 days
	User      hmstype.UserID `json:"user"`      // zero asks for every user
	Searches  bool           `json:"searches"`  // hits of searches count as accesses, too; not for break-glass
	Volume    Volume         `json:"volume"`    // of SuspicionVolume
	Hours     Hours          `json:"hours"`     // of SuspicionAfterHours
	Page      hmstype.Page   `json:"page"`
}

// Hours are those in which work is usual, on the tenant's clocks.
type Hours struct {
	Opens  time.Duration `json:"opens"`  // since midnight, in minutes
	Closes time.Duration `json:"closes"` // since midnight, in minutes; after Opens, up to 24 h
	// Saturday and Sunday are as other days; false: they are unusual all day
	Weekends bool `json:"weekends"`
}

func (h Hours) validate(v *hmstype.Validator) {
	v.Check(h.Opens >= 0 && h.Opens < h.Closes && h.Closes <= 24*time.Hour,
		"hours.closes", "must be after opens and lie within one day")
	v.Check(h.Opens%time.Minute == 0 && h.Closes%time.Minute == 0, "hours.opens", "must be whole minutes")
}

// Validate implements the rules above.
func (q ListUnusualInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, q.Suspicion, "suspicion",
		SuspicionSurname, SuspicionOwnRecord, SuspicionVolume, SuspicionAfterHours, SuspicionBreakGlass,
		SuspicionRegistration)
	v.Nested("during", q.During.Validate())
	v.Required(!q.During.End.IsZero(), "during.end")
	v.Check(q.During.Duration() <= longestSearch, "during.end", "must lie within 366 days of start")
	switch q.Suspicion {
	case SuspicionVolume:
		q.Volume.validate(&v)
	case SuspicionAfterHours:
		q.Hours.validate(&v)
	}
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// Unusual is what somebody should look at.
type Unusual struct {
	Suspicion Suspicion         `json:"suspicion"`
	User      hmstype.UserID    `json:"user"`
	Patient   hmstype.PatientID `json:"patient"` // zero for volume
	// accesses; zero for a break-glass grant that was never used
	Events   int64 `json:"events"`
	Patients int64 `json:"patients"` // different ones: one, but for volume
	// of volume: the user's own median before; zero where there was none
	Usual      int64                `json:"usual"`
	BreakGlass hmstype.BreakGlassID `json:"breakGlass"` // of break-glass: the grant
	// of volume: the hour or the day; of break-glass: the grant's life
	Window hmstype.Period `json:"window"`
	First  time.Time      `json:"first,omitzero"` // UTC; zero where there was no access
	Last   time.Time      `json:"last,omitzero"`  // UTC; zero where there was no access
	// Withheld says that the patient's record is restricted and the actor may not see it. What is to
	// be looked at is told all the same: it is of the user.
	Withheld bool `json:"withheld,omitempty"`
}

// unusuals is what the search for unusual accesses shows of whom.
var unusuals = usecase.Entity[Unusual]{
	Table:   "audit_event",
	Patient: func(u *Unusual) hmstype.PatientID { return u.Patient },
	ID:      func(*Unusual) string { return "" }, // no one event's
	Keep: func(u, whole *Unusual) {
		u.Suspicion, u.Events, u.Patients, u.Usual = whole.Suspicion, whole.Events, whole.Patients, whole.Usual
	},
}

var opListUnusual = usecase.Query[ListUnusualInput, hmstype.List[Unusual]]{
	Name: "audit.list_unusual", Permission: hmstype.PermAuditRead, Shows: unusuals.Found(),
	Sample: ListUnusualInput{
		Suspicion: SuspicionAfterHours, During: usecase.SamplePeriod, Searches: true,
		Hours: Hours{Opens: 8 * time.Hour, Closes: 18 * time.Hour}, Page: hmstype.Page{Limit: 10},
	},
}.Declare()

// ListUnusual lists the accesses of one suspicion, in the order of time: by user and patient; for
// volume by user and hour or day; for break-glass by grant. Every patient whom it shows is
// recorded as a hit of a search.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListUnusual(ctx context.Context, query ListUnusualInput) (hmstype.List[Unusual], error) {
	return opListUnusual.Run(ctx, &s.base, query, unusual)
}

func unusual(ctx context.Context, db dbx.DB, q ListUnusualInput) (hmstype.List[Unusual], error) {
	return q.find(ctx, db)
}

func (q ListUnusualInput) find(ctx context.Context, db dbx.DB) (hmstype.List[Unusual], error) {
	switch q.Suspicion {
	case SuspicionVolume:
		return q.volume(ctx, db)
	case SuspicionBreakGlass:
		return q.unreviewed(ctx, db)
	case SuspicionSurname:
		return q.namesakes(ctx, db)
	case SuspicionAfterHours:
		return q.afterHours(ctx, db)
	case SuspicionRegistration:
		return q.pairs(ctx, db, func(sel *bun.SelectQuery) *bun.SelectQuery { return sel })
	default:
		return q.pairs(ctx, db, ownRecord(db))
	}
}

// accesses selects what counts as a person's access to a patient's record.
func (q ListUnusualInput) accesses(sel *bun.SelectQuery) *bun.SelectQuery {
	sel = ListEventsInput{User: q.User, Actions: q.actions(), During: q.During}.apply(sel)
	// A range instead of a pattern: "human:" is a prefix, and ";" follows ":".
	return sel.Where("e.patient_id IS NOT NULL").Where("e.actor >= 'human:' AND e.actor < 'human;'")
}

func (q ListUnusualInput) actions() []Action {
	if q.Suspicion == SuspicionRegistration {
		return []Action{ActionMatched}
	}
	actions := []Action{ActionRead, ActionExport, ActionCreate, ActionUpdate, ActionDelete}
	if q.Searches {
		actions = append(actions, ActionSearch)
	}
	return actions
}

// pairs lists users and patients.
func (q ListUnusualInput) pairs(ctx context.Context, db dbx.DB, suspicious dbx.Apply) (hmstype.List[Unusual], error) {
	rows, next, err := groups(ctx, db, q.Page, byUserAndPatient, q.accesses, suspicious)
	return list(rows, next, q.unusual), err
}

func (q ListUnusualInput) unusual(r groupRow) Unusual {
	return Unusual{
		Suspicion: q.Suspicion, User: actorOf(r.Actor).User, Patient: r.PatientID, Events: r.Events, Patients: 1,
		First: r.FirstAt.UTC(), Last: r.LastAt.UTC(),
	}
}

func ownRecord(db dbx.DB) dbx.Apply {
	return func(sel *bun.SelectQuery) *bun.SelectQuery {
		return sel.Join(`JOIN hms.user_account AS u
				ON u.tenant_id = e.tenant_id AND u.patient_id = e.patient_id AND e.actor = 'human:' || u.id`).
			Where("u.tenant_id = ?", db.Tenant())
	}
}

func (q ListUnusualInput) afterHours(ctx context.Context, db dbx.DB) (hmstype.List[Unusual], error) {
	tenant, err := db.TenantInfo(ctx)
	if err != nil {
		return hmstype.List[Unusual]{}, err
	}
	zone := tenant.Zone.String()
	return q.pairs(ctx, db, func(sel *bun.SelectQuery) *bun.SelectQuery {
		return sel.WhereGroup(" AND ", func(sel *bun.SelectQuery) *bun.SelectQuery {
			sel = sel.Where(`NOT (extract(hour FROM e.recorded_at AT TIME ZONE ?) * 60
					+ extract(minute FROM e.recorded_at AT TIME ZONE ?) BETWEEN ? AND ?)`,
				zone, zone, dbx.Number(int(q.Hours.Opens.Minutes())), dbx.Number(int(q.Hours.Closes.Minutes())-1))
			if !q.Hours.Weekends {
				sel = sel.WhereOr("extract(isodow FROM e.recorded_at AT TIME ZONE ?) >= 6", zone)
			}
			return sel
		})
	})
}

// byUserAndPatient groups what one user did to one patient.
var byUserAndPatient = []string{"actor", "patient_id"}

// namesakes looks the words of the users' surnames up among those by which patients are found,
// and then compares the surnames themselves, for a word may be a first name as well.
func (q ListUnusualInput) namesakes(ctx context.Context, db dbx.DB) (hmstype.List[Unusual], error) {
	size, err := q.Page.Size()
	if err != nil {
		return hmstype.List[Unusual]{}, err
	}
	surnames, err := q.surnames(ctx, db)
	found := hmstype.List[Unusual]{Items: []Unusual{}}
	if err != nil || len(surnames) == 0 {
		return found, err
	}
	suspicious := sharesWord(db, surnames)
	for page := q.Page; len(found.Items) <= size; {
		rows, next, err := groups(ctx, db, page, byUserAndPatient, q.accesses, suspicious)
		if err != nil {
			return found, err
		}
		kept, err := related(ctx, db, surnames, rows)
		if err != nil {
			return found, err
		}
		for _, r := range kept {
			if len(found.Items) == size { // one more: there is a next page
				return found, nil
			}
			found.Items, found.Next = append(found.Items, q.unusual(r)), r.position().Cursor(groupList(byUserAndPatient))
		}
		if next == "" {
			found.Next = ""
			break
		}
		page.Cursor = next
	}
	return found, nil
}

// surnames gives the surnames of the users who may be asked for, by actor.
func (q ListUnusualInput) surnames(ctx context.Context, db dbx.DB) (map[string]string, error) {
	var users []struct {
		ID       hmstype.UserID
		LastName string
	}
	sel := db.NewSelect().TableExpr("hms.user_account AS u").Column("u.id", "u.last_name").
		Where("u.tenant_id = ?", db.Tenant())
	if !q.User.IsZero() {
		sel = sel.Where("u.id = ?", q.User)
	}
	err := sel.Scan(ctx, &users)
	surnames := make(map[string]string, len(users))
	for _, u := range users {
		surnames[actorsOf(u.ID)[0]] = u.LastName
	}
	return surnames, err
}

func sharesWord(db dbx.DB, surnames map[string]string) dbx.Apply {
	var actors, words []string
	for actor, surname := range surnames {
		for _, word := range names.Words(surname) {
			actors, words = append(actors, actor), append(words, word)
		}
	}
	return func(sel *bun.SelectQuery) *bun.SelectQuery {
		return sel.Where(`EXISTS (SELECT 1 FROM unnest(?::text[], ?::text[]) AS k (actor, word)
			JOIN hms.patient_token AS t ON t.token = k.word WHERE t.tenant_id = ? AND t.patient_id = e.patient_id
				AND k.actor = e.actor)`,
			dbx.Array(actors), dbx.Array(words), db.Tenant())
	}
}

// related keeps the pairs whose surnames are like those of one family.
func related(ctx context.Context, db dbx.DB, surnames map[string]string, rows []groupRow) ([]groupRow, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	var patients []struct {
		ID       hmstype.PatientID
		LastName string
	}
	err := db.NewRaw(`SELECT p.id, p.last_name FROM hms.patient AS p WHERE p.tenant_id = ? AND p.id = ANY(?)`,
		db.Tenant(), dbx.Array(patientsOf(rows))).
		Scan(ctx, &patients)
	if err != nil {
		return nil, err
	}
	theirs := make(map[hmstype.PatientID]string, len(patients))
	for _, p := range patients {
		theirs[p.ID] = p.LastName
	}
	var kept []groupRow
	for _, r := range rows {
		if names.Related(surnames[r.Actor], theirs[r.PatientID]) {
			kept = append(kept, r)
		}
	}
	return kept, nil
}
