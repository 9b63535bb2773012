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

// OrderDetails are what people say of an order.
type OrderDetails struct {
	// Encounter: zero where the order belongs to no encounter; otherwise an open one of the patient.
	Encounter hmstype.EncounterID `json:"encounter" bun:"encounter_id"`
	// Requester: whose order it is (FHIR requester), who need not be who entered it.
	Requester hmstype.UserID `json:"requester" bun:"requester_id"`
	Priority  Priority       `json:"priority"` // empty in an input means routine
	// ClinicalNotes: what the laboratory should know; up to 4000 characters.
	ClinicalNotes string `json:"clinicalNotes,omitempty"`
}

func (d OrderDetails) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, d.Priority, "priority", "", PriorityRoutine, PriorityUrgent, PriorityASAP, PriorityStat)
	v.Text(d.ClinicalNotes, "clinicalNotes", 0, 4000)
}

// Order asks for one or more tests of one patient (FHIR ServiceRequests that share a
// requisition).
type Order struct {
	ID      hmstype.LabOrderID `json:"id"`
	Number  string             `json:"number"` // what people read, such as "LO00000042"; unique in the tenant
	Patient hmstype.PatientID  `json:"patient"`
	OrderDetails
	Status       OrderStatus      `json:"status"`
	StatusReason string           `json:"statusReason,omitempty"` // why it was held, revoked or entered in error
	Items        []Item           `json:"items"`
	CreatedBy    hmstype.ActorRef `json:"createdBy"`          // who entered it
	CreatedAt    time.Time        `json:"createdAt,omitzero"` // UTC; the date of the order
	Version      int64            `json:"version"`            // counts changes of the order itself, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants, the number and the priority.
	Withheld bool `json:"withheld,omitempty"`
}

type orderRow struct {
	bun.BaseModel `bun:"table:hms.lab_order,alias:o"`
	dbx.Header[hmstype.LabOrderID]
	Number    string
	PatientID hmstype.PatientID
	OrderDetails
	Status       OrderStatus
	StatusReason string
}

func (r orderRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r orderRow) order(items []itemRow) Order {
	o := Order{
		ID: r.ID, Number: r.Number, Patient: r.PatientID, OrderDetails: r.OrderDetails, Status: r.Status,
		StatusReason: r.StatusReason, Items: make([]Item, len(items)),
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
	for i, item := range items {
		o.Items[i] = item.item()
	}
	return o
}

// orderTexts are what of an order is sealed. Results and their comments stay in clear: versions
// are compared and superseded, and trends are made of them.
var orderTexts = fieldcrypt.Table[OrderDetails]{
	Name: "lab_order", Subject: "patient_id", Narrative: true,
	Texts: func(d *OrderDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "clinical_notes", Text: &d.ClinicalNotes}}
	},
}.Declare()

func (o *Order) texts() []fieldcrypt.Record {
	return []fieldcrypt.Record{orderTexts.Of(o.Patient.UUID(), o.ID, &o.OrderDetails)}
}

// orders is what every use case that shows orders shows of whom. The laboratory goes on with the
// order of a restricted patient by its number, in its turn.
var orders = usecase.Entity[Order]{
	Table:   "lab_order",
	Patient: func(o *Order) hmstype.PatientID { return o.Patient },
	ID:      func(o *Order) string { return o.ID.String() },
	Texts:   func(o *Order) []fieldcrypt.Record { return o.texts() },
	Keep:    func(withheld, whole *Order) { withheld.Number, withheld.Priority = whole.Number, whole.Priority },
}

// AddOrderInput asks for tests.
type AddOrderInput struct {
	Patient hmstype.PatientID `json:"patient"` // required; an active record
	// OrderDetails; a zero RequesterID means the person who acts, so the host's own actor must name somebody.
	OrderDetails
	Tests []hmstype.LabTestID `json:"tests"` // 1 to 100 active tests, none twice
	// the order is written but not yet asked for; see [Service.ActivateOrder]
	Draft          bool   `json:"draft"`
	IdempotencyKey string `json:"idempotencyKey"` // the same key gives the first order again
}

