package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// Order asks for one or more tests of one patient (FHIR ServiceRequests that share a
// requisition).
type Order struct {
	ID            hmstype.LabOrderID
	Number        string // what people read, such as "LO00000042"; unique in the tenant
	PatientID     hmstype.PatientID
	EncounterID   hmstype.EncounterID // zero where the order belongs to no encounter
	OrderedBy     hmstype.UserID
	OrderDate     time.Time // UTC
	Status        OrderStatus
	StatusReason  string // why it was held, revoked or entered in error
	Priority      Priority
	ClinicalNotes string // what the laboratory should know
	Items         []Item
	Version       int64 // counts changes of the order itself, from 1
}

// Item is one test of an order.
type Item struct {
	ID           hmstype.LabOrderItemID
	OrderID      hmstype.LabOrderID
	PatientID    hmstype.PatientID
	TestID       hmstype.LabTestID
	Status       ItemStatus
	StatusReason string             // why it went back to ordered, was cancelled or entered in error
	SpecimenID   hmstype.SpecimenID // zero before collection
	CollectedAt  time.Time          // UTC; zero before collection
	ResultedAt   time.Time          // UTC; when the first value was entered; zero before that
	ResultDate   time.Time          // UTC; when the results became final; zero before that
	ReviewedBy   hmstype.UserID     // who has read the final results; zero means nobody since the last change
	ReviewedAt   time.Time          // UTC; zero means not reviewed
	Version      int64              // counts changes, from 1
}

type orderRow struct {
	bun.BaseModel `bun:"table:hms.lab_order,alias:o"`
	dbx.Tenanted
	ID            hmstype.LabOrderID `bun:"id,pk"`
	Number        string
	PatientID     hmstype.PatientID
	EncounterID   hmstype.EncounterID
	OrderedBy     hmstype.UserID
	OrderDate     time.Time
	Status        OrderStatus
	StatusReason  string
	Priority      Priority
	ClinicalNotes string
	Version       int64
}

func (r orderRow) Position() hmstype.Position {
	return hmstype.Position{At: r.OrderDate, ID: r.ID.UUID()}
}

func (r orderRow) order(items []itemRow) Order {
	o := Order{
		ID: r.ID, Number: r.Number, PatientID: r.PatientID, EncounterID: r.EncounterID, OrderedBy: r.OrderedBy,
		OrderDate: r.OrderDate.UTC(), Status: r.Status, StatusReason: r.StatusReason, Priority: r.Priority,
		ClinicalNotes: r.ClinicalNotes, Items: make([]Item, len(items)), Version: r.Version,
	}
	for i, item := range items {
		o.Items[i] = item.item()
	}
	return o
}

type itemRow struct {
	bun.BaseModel `bun:"table:hms.lab_order_item,alias:i"`
	dbx.Tenanted
	ID           hmstype.LabOrderItemID `bun:"id,pk"`
	OrderID      hmstype.LabOrderID
	PatientID    hmstype.PatientID
	TestID       hmstype.LabTestID
	Status       ItemStatus
	StatusReason string
	PriorityRank int
	OrderDate    time.Time
	SpecimenID   hmstype.SpecimenID
	CollectedAt  time.Time `bun:",nullzero"`
	ResultedAt   time.Time `bun:",nullzero"`
	ResultDate   time.Time `bun:",nullzero"`
	ReviewedBy   hmstype.UserID
	ReviewedAt   time.Time `bun:",nullzero"`
	Version      int64
}

func (r itemRow) item() Item {
	return Item{
		ID: r.ID, OrderID: r.OrderID, PatientID: r.PatientID, TestID: r.TestID, Status: r.Status,
		StatusReason: r.StatusReason, SpecimenID: r.SpecimenID, CollectedAt: r.CollectedAt.UTC(),
		ResultedAt: r.ResultedAt.UTC(), ResultDate: r.ResultDate.UTC(), ReviewedBy: r.ReviewedBy,
		ReviewedAt: r.ReviewedAt.UTC(), Version: r.Version,
	}
}

// AddOrderInput asks for tests.
type AddOrderInput struct {
	PatientID      hmstype.PatientID   // required; an active record
	EncounterID    hmstype.EncounterID // optional; an open encounter of the patient
	OrderedBy      hmstype.UserID      // zero means the actor; the host's own actor must name somebody
	Priority       Priority            // empty means routine
	ClinicalNotes  string              // up to 4000 characters
	Tests          []hmstype.LabTestID // 1 to 100 active tests, none twice
	Draft          bool                // the order is written but not yet asked for; see [Service.ActivateOrder]
	IdempotencyKey string              // the same key gives the first order again
}

