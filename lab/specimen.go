package lab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Specimen is what was drawn from a patient for items of one order (FHIR Specimen).
type Specimen struct {
	ID        hmstype.SpecimenID `json:"id"`
	Accession string             `json:"accession"` // the laboratory's number, unique in the tenant for ever
	Order     hmstype.LabOrderID `json:"order"`
	Patient   hmstype.PatientID  `json:"patient"`
	Type      string             `json:"type"` // as the tests ask for
	Status    SpecimenStatus     `json:"status"`
	// CollectedAt: UTC; when it was drawn, never when a label was printed.
	CollectedAt time.Time        `json:"collectedAt,omitzero"`
	ReceivedAt  time.Time        `json:"receivedAt,omitzero"` // UTC; zero before receipt
	ReceivedBy  hmstype.ActorRef `json:"receivedBy"`          // zero before receipt
	RejectedAt  time.Time        `json:"rejectedAt,omitzero"` // UTC; zero means not rejected
	RejectedBy  hmstype.ActorRef `json:"rejectedBy"`          // zero means not rejected
	// RejectCode: HL7 v2 table 0490, such as "RH" (haemolysed); may be empty.
	RejectCode   string           `json:"rejectCode,omitempty"`
	RejectReason string           `json:"rejectReason,omitempty"`
	CreatedBy    hmstype.ActorRef `json:"createdBy"`          // who drew it and said so
	CreatedAt    time.Time        `json:"createdAt,omitzero"` // UTC; when the draw was recorded
	Version      int64            `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants, the accession number and the type.
	Withheld bool `json:"withheld,omitempty"`
}

type specimenRow struct {
	bun.BaseModel `bun:"table:hms.lab_specimen,alias:sp"`
	dbx.Header[hmstype.SpecimenID]
	Accession      string
	OrderID        hmstype.LabOrderID
	PatientID      hmstype.PatientID
	SpecimenType   string
	Status         SpecimenStatus
	TwoIdentifiers bool
	PatientSex     Sex
	PatientBirth   hmstype.Date
	BirthPrecision patient.Precision
	CollectedAt    time.Time
	ReceivedAt     time.Time `bun:",nullzero"`
	ReceivedBy     hmstype.ActorRef
	RejectedAt     time.Time `bun:",nullzero"`
	RejectedBy     hmstype.ActorRef
	RejectCode     string
	RejectReason   string
}

func (r specimenRow) specimen() Specimen {
	return Specimen{
		ID: r.ID, Accession: r.Accession, Order: r.OrderID, Patient: r.PatientID, Type: r.SpecimenType,
		Status: r.Status, CollectedAt: r.CollectedAt.UTC(), ReceivedAt: r.ReceivedAt.UTC(),
		ReceivedBy: r.ReceivedBy, RejectedAt: r.RejectedAt.UTC(), RejectedBy: r.RejectedBy, RejectCode: r.RejectCode,
		RejectReason: r.RejectReason, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// specimens is what every use case that shows specimens shows of whom. A tube of a restricted
// patient is labelled and worked on like any other.
var specimens = usecase.Entity[Specimen]{
	Table:   "lab_specimen",
	Patient: func(s *Specimen) hmstype.PatientID { return s.Patient },
	ID:      func(s *Specimen) string { return s.ID.String() },
	Keep:    func(withheld, whole *Specimen) { withheld.Accession, withheld.Type = whole.Accession, whole.Type },
}

// specimenSteps is how a specimen changes its state. Its order's row is locked before.
var specimenSteps = dbx.Machine[specimenRow, SpecimenStatus]{
	Table: "lab_specimen", Transitions: SpecimenTransitions,
	State:   func(r *specimenRow) *SpecimenStatus { return &r.Status },
	Columns: []string{"received_at", "received_by", "rejected_at", "rejected_by", "reject_code", "reject_reason"},
	Event: func(r *specimenRow, _ SpecimenStatus) dbx.Event {
		if r.Status == SpecimenReceived {
			return dbx.Event{}
		}
		return specimenEvent(eventSpecimenRejected, *r)
	},
}

func specimenEvent(kind *dbx.EventType, row specimenRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.OrderID, Data: map[string]string{
		"specimen": row.ID.String(), "patient": row.PatientID.String(), "status": string(row.Status),
	}}
}

// CollectSpecimenInput says that a specimen was drawn.
type CollectSpecimenInput struct {
	Order hmstype.LabOrderID `json:"order"` // required; active
	// 1 to 100 items of the order that wait for a specimen of one type
	Items       []hmstype.LabOrderItemID `json:"items"`
	CollectedAt time.Time                `json:"collectedAt,omitzero"` // zero means now; not in the future
	// must be true: the patient's identity was checked by two identifiers at the draw
	TwoIdentifiers bool   `json:"twoIdentifiers"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CollectSpecimenInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Order.IsZero(), "order")
	v.Check(len(in.Items) >= 1 && len(in.Items) <= 100, "items", "must be 1 to 100")
	seen := map[hmstype.LabOrderItemID]bool{}
	for i, id := range in.Items {
		path := fmt.Sprintf("items[%d]", i)
		v.Required(!id.IsZero(), path)
		v.Check(!seen[id], path, "must not be named twice")
		seen[id] = true
	}
	v.Check(in.TwoIdentifiers, "twoIdentifiers", "must be confirmed")
	v.Check(in.CollectedAt.IsZero() || in.CollectedAt.Year() >= 1900, "collectedAt", "must not lie before 1900")
	return v.Err()
}

