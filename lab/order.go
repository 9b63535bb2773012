package lab

import (
	"context"
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