// Validate implements the rules above.
func (in AddOrderInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.PatientID.IsZero(), "patientId")
	hmstype.OneOf(&v, in.Priority, "priority", "", PriorityRoutine, PriorityUrgent, PriorityASAP, PriorityStat)
	v.Text(in.ClinicalNotes, "clinicalNotes", 0, 4000)
	v.Check(len(in.Tests) >= 1 && len(in.Tests) <= 100, "tests", "must be 1 to 100")
	seen := map[hmstype.LabTestID]bool{}
	for i, id := range in.Tests {
		path := fmt.Sprintf("tests[%d]", i)
		v.Required(!id.IsZero(), path)
		v.Check(!seen[id], path, "must not be named twice")
		seen[id] = true
	}
	return v.Err()
}

// AddOrder orders tests. The patient's record must be active; [ErrEncounterMismatch],
// [ErrEncounterClosed]; [ErrTestInactive]. Nothing is charged before a specimen is collected.
func (s *Service) AddOrder(ctx context.Context, in AddOrderInput) (Order, error) {
	op := usecase.Op{Name: "lab.add_order", Permission: hmstype.PermLabOrder, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, orderText, s.addOrder))
}

func (s *Service) addOrder(ctx context.Context, db dbx.DB, in AddOrderInput) (Order, error) {
	if in.OrderedBy.IsZero() {
		in.OrderedBy = db.Actor.User
	}
	if in.OrderedBy.IsZero() {
		return Order{}, hmstype.Invalid("orderedBy", "required")
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.PatientID); err != nil {
		return Order{}, err
	}
	if err := s.checkEncounter(ctx, db, in); err != nil {
		return Order{}, err
	}
	if err := requireTests(ctx, db, in.Tests); err != nil {
		return Order{}, err
	}
	number, err := db.NextNumber(ctx, "lab_order")
	if err != nil {
		return Order{}, err
	}
	row, items := newOrder(db, in, number)
	if err := s.seal(ctx, db, row.PatientID, row.ID, fieldClinicalNotes, &row.ClinicalNotes); err != nil {
		return Order{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Order{}, err
	}
	if err := dbx.Insert(ctx, db, items...); err != nil {
		return Order{}, err
	}
	return row.order(items), db.Emit(ctx, orderEvent("lab.ordered", row))
}

func newOrder(db dbx.DB, in AddOrderInput, number int64) (orderRow, []itemRow) {
	row := orderRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.LabOrderID](),
		Number: fmt.Sprintf("LO%08d", number), PatientID: in.PatientID, EncounterID: in.EncounterID,
		OrderedBy: in.OrderedBy, OrderDate: db.Now, Status: OrderActive, Priority: in.Priority,
		ClinicalNotes: in.ClinicalNotes, Version: 1,
	}
	if in.Draft {
		row.Status = OrderDraft
	}
	if row.Priority == "" {
		row.Priority = PriorityRoutine
	}
	items := make([]itemRow, len(in.Tests))
	for i, test := range in.Tests {
		items[i] = itemRow{
			Tenanted: row.Tenanted, ID: hmstype.NewID[hmstype.LabOrderItemID](), OrderID: row.ID,
			PatientID: row.PatientID, TestID: test, Status: ItemOrdered, PriorityRank: row.Priority.rank(),
			OrderDate: row.OrderDate, Version: 1,
		}
	}
	return row, items
}

func (s *Service) checkEncounter(ctx context.Context, db dbx.DB, in AddOrderInput) error {
	if in.EncounterID.IsZero() || s.ports.Encounters == nil {
		return nil
	}
	whose, open, err := s.ports.Encounters.EncounterPatient(ctx, db.Conn(), in.EncounterID)
	switch {
	case err != nil:
		return err
	case whose != in.PatientID:
		return ErrEncounterMismatch
	case !open:
		return ErrEncounterClosed
	}
	return nil
}

// requireTests refuses a test that is unknown or not offered.
func requireTests(ctx context.Context, db dbx.DB, ids []hmstype.LabTestID) error {
	rows, err := testsByID(ctx, db, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		row, known := rows[id]
		if !known {
			return hmstype.NotFound("lab_test", id)
		}
		if !row.Active {
			return &hmstype.Error{Entity: "lab_test", ID: id.String(), Err: ErrTestInactive}
		}
	}
	return nil
}

