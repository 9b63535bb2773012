package lab

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WorklistEntry is an item on which work is to be done.
type WorklistEntry struct {
	Item        Item
	OrderNumber string
	Priority    Priority
	OrderDate   time.Time     // UTC
	TestCode    string        // of the catalogue
	TestName    string        // of the catalogue
	Age         time.Duration // since the order
	DueAt       time.Time     // UTC; collection and the test's turnaround target; zero before collection
	Overdue     bool          // DueAt has passed
}

// WorklistInput asks for the items that wait.
type WorklistInput struct {
	Status ItemStatus // ordered, collected, in-progress or preliminary; empty means all four
	Page   hmstype.Page
}

// Validate implements the rules above.
func (in WorklistInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", "", ItemOrdered, ItemCollected, ItemInProgress, ItemPreliminary)
	_, err := in.Page.Size()
	v.Nested("", err)
	_, _, err = worklistPosition(in.Page)
	v.Nested("", err)
	return v.Err()
}

type worklistRow struct {
	itemRow     `bun:",extend"`
	OrderNumber string
	Priority    Priority
	TestCode    string
	TestName    string
	Turnaround  int64
}

// worklistSelect reads one page in the order of the pending index; the limits of the page are
// (rank, order date, id), which an index can find under row-level security.
const worklistSelect = `SELECT i.id, i.order_id, i.patient_id, i.test_id, i.status, i.status_reason, i.priority_rank, i.order_date,
	i.specimen_id, i.collected_at, i.resulted_at, i.result_date, i.reviewed_by, i.reviewed_at, i.version,
	o.number AS order_number, o.priority, t.code AS test_code, t.name AS test_name, t.turnaround_minutes AS turnaround
	FROM hms.lab_order_item AS i
	JOIN hms.lab_order AS o ON o.tenant_id = i.tenant_id AND o.id = i.order_id
	JOIN hms.lab_test AS t ON t.tenant_id = i.tenant_id AND t.id = i.test_id
	WHERE i.tenant_id = ? AND o.tenant_id = ? AND t.tenant_id = ? AND o.status = 'active'
	AND i.status IN ('ordered', 'collected', 'in-progress', 'preliminary') AND i.status IN (?)
	AND (i.priority_rank, i.order_date, i.id) > (?, ?, ?)
	ORDER BY i.priority_rank, i.order_date, i.id LIMIT ?`

// Worklist lists the items of active orders on which work is to be done: the most urgent
// first, among equals the oldest, and records whose data were seen.
func (s *Service) Worklist(ctx context.Context, in WorklistInput) (hmstype.List[WorklistEntry], error) {
	op := usecase.Op{Name: "lab.worklist", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, worklist)
}

func worklist(ctx context.Context, db dbx.DB, in WorklistInput) (hmstype.List[WorklistEntry], error) {
	list := hmstype.List[WorklistEntry]{Items: []WorklistEntry{}}
	size, err := in.Page.Size()
	if err != nil {
		return list, err
	}
	rank, after, err := worklistPosition(in.Page)
	if err != nil {
		return list, err
	}
	statuses := []ItemStatus{ItemOrdered, ItemCollected, ItemInProgress, ItemPreliminary}
	if in.Status != "" {
		statuses = []ItemStatus{in.Status}
	}
	rows := []worklistRow{}
	err = db.NewRaw(worklistSelect, db.Tenant(), db.Tenant(), db.Tenant(), bun.List(statuses), rank, after.At, after.ID, size+1).
		Scan(ctx, &rows)
	if err != nil {
		return list, err
	}
	if len(rows) > size {
		rows = rows[:size]
		last := rows[size-1]
		list.Next = worklistCursor(last)
	}
	seen := map[hmstype.PatientID]bool{}
	for _, r := range rows {
		list.Items = append(list.Items, r.entry(db.Now))
		seen[r.PatientID] = true
	}
	return list, db.RecordSearch(ctx, "lab_order_item", slices.Collect(maps.Keys(seen))...)
}

func (r worklistRow) entry(now time.Time) WorklistEntry {
	e := WorklistEntry{
		Item: r.item(), OrderNumber: r.OrderNumber, Priority: r.Priority, OrderDate: r.OrderDate.UTC(),
		TestCode: r.TestCode, TestName: r.TestName, Age: now.Sub(r.OrderDate),
	}
	if !r.CollectedAt.IsZero() {
		e.DueAt = r.CollectedAt.UTC().Add(time.Duration(r.Turnaround) * time.Minute)
		e.Overdue = now.After(e.DueAt)
	}
	return e
}

// worklistCursor puts the rank, one digit, before the ordinary cursor.
func worklistCursor(r worklistRow) string {
	return string(rune('0'+r.PriorityRank)) + "." + hmstype.Position{At: r.OrderDate, ID: r.ID.UUID()}.Cursor()
}

// worklistPosition reads such a cursor; the first page begins before everything.
func worklistPosition(page hmstype.Page) (int, hmstype.Position, error) {
	if page.Cursor == "" {
		return -1, hmstype.Position{At: time.Unix(0, 0).UTC(), ID: uuid.Nil}, nil
	}
	rank, rest, ok := strings.Cut(page.Cursor, ".")
	if !ok || len(rank) != 1 || rank[0] < '0' || rank[0] > '3' {
		return 0, hmstype.Position{}, hmstype.ErrBadCursor
	}
	pos, ok, err := hmstype.Page{Cursor: rest}.Position()
	if err != nil || !ok {
		return 0, hmstype.Position{}, hmstype.ErrBadCursor
	}
	return int(rank[0] - '0'), pos, nil
}
