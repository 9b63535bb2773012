package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Item is one test of an order.
type Item struct {
	ID      hmstype.LabOrderItemID `json:"id"`
	Order   hmstype.LabOrderID     `json:"order"`
	Patient hmstype.PatientID      `json:"patient"`
	Test    hmstype.LabTestID      `json:"test"`
	Status  ItemStatus             `json:"status"`
	// StatusReason: why it went back to ordered, was cancelled or entered in error.
	StatusReason string             `json:"statusReason,omitempty"`
	Specimen     hmstype.SpecimenID `json:"specimen"`             // zero before collection
	CollectedAt  time.Time          `json:"collectedAt,omitzero"` // UTC; zero before collection
	// ResultedAt: UTC; when the first value was entered; zero before that.
	ResultedAt time.Time `json:"resultedAt,omitzero"`
	// VerifiedBy: who stands for the values in the laboratory; zero before that, and again after another value.
	VerifiedBy hmstype.ActorRef `json:"verifiedBy"`
	VerifiedAt time.Time        `json:"verifiedAt,omitzero"` // UTC; zero means not verified
	// ResultDate: UTC; when the results became final; zero before that.
	ResultDate time.Time `json:"resultDate,omitzero"`
	// ReviewedBy: who has read the final results; zero means nobody since the last change.
	ReviewedBy hmstype.ActorRef `json:"reviewedBy"`
	ReviewedAt time.Time        `json:"reviewedAt,omitzero"` // UTC; zero means not reviewed
	CreatedBy  hmstype.ActorRef `json:"createdBy"`
	CreatedAt  time.Time        `json:"createdAt,omitzero"` // UTC; the order's
	Version    int64            `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type itemRow struct {
	bun.BaseModel `bun:"table:hms.lab_order_item,alias:i"`
	dbx.Header[hmstype.LabOrderItemID]
	OrderID      hmstype.LabOrderID
	PatientID    hmstype.PatientID
	TestID       hmstype.LabTestID
	Status       ItemStatus
	StatusReason string
	PriorityRank int
	SpecimenID   hmstype.SpecimenID
	CollectedAt  time.Time `bun:",nullzero"`
	ResultedAt   time.Time `bun:",nullzero"`
	VerifiedBy   hmstype.ActorRef
	VerifiedAt   time.Time `bun:",nullzero"`
	ResultDate   time.Time `bun:",nullzero"`
	ReviewedBy   hmstype.ActorRef
	ReviewedAt   time.Time `bun:",nullzero"`
}

func (r itemRow) item() Item {
	return Item{
		ID: r.ID, Order: r.OrderID, Patient: r.PatientID, Test: r.TestID, Status: r.Status,
		StatusReason: r.StatusReason, Specimen: r.SpecimenID, CollectedAt: r.CollectedAt.UTC(),
		ResultedAt: r.ResultedAt.UTC(), VerifiedBy: r.VerifiedBy, VerifiedAt: r.VerifiedAt.UTC(),
		ResultDate: r.ResultDate.UTC(), ReviewedBy: r.ReviewedBy,
		ReviewedAt: r.ReviewedAt.UTC(), CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// orderItems is what every use case that shows one item shows of whom.
var orderItems = usecase.Entity[Item]{
	Table:   "lab_order_item",
	Patient: func(i *Item) hmstype.PatientID { return i.Patient },
	ID:      func(i *Item) string { return i.ID.String() },
}

// itemSteps is how an item changes its state. Its order's row is locked before: whether the order
// is complete depends on all of its items.
var itemSteps = dbx.Machine[itemRow, ItemStatus]{
	Table: "lab_order_item", Transitions: ItemTransitions,
	State: func(r *itemRow) *ItemStatus { return &r.Status },
	Columns: []string{
		"status_reason", "specimen_id", "collected_at", "resulted_at", "verified_by", "verified_at", "result_date",
		"reviewed_by", "reviewed_at",
	},
	Event: func(r *itemRow, _ ItemStatus) dbx.Event {
		switch r.Status {
		case ItemPreliminary:
			return itemEvent(eventResulted, *r)
		case ItemVerified:
			return itemEvent(eventVerified, *r)
		case ItemFinal:
			return itemEvent(eventReleased, *r)
		default:
			return dbx.Event{} // who cancels, collects or corrects tells it with more than the item
		}
	},
}

// itemEvent is what others learn of an item. Its entity is the order, so that the events of
// one order arrive in order.
func itemEvent(kind *dbx.EventType, row itemRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.OrderID, Data: map[string]string{
		"item": row.ID.String(), "patient": row.PatientID.String(), "status": string(row.Status),
	}}
}

// moveItem takes a step of an item of a locked order; what the step sets beside the state is set
// in the row already.
func moveItem(ctx context.Context, db dbx.DB, item *itemRow, to ItemStatus, why string) error {
	return dbx.Move(ctx, db, itemSteps, item, dbx.Change[itemRow, ItemStatus]{
		To: to, Reason: why,
		Apply: func(row *itemRow) error {
			row.StatusReason = why
			return nil
		},
	})
}

// itemsOf gives the items of a locked order, in the order of their ids.
func itemsOf(ctx context.Context, db dbx.DB, id hmstype.LabOrderID) ([]itemRow, error) {
	return dbx.All[itemRow](ctx, db, dbx.Equal("order_id", id), dbx.OrderBy("i.id"))
}

func itemsByOrder(ctx context.Context, db dbx.DB, of []orderRow) (map[hmstype.LabOrderID][]itemRow, error) {
	byOrder := map[hmstype.LabOrderID][]itemRow{}
	if len(of) == 0 {
		return byOrder, nil
	}
	ids := make([]hmstype.LabOrderID, len(of))
	for i, o := range of {
		ids[i] = o.ID
	}
	rows, err := dbx.All[itemRow](ctx, db, dbx.OneOf("order_id", ids), dbx.OrderBy("i.id"))
	for _, r := range rows {
		byOrder[r.OrderID] = append(byOrder[r.OrderID], r)
	}
	return byOrder, err
}

// ItemRef names an item, whose it is, and the version that the caller read.
type ItemRef struct {
	Order   hmstype.LabOrderID     `json:"order"`   // required; the item must be one of this order
	Item    hmstype.LabOrderItemID `json:"item"`    // required
	Patient hmstype.PatientID      `json:"patient"` // zero means unchecked; otherwise the item must be this patient's
	Version int64                  `json:"version"` // of the item, as the caller read it
}

func (r ItemRef) check(v *hmstype.Validator) {
	v.Required(!r.Order.IsZero(), "order")
	v.Required(!r.Item.IsZero(), "item")
	v.Check(r.Version >= 1, "version", "must be at least 1")
}

// openItem locks an order and gives it with its items and the one that is named; the pointer
// is into the slice. [ErrItemMismatch], [hmstype.ErrStale].
func openItem(ctx context.Context, db dbx.DB, ref ItemRef) (orderRow, []itemRow, *itemRow, error) {
	order, err := lockOrder(ctx, db, ref.Order)
	if err != nil {
		return order, nil, nil, err
	}
	all, err := itemsOf(ctx, db, ref.Order)
	if err != nil {
		return order, nil, nil, err
	}
	for i := range all {
		if all[i].ID != ref.Item {
			continue
		}
		if !ref.Patient.IsZero() && all[i].PatientID != ref.Patient {
			return order, nil, nil, ErrItemMismatch
		}
		return order, all, &all[i], dbx.CheckVersion(&all[i], ref.Version)
	}
	if _, err := dbx.Get[itemRow](ctx, db, "lab_order_item", ref.Item); err != nil {
		return order, nil, nil, err
	}
	return order, nil, nil, ErrItemMismatch
}

var opGetItemHistory = usecase.Query[usecase.ByID[hmstype.LabOrderItemID], hmstype.History]{
	Name: "lab.get_item_history", Permission: hmstype.PermLabRead, Shows: usecase.Histories("lab_order_item").One(),
}.Declare()

// GetItemHistory gives the steps of an item from state to state, the oldest first. What was measured
// is in the versions of its results; see [Service.GetReport].
// Permission: [hmstype.PermLabRead].
func (s *Service) GetItemHistory(ctx context.Context, id hmstype.LabOrderItemID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.LabOrderItemID]("lab_order_item", itemRow.subject)
	return opGetItemHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r itemRow) subject() hmstype.PatientID { return r.PatientID }