func testsByID(ctx context.Context, db dbx.DB, ids []hmstype.LabTestID) (map[hmstype.LabTestID]testRow, error) {
	rows, err := dbx.All[testRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("t.id IN (?)", bun.List(ids))
	})
	byID := make(map[hmstype.LabTestID]testRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, err
}

// orderEvent is what others learn of an order: ids and codes.
func orderEvent(kind string, row orderRow) dbx.Event {
	return dbx.Event{Type: kind, Entity: "lab_order", ID: row.ID, Data: map[string]string{
		"patientId": row.PatientID.String(), "status": string(row.Status), "priority": string(row.Priority),
	}}
}

// itemEvent is what others learn of an item. Its entity is the order, so that the events of
// one order arrive in order.
func itemEvent(kind string, row itemRow) dbx.Event {
	return dbx.Event{Type: kind, Entity: "lab_order", ID: row.OrderID, Data: map[string]string{
		"itemId": row.ID.String(), "patientId": row.PatientID.String(), "status": string(row.Status),
	}}
}

// lockOrder locks an order's row, which every deed that changes its items takes first: whether the
// order is complete depends on all of them.
func lockOrder(ctx context.Context, db dbx.DB, id hmstype.LabOrderID) (orderRow, error) {
	return dbx.Get[orderRow](ctx, db, "lab_order", id, dbx.ForUpdate)
}

// itemsOf gives the items of a locked order, in the order of their ids.
func itemsOf(ctx context.Context, db dbx.DB, id hmstype.LabOrderID) ([]itemRow, error) {
	return dbx.All[itemRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("i.order_id = ?", id).Order("i.id")
	})
}

// Order gives an order with its items, and records that it was read. patient.ErrRestricted
// for a restricted patient and an actor without the permission.
func (s *Service) Order(ctx context.Context, id hmstype.LabOrderID) (Order, error) {
	op := usecase.Op{Name: "lab.order", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.LabOrderID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabOrderID]) (Order, error) {
			return readOrder(ctx, db, in.ID)
		}))
}

func readOrder(ctx context.Context, db dbx.DB, id hmstype.LabOrderID) (Order, error) {
	row, err := dbx.Get[orderRow](ctx, db, "lab_order", id)
	if err != nil {
		return Order{}, err
	}
	items, err := itemsOf(ctx, db, id)
	if err != nil {
		return Order{}, err
	}
	return row.order(items), db.RecordAccess(ctx, dbx.Access{
		Action: "read", Entity: "lab_order", ID: id.String(), Patient: row.PatientID,
	})
}

// OrdersInput asks for a patient's orders.
type OrdersInput struct {
	PatientID hmstype.PatientID // required
	Page      hmstype.Page
}

// Validate implements the rules above.
func (in OrdersInput) Validate() error { return validatePatientPage(in.PatientID, in.Page) }

func validatePatientPage(id hmstype.PatientID, page hmstype.Page) error {
	var v hmstype.Validator
	v.Required(!id.IsZero(), "patientId")
	checkPage(&v, page)
	return v.Err()
}

// Orders lists a patient's orders, newest first, and records that they were read.
func (s *Service) Orders(ctx context.Context, in OrdersInput) (hmstype.List[Order], error) {
	op := usecase.Op{Name: "lab.orders", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, fieldcrypt.OpenedList(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in OrdersInput) (hmstype.List[Order], error) {
		list := hmstype.List[Order]{Items: []Order{}}
		if err := s.requireKnown(ctx, db, in.PatientID); err != nil {
			return list, err
		}
		rows, next, err := dbx.Page[orderRow](ctx, db, in.Page, dbx.Order{At: "order_date", Desc: true},
			func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("o.patient_id = ?", in.PatientID) })
		if err != nil {
			return list, err
		}
		items, err := itemsByOrder(ctx, db, rows)
		if err != nil {
			return list, err
		}
		for _, r := range rows {
			list.Items = append(list.Items, r.order(items[r.ID]))
		}
		list.Next = next
		return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "lab_order", Patient: in.PatientID})
	}))
}

func itemsByOrder(ctx context.Context, db dbx.DB, orders []orderRow) (map[hmstype.LabOrderID][]itemRow, error) {
	byOrder := map[hmstype.LabOrderID][]itemRow{}
	if len(orders) == 0 {
		return byOrder, nil
	}
	ids := make([]hmstype.LabOrderID, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	rows, err := dbx.All[itemRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("i.order_id IN (?)", bun.List(ids)).Order("i.id")
	})
	for _, r := range rows {
		byOrder[r.OrderID] = append(byOrder[r.OrderID], r)
	}
	return byOrder, err
}
