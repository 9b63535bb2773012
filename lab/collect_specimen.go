package lab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

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

// accessionNumbers number the specimens, on their labels.
var accessionNumbers = dbx.DeclareSeries("lab_accession")

var opCollectSpecimen = usecase.Command[CollectSpecimenInput, Specimen]{
	Name: "lab.collect_specimen", Permission: hmstype.PermLabCollect, Shows: specimens.One(),
	Key:    func(in CollectSpecimenInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(s Specimen) hmstype.SpecimenID { return s.ID }, getSpecimen),
	Sample: CollectSpecimenInput{Items: make([]hmstype.LabOrderItemID, 1), TwoIdentifiers: true},
}.Declare()

// CollectSpecimen records the draw of a specimen, gives it its accession number and charges the
// items: work begins here, an order that nobody draws costs nothing. [ErrOrderNotActive],
// [ErrItemMismatch], [ErrSpecimenMismatch], [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabCollect].
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
	number, err := db.NextNumber(ctx, accessionNumbers, 0)
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

func getSpecimen(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.SpecimenID]) (Specimen, error) {
	row, err := dbx.Get[specimenRow](ctx, db, "lab_specimen", in.ID)
	return row.specimen(), err
}