// Validate implements the rules above.
func (in AddOrderInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.OrderDetails.validate(&v)
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

var opAddOrder = usecase.Command[AddOrderInput, Order]{
	Name: "lab.add_order", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key: func(in AddOrderInput) string { return in.IdempotencyKey },
	Sample: AddOrderInput{
		OrderDetails: OrderDetails{Priority: PriorityStat, ClinicalNotes: "on digoxin"}, Tests: make([]hmstype.LabTestID, 1),
	},
}.Declare()

// AddOrder orders tests. The patient's record must be active; [ErrEncounterMismatch],
// [ErrEncounterClosed]; [ErrTestInactive]. Nothing is charged before a specimen is collected.
// Permission: [hmstype.PermLabOrder].
func (s *Service) AddOrder(ctx context.Context, in AddOrderInput) (Order, error) {
	return opAddOrder.Run(ctx, &s.base, in, s.addOrder)
}

func (s *Service) addOrder(ctx context.Context, db dbx.DB, in AddOrderInput) (Order, error) {
	if in.Requester.IsZero() {
		in.Requester = db.By().Person
	}
	if in.Requester.IsZero() {
		return Order{}, hmstype.Invalid("requester", "required")
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
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
	if err := orderTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.OrderDetails); err != nil {
		return Order{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Order{}, err
	}
	if err := dbx.Insert(ctx, db, items...); err != nil {
		return Order{}, err
	}
	return row.order(items), db.Emit(ctx, orderEvent(eventOrdered, row))
}

func newOrder(db dbx.DB, in AddOrderInput, number int64) (orderRow, []itemRow) {
	row := orderRow{
		Header: dbx.NewHeader[hmstype.LabOrderID](db), Number: fmt.Sprintf("LO%08d", number), PatientID: in.Patient,
		OrderDetails: in.OrderDetails, Status: OrderActive,
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
			Header: dbx.NewHeader[hmstype.LabOrderItemID](db), OrderID: row.ID, PatientID: row.PatientID, TestID: test,
			Status: ItemOrdered, PriorityRank: row.Priority.rank(),
		}
	}
	return row, items
}

func (s *Service) checkEncounter(ctx context.Context, db dbx.DB, in AddOrderInput) error {
	if in.Encounter.IsZero() || s.ports.Encounters == nil {
		return nil
	}
	whose, open, err := s.ports.Encounters.EncounterPatient(ctx, db.Conn(), in.Encounter)
	switch {
	case err != nil:
		return err
	case whose != in.Patient:
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
	rows, err := dbx.All[testRow](ctx, db, dbx.OneOf("id", ids))
	byID := make(map[hmstype.LabTestID]testRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, err
}

// orderEvent is what others learn of an order: ids and codes.
func orderEvent(kind *dbx.EventType, row orderRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.ID, Data: map[string]string{
		"patient": row.PatientID.String(), "status": string(row.Status), "priority": string(row.Priority),
	}}
}

// lockOrder locks an order's row, which every use case that changes its items takes first: whether the
// order is complete depends on all of them.
func lockOrder(ctx context.Context, db dbx.DB, id hmstype.LabOrderID) (orderRow, error) {
	return dbx.Get[orderRow](ctx, db, "lab_order", id, dbx.ForUpdate)
}

var opGetOrder = usecase.Query[usecase.ByID[hmstype.LabOrderID], Order]{
	Name: "lab.get_order", Permission: hmstype.PermLabRead, Shows: orders.One(),
}.Declare()

// GetOrder gives an order with its items, and records that it was read. patient.ErrRestricted
// for a restricted patient and an actor without the permission.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetOrder(ctx context.Context, id hmstype.LabOrderID) (Order, error) {
	return opGetOrder.Run(ctx, &s.base, usecase.ID(id), getOrder)
}

func getOrder(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabOrderID]) (Order, error) {
	row, err := dbx.Get[orderRow](ctx, db, "lab_order", in.ID)
	if err != nil {
		return Order{}, err
	}
	items, err := itemsOf(ctx, db, in.ID)
	return row.order(items), err
}

var opGetOrderHistory = usecase.Query[usecase.ByID[hmstype.LabOrderID], hmstype.History]{
	Name: "lab.get_order_history", Permission: hmstype.PermLabRead, Shows: usecase.Histories("lab_order").One(),
}.Declare()

// GetOrderHistory gives the steps of an order from state to state, the oldest first.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetOrderHistory(ctx context.Context, id hmstype.LabOrderID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.LabOrderID]("lab_order", orderRow.subject)
	return opGetOrderHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

// ListOrdersInput asks for a patient's orders.
type ListOrdersInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (in ListOrdersInput) Validate() error { return validatePatientPage(in.Patient, in.Page) }

func validatePatientPage(id hmstype.PatientID, page hmstype.Page) error {
	var v hmstype.Validator
	v.Required(!id.IsZero(), "patient")
	checkPage(&v, page)
	return v.Err()
}

var opListOrders = usecase.Query[ListOrdersInput, hmstype.List[Order]]{
	Name: "lab.list_orders", Permission: hmstype.PermLabRead, Shows: orders.Page(),
	Sample: ListOrdersInput{},
}.Declare()

// ListOrders lists a patient's orders, newest first, and records that they were read.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListOrders(ctx context.Context, in ListOrdersInput) (hmstype.List[Order], error) {
	return opListOrders.Run(ctx, &s.base, in, s.listOrders)
}

func (s *Service) listOrders(ctx context.Context, db dbx.DB, in ListOrdersInput) (hmstype.List[Order], error) {
	list := hmstype.List[Order]{Items: []Order{}}
	if err := s.about(ctx, db, in.Patient); err != nil {
		return list, err
	}
	rows, next, err := dbx.Page[orderRow](ctx, db, in.Page, dbx.Order{At: "created_at", Desc: true},
		dbx.Equal("patient_id", in.Patient))
	if err != nil {
		return list, err
	}
	items, err := itemsByOrder(ctx, db, rows)
	for _, r := range rows {
		list.Items = append(list.Items, r.order(items[r.ID]))
	}
	list.Next = next
	return list, err
}

func (r orderRow) subject() hmstype.PatientID { return r.PatientID }
