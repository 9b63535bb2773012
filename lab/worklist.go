package lab

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WorklistEntry is an item on which work is to be done.
type WorklistEntry struct {
	Item        Item          `json:"item"`
	OrderNumber string        `json:"orderNumber"`
	Priority    Priority      `json:"priority"`
	TestCode    string        `json:"testCode"` // of the catalogue
	TestName    string        `json:"testName"` // of the catalogue
	Age         time.Duration `json:"age"`      // since the order
	// UTC; collection and the test's turnaround target; zero before collection
	DueAt   time.Time `json:"dueAt,omitzero"`
	Overdue bool      `json:"overdue"` // DueAt has passed
	// Withheld says that the patient's record is restricted and the actor may not see it: the item
	// is withheld, what is to be done is not.
	Withheld bool `json:"withheld,omitempty"`
}

// worklistEntries is what the worklist shows of whom. Work on a restricted patient's order does
// not wait: which test, of which order and how urgent stays.
var worklistEntries = usecase.Entity[WorklistEntry]{
	Table:   "lab_order_item",
	Patient: func(e *WorklistEntry) hmstype.PatientID { return e.Item.Patient },
	ID:      func(e *WorklistEntry) string { return e.Item.ID.String() },
	Keep: func(withheld, whole *WorklistEntry) {
		item := withheld.Item
		*withheld = *whole
		withheld.Item, withheld.Withheld = item, true
	},
}

// ListWorklistInput asks for the items that wait.
type ListWorklistInput struct {
	Status ItemStatus   `json:"status"` // ordered, collected, in-progress, preliminary or verified; empty means all
	Page   hmstype.Page `json:"page"`
}

// Validate implements the rules above.
func (in ListWorklistInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", append([]ItemStatus{""}, pendingItems...)...)
	_, page, err := worklistPage(in.Page)
	v.Nested("", err)
	v.Nested("", page.Validate())
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
const worklistSelect = `SELECT i.id, i.order_id, i.patient_id, i.test_id, i.status, i.status_reason, i.priority_rank,
	i.specimen_id, i.collected_at, i.resulted_at, i.verified_by, i.verified_at,
	i.result_date, i.reviewed_by, i.reviewed_at,
	i.created_at, i.created_by, i.version,
	o.number AS order_number, o.priority, t.code AS test_code, t.name AS test_name, t.turnaround_minutes AS turnaround
	FROM hms.lab_order_item AS i
	JOIN hms.lab_order AS o ON o.tenant_id = i.tenant_id AND o.id = i.order_id
	JOIN hms.lab_test AS t ON t.tenant_id = i.tenant_id AND t.id = i.test_id
	WHERE i.tenant_id = ? AND o.tenant_id = ? AND t.tenant_id = ? AND o.status = 'active'
	AND i.status IN ('ordered', 'collected', 'in-progress', 'preliminary', 'verified') AND i.status = ANY(?)
	AND (i.priority_rank, i.created_at, i.id) > (?, ?, ?)
	ORDER BY i.priority_rank, i.created_at, i.id LIMIT ?`

var opListWorklist = usecase.Query[ListWorklistInput, hmstype.List[WorklistEntry]]{
	Name: "lab.list_worklist", Permission: hmstype.PermLabRead, Shows: worklistEntries.Found(),
	Sample: ListWorklistInput{},
}.Declare()

// ListWorklist lists the items of active orders on which work is to be done: the most urgent
// first, among equals the oldest, and records whose data were seen.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListWorklist(ctx context.Context, in ListWorklistInput) (hmstype.List[WorklistEntry], error) {
	return opListWorklist.Run(ctx, &s.base, in, worklist)
}

func worklist(ctx context.Context, db dbx.DB, in ListWorklistInput) (hmstype.List[WorklistEntry], error) {
	list := hmstype.List[WorklistEntry]{Items: []WorklistEntry{}}
	size, err := in.Page.Size()
	if err != nil {
		return list, err
	}
	rank, after, err := worklistPosition(in.Page)
	if err != nil {
		return list, err
	}
	statuses := pendingItems
	if in.Status != "" {
		statuses = []ItemStatus{in.Status}
	}
	rows := []worklistRow{}
	err = db.Replanned().NewRaw( // how much is pending depends on the state that is asked for
		worklistSelect, db.Tenant(), db.Tenant(), db.Tenant(), dbx.Array(statuses), rank, after.At, after.ID, size+1,
	).
		Scan(ctx, &rows)
	if err != nil {
		return list, err
	}
	if len(rows) > size {
		rows = rows[:size]
		last := rows[size-1]
		list.Next = worklistCursor(last)
	}
	for _, r := range rows {
		list.Items = append(list.Items, r.entry(db.Now))
	}
	return list, nil
}

func (r worklistRow) entry(now time.Time) WorklistEntry {
	e := WorklistEntry{
		Item: r.item(), OrderNumber: r.OrderNumber, Priority: r.Priority,
		TestCode: r.TestCode, TestName: r.TestName, Age: now.Sub(r.CreatedAt),
	}
	if !r.CollectedAt.IsZero() {
		e.DueAt = r.CollectedAt.UTC().Add(time.Duration(r.Turnaround) * time.Minute)
		e.Overdue = now.After(e.DueAt)
	}
	return e
}

// worklistCursor puts the rank, one digit, before the ordinary cursor.
func worklistCursor(r worklistRow) string {
	return string(rune('0'+r.PriorityRank)) + "." + hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}.Cursor("worklist")
}

// worklistPosition reads such a cursor; the first page begins before everything.
func worklistPosition(page hmstype.Page) (int, hmstype.Position, error) {
	if page.Cursor == "" {
		return -1, hmstype.Position{At: time.Unix(0, 0).UTC(), ID: uuid.Nil}, nil
	}
	rank, page, err := worklistPage(page)
	if err != nil {
		return 0, hmstype.Position{}, err
	}
	pos, ok, err := page.Position("worklist")
	if err != nil || !ok {
		return 0, hmstype.Position{}, hmstype.ErrBadCursor
	}
	return rank, pos, nil
}

// worklistPage takes the rank off the page's cursor.
func worklistPage(page hmstype.Page) (rank int, rest hmstype.Page, err error) {
	if page.Cursor == "" {
		return -1, page, nil
	}
	digit, cursor, ok := strings.Cut(page.Cursor, ".")
	if !ok || len(digit) != 1 || digit[0] < '0' || digit[0] > '3' {
		return 0, hmstype.Page{Limit: page.Limit}, hmstype.ErrBadCursor
	}
	page.Cursor = cursor
	return int(digit[0] - '0'), page, nil
}
