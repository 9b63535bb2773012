package audit

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// groupRow adds up the events that have some columns in common; columns that were not asked
// for are zero. The first event's id names the group: an event is in one group only, and ids
// ascend with time.
type groupRow struct {
	bun.BaseModel `bun:"table:hms.audit_event,alias:e"`
	FirstEvent    hmstype.AuditEventID
	Actor         string
	PatientID     hmstype.PatientID
	Purpose       hmstype.PurposeOfUse
	BreakGlassID  hmstype.BreakGlassID
	Credential    string
	Events        int64
	FirstAt       time.Time
	LastAt        time.Time
	Actions       []string `bun:",array"` // by kinds only
	Entities      []string `bun:",array"` // by kinds only
}

// kinds has the groups tell which actions they hold, and on what.
func kinds(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("array_agg(DISTINCT e.action) AS actions, array_agg(DISTINCT e.entity) AS entities")
}

func (r groupRow) position() hmstype.Position { return hmstype.Position{ID: r.FirstEvent.UUID()} }

func (r groupRow) actions() []Action {
	list := make([]Action, len(r.Actions))
	for i, a := range r.Actions {
		list[i] = Action(a)
	}
	return list
}

// firstOf is the least id of a group; PostgreSQL before 18 has no min(uuid).
const firstOf = `min(e.id::text COLLATE "C")`

// groups adds up the tenant's events by the columns, in the order of the groups' first events.
// Each page adds up the whole selection anew, so the selection names a period.
func groups(
	ctx context.Context, db dbx.DB, page hmstype.Page, by []string, more ...dbx.Apply,
) ([]groupRow, string, error) {
	size, err := page.Size()
	if err != nil {
		return nil, "", err
	}
	after, ok, err := page.Position(groupList(by))
	if err != nil {
		return nil, "", err
	}
	rows := []groupRow{}
	q := db.NewSelect().Model(&rows).ColumnExpr(firstOf + "::uuid AS first_event")
	for _, column := range by {
		q = q.ColumnExpr("e.?", bun.Ident(column)).GroupExpr("e.?", bun.Ident(column))
	}
	q = q.ColumnExpr("count(*) AS events, min(e.recorded_at) AS first_at, max(e.recorded_at) AS last_at").
		Where("e.tenant_id = ?", db.Tenant())
	for _, apply := range more {
		q = apply(q)
	}
	if ok {
		q = q.Having(firstOf+" > ?", after.ID.String())
	}
	if err := q.OrderExpr("first_event").Limit(int64(size) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) <= size {
		return rows, "", nil
	}
	return rows[:size], rows[size-1].position().Cursor(groupList(by)), nil
}

// groupList names the list of what is grouped by these columns, for its cursors.
func groupList(by []string) string { return "groups by " + strings.Join(by, ",") }

// list makes a page of the groups.
func list[T any](rows []groupRow, next string, item func(groupRow) T) hmstype.List[T] {
	page := hmstype.List[T]{Items: make([]T, len(rows)), Next: next}
	for i, r := range rows {
		page.Items[i] = item(r)
	}
	return page
}

// patientsOf gives the patients of the groups.
func patientsOf(rows []groupRow) []hmstype.PatientID {
	patients := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		patients[i] = r.PatientID
	}
	return patients
}