var opCollectSpecimen = usecase.Command[CollectSpecimenInput, Specimen]{
	Name: "lab.collect_specimen", Permission: hmstype.PermLabResult, Shows: specimens.One(),
	Key:    func(in CollectSpecimenInput) string { return in.IdempotencyKey },
	Sample: CollectSpecimenInput{Items: make([]hmstype.LabOrderItemID, 1), TwoIdentifiers: true},
}.Declare()

// CollectSpecimen records the draw of a specimen, gives it its accession number and charges the
// items: work begins here, an order that nobody draws costs nothing. [ErrOrderNotActive],
// [ErrItemMismatch], [ErrSpecimenMismatch], [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabResult].
func (s *Service) CollectSpecimen(ctx context.Context, in CollectSpecimenInput) (Specimen, error) {
	return opCollectSpecimen.Run(ctx, &s.base, in, s.collectSpecimen)
}

func (s *Service) collectSpecimen(ctx context.Context, db dbx.DB, in CollectSpecimenInput) (Specimen, error) {
	at := db.Now
	if !in.CollectedAt.IsZero() {
		at = hmstype.Instant(in.CollectedAt)
	}
	if at.After(db.Now) {
		return Specimen{}, hmstype.Invalid("collectedAt", "must not lie in the future")
	}
	order, err := lockOrder(ctx, db, in.Order)
	if err != nil {
		return Specimen{}, err
	}
	if order.Status != OrderActive {
		return Specimen{}, ErrOrderNotActive
	}
	items, err := itemsToCollect(ctx, db, in)
	if err != nil {
		return Specimen{}, err
	}
	tests, err := testsOfItems(ctx, db, items)
	if err != nil {
		return Specimen{}, err
	}
	row := specimenRow{
		Header: dbx.NewHeader[hmstype.SpecimenID](db), OrderID: order.ID, PatientID: order.PatientID,
		SpecimenType: tests[items[0].TestID].SpecimenType, Status: SpecimenCollected, TwoIdentifiers: true, CollectedAt: at,
	}
	if err := s.rememberPerson(ctx, db, &row); err != nil {
		return Specimen{}, err
	}
	if err := s.chargeItems(ctx, db, order, items, tests, at); err != nil {
		return Specimen{}, err
	}
	if err := addSpecimen(ctx, db, &row, items); err != nil {
		return Specimen{}, err
	}
	return row.specimen(), db.Emit(ctx, specimenEvent(eventSpecimenCollected, row))
}

