package lab

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

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

// orderNumbers number the orders of a laboratory, on request forms and labels.
var orderNumbers = dbx.DeclareSeries("lab_order")

var opAddOrder = usecase.Command[AddOrderInput, Order]{
	Name: "lab.add_order", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key:          func(in AddOrderInput) string { return in.IdempotencyKey },
	Again:        usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Practitioner: func(in AddOrderInput, _ hmstype.Actor) hmstype.UserID { return in.Requester },
	Sample: AddOrderInput{
		OrderDetails: OrderDetails{Priority: PriorityStat, ClinicalNotes: "on digoxin"}, Tests: make([]hmstype.LabTestID, 1),
	},
}.Declare()

// AddOrder orders tests. The patient must live and the record be active ([patient.ErrDeceased],
// [patient.ErrMerged], [patient.ErrInactive]); [ErrEncounterMismatch],
// [ErrEncounterClosed]; [ErrTestInactive]; [hmstype.ErrNotPractitioner] where somebody is named as the
// requester who does not treat. Nothing is charged before a specimen is collected.
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
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), in.Patient); err != nil {
		return Order{}, err
	}
	if err := s.checkEncounter(ctx, db, in); err != nil {
		return Order{}, err
	}
	if err := requireTests(ctx, db, in.Tests); err != nil {
		return Order{}, err
	}
	number, err := db.NextNumber(ctx, orderNumbers, 0)
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