// itemsToCollect gives the items that are named, which must wait for a specimen.
func itemsToCollect(ctx context.Context, db dbx.DB, in CollectSpecimenInput) ([]itemRow, error) {
	all, err := itemsOf(ctx, db, in.Order)
	if err != nil {
		return nil, err
	}
	items := []itemRow{}
	for _, item := range all {
		if !slices.Contains(in.Items, item.ID) {
			continue
		}
		if err := ItemTransitions.Check("lab_order_item", item.Status, ItemCollected); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(items) != len(in.Items) {
		return nil, ErrItemMismatch
	}
	return items, nil
}

func testsOfItems(ctx context.Context, db dbx.DB, items []itemRow) (map[hmstype.LabTestID]testRow, error) {
	ids := make([]hmstype.LabTestID, len(items))
	for i, item := range items {
		ids[i] = item.TestID
	}
	tests, err := testsByID(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if tests[item.TestID].SpecimenType != tests[items[0].TestID].SpecimenType {
			return nil, ErrSpecimenMismatch
		}
	}
	return tests, nil
}

func addSpecimen(ctx context.Context, db dbx.DB, row *specimenRow, items []itemRow) error {
	number, err := db.NextNumber(ctx, "lab_accession")
	if err != nil {
		return err
	}
	row.Accession = fmt.Sprintf("S%010d", number)
	if err := dbx.Insert(ctx, db, *row); err != nil {
		return err
	}
	for i := range items {
		items[i].SpecimenID, items[i].CollectedAt = row.ID, row.CollectedAt
		if err := moveItem(ctx, db, &items[i], ItemCollected, ""); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) chargeItems(
	ctx context.Context, db dbx.DB, order orderRow, items []itemRow, tests map[hmstype.LabTestID]testRow, at time.Time,
) error {
	for _, item := range items {
		test := tests[item.TestID]
		if test.ServiceCode == "" {
			continue
		}
		_, err := s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
			Source: chargeSource(item.ID), Patient: order.PatientID, Encounter: order.Encounter,
			Service: test.ServiceCode, Quantity: decimal.NewFromInt(1), At: at,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReceiveSpecimenInput says that a specimen has come to the laboratory.
type ReceiveSpecimenInput struct {
	ID      hmstype.SpecimenID `json:"id"`      // required
	Version int64              `json:"version"` // the version that the caller read
	// zero means now; not before collection, not in the future
	ReceivedAt time.Time `json:"receivedAt,omitzero"`
}

// Validate implements the rules above.
func (in ReceiveSpecimenInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	return v.Err()
}

var opReceiveSpecimen = usecase.Command[ReceiveSpecimenInput, Specimen]{
	Name: "lab.receive_specimen", Permission: hmstype.PermLabResult, Shows: specimens.One(),
	Sample: ReceiveSpecimenInput{Version: 1},
}.Declare()

// ReceiveSpecimen records the receipt; its items are then in progress.
// [hmstype.ErrStale], [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabResult].
func (s *Service) ReceiveSpecimen(ctx context.Context, in ReceiveSpecimenInput) (Specimen, error) {
	return opReceiveSpecimen.Run(ctx, &s.base, in, receiveSpecimen)
}

func receiveSpecimen(ctx context.Context, db dbx.DB, in ReceiveSpecimenInput) (Specimen, error) {
	_, row, items, err := openSpecimen(ctx, db, in.ID, in.Version)
	if err != nil {
		return Specimen{}, err
	}
	at := db.Now
	if !in.ReceivedAt.IsZero() {
		at = hmstype.Instant(in.ReceivedAt)
	}
	if at.After(db.Now) || at.Before(row.CollectedAt) {
		return Specimen{}, hmstype.Invalid("receivedAt", "must lie between collection and now")
	}
	received := dbx.Change[specimenRow, SpecimenStatus]{To: SpecimenReceived, Apply: func(row *specimenRow) error {
		row.ReceivedAt, row.ReceivedBy = at, db.By()
		return nil
	}}
	if err := dbx.Move(ctx, db, specimenSteps, &row, received); err != nil {
		return Specimen{}, err
	}
	for i := range items {
		if items[i].SpecimenID != row.ID || items[i].Status != ItemCollected {
			continue
		}
		if err := moveItem(ctx, db, &items[i], ItemInProgress, ""); err != nil {
			return Specimen{}, err
		}
	}
	return row.specimen(), nil
}

// openSpecimen locks a specimen's order and gives both with the order's items.
func openSpecimen(ctx context.Context, db dbx.DB, id hmstype.SpecimenID, version int64) (orderRow, specimenRow, []itemRow, error) {
	found, err := dbx.Get[specimenRow](ctx, db, "lab_specimen", id) // for its order, which comes first
	if err != nil {
		return orderRow{}, found, nil, err
	}
	order, err := lockOrder(ctx, db, found.OrderID)
	if err != nil {
		return order, found, nil, err
	}
	row, err := dbx.Get[specimenRow](ctx, db, "lab_specimen", id)
	if err != nil {
		return order, row, nil, err
	}
	if err := dbx.CheckVersion(&row, version); err != nil {
		return order, row, nil, err
	}
	items, err := itemsOf(ctx, db, row.OrderID)
	return order, row, items, err
}

// RejectSpecimenInput says that a specimen is of no use.
type RejectSpecimenInput struct {
	ID      hmstype.SpecimenID `json:"id"`      // required
	Version int64              `json:"version"` // the version that the caller read
	// HL7 v2 table 0490 (specimen reject reason), up to 10 characters; optional
	Code           string `json:"code"`
	Reason         string `json:"reason"`         // required, up to 500 characters
	Recollect      bool   `json:"recollect"`      // the items wait for another specimen; otherwise they are cancelled
	EnteredInError bool   `json:"enteredInError"` // it was never drawn, or from another patient
}

// Validate implements the rules above.
func (in RejectSpecimenInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Text(in.Code, "code", 0, 10)
	reason(&v, in.Reason)
	return v.Err()
}

var opRejectSpecimen = usecase.Command[RejectSpecimenInput, Specimen]{
	Name: "lab.reject_specimen", Permission: hmstype.PermLabResult, Shows: specimens.One(),
	Sample: RejectSpecimenInput{Version: 1, Code: "RH", Reason: "haemolysed", Recollect: true},
}.Declare()

// RejectSpecimen rejects a specimen. Its items that are not final lose their preliminary
// results (their versions stay, as cancelled) and go back to ordered, or are cancelled and their
// charges taken back. The charge of an item that is collected anew stays: it is the same test.
// Permission: [hmstype.PermLabResult].
func (s *Service) RejectSpecimen(ctx context.Context, in RejectSpecimenInput) (Specimen, error) {
	return opRejectSpecimen.Run(ctx, &s.base, in, s.rejectSpecimen)
}

func (s *Service) rejectSpecimen(ctx context.Context, db dbx.DB, in RejectSpecimenInput) (Specimen, error) {
	order, row, items, err := openSpecimen(ctx, db, in.ID, in.Version)
	if err != nil {
		return Specimen{}, err
	}
	if err := dbx.Move(ctx, db, specimenSteps, &row, rejected(db, in)); err != nil {
		return Specimen{}, err
	}
	for i := range items {
		if items[i].SpecimenID != row.ID || !items[i].Status.pending() || items[i].Status == ItemOrdered {
			continue
		}
		if err := s.takeBack(ctx, db, &items[i], in); err != nil {
			return Specimen{}, err
		}
	}
	return row.specimen(), completeOrder(ctx, db, &order, items)
}

// rejected is the step by which a specimen is of no use any more. Who said so first stays.
func rejected(db dbx.DB, in RejectSpecimenInput) dbx.Change[specimenRow, SpecimenStatus] {
	to := SpecimenRejected
	if in.EnteredInError {
		to = SpecimenEnteredInError
	}
	return dbx.Change[specimenRow, SpecimenStatus]{To: to, Reason: in.Reason, Apply: func(row *specimenRow) error {
		if row.RejectedAt.IsZero() {
			row.RejectedAt, row.RejectedBy = db.Now, db.By()
		}
		row.RejectCode, row.RejectReason = in.Code, in.Reason
		return nil
	}}
}

// takeBack does to an item what the rejection of its specimen asks for.
func (s *Service) takeBack(ctx context.Context, db dbx.DB, item *itemRow, in RejectSpecimenInput) error {
	if !in.Recollect {
		return s.endItem(ctx, db, item, ItemCancelled, in.Reason)
	}
	if err := s.withdrawResults(ctx, db, item.ID, ResultCancelled, in.Reason); err != nil {
		return err
	}
	item.SpecimenID, item.CollectedAt, item.ResultedAt = hmstype.SpecimenID{}, time.Time{}, time.Time{}
	return moveItem(ctx, db, item, ItemOrdered, in.Reason)
}

var opGetSpecimenHistory = usecase.Query[usecase.ByID[hmstype.SpecimenID], hmstype.History]{
	Name: "lab.get_specimen_history", Permission: hmstype.PermLabRead, Shows: usecase.Histories("lab_specimen").One(),
}.Declare()

// GetSpecimenHistory gives the steps of a specimen from state to state, the oldest first.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetSpecimenHistory(ctx context.Context, id hmstype.SpecimenID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.SpecimenID]("lab_specimen", specimenRow.subject)
	return opGetSpecimenHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r specimenRow) subject() hmstype.PatientID { return r.PatientID }
