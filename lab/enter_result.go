package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EnteredValue is the value of one analyte. There is no field for a flag or a range: both are
// found here.
type EnteredValue struct {
	Analyte hmstype.LabAnalyteID `json:"analyte"` // required; an active analyte of the item's test
	Value   Value                `json:"value"`   // required; of the analyte's type, or absent with a reason
	Comment string               `json:"comment"` // for the reader of the report, up to 2000 characters
}

// EnterResultInput gives an item values that nobody has verified yet.
type EnterResultInput struct {
	ItemRef
	// 1 to 200, one per analyte; those of a panel may come one after another
	Values         []EnteredValue `json:"values"`
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in EnterResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	v.Check(len(in.Values) >= 1 && len(in.Values) <= 200, "values", "must be 1 to 200")
	seen := map[hmstype.LabAnalyteID]bool{}
	for i, value := range in.Values {
		path := fmt.Sprintf("values[%d]", i)
		v.Required(!value.Analyte.IsZero(), path+".analyteId")
		v.Check(!seen[value.Analyte], path+".analyteId", "must not be named twice")
		seen[value.Analyte] = true
		v.Nested(path+".value", value.Value.Validate())
		v.Text(value.Comment, path+".comment", 0, 2000)
	}
	return v.Err()
}

// ItemResult is an item with the newest versions of its results.
type ItemResult struct {
	Item    Item     `json:"item"`
	Results []Result `json:"results"` // in the order of the test's analytes
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left of item and results are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

// itemResults is what every use case that gives an item its results shows of whom.
var itemResults = usecase.Entity[ItemResult]{
	Table:   "lab_order_item",
	Patient: func(r *ItemResult) hmstype.PatientID { return r.Item.Patient },
	ID:      func(r *ItemResult) string { return r.Item.ID.String() },
}

var opEnterResult = usecase.Command[EnterResultInput, ItemResult]{
	Name: "lab.enter_result", Permission: hmstype.PermLabEnter, Shows: itemResults.One(),
	Key:   func(in EnterResultInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(r ItemResult) hmstype.LabOrderItemID { return r.Item.ID }, getItemResult),
	Sample: EnterResultInput{
		ItemRef: ItemRef{Version: 1}, Values: []EnteredValue{{Value: Value{Number: "4.2"}, Comment: "repeated"}},
	},
}.Declare()

// EnterResult writes preliminary results and finds their flags: the range is the one in force on
// the day of collection for the patient's sex and age on that day. A value that was entered
// before and not released gets a new version; where it was verified, it must be verified again. A critical
// value opens its case at once.
//
// The item's version is what makes two technicians take turns: the second gets
// [hmstype.ErrStale]. [ErrItemMismatch], [ErrAnalyteMismatch], [ErrOrderNotActive]; an item
// without specimen or with released results gives [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabEnter].
func (s *Service) EnterResult(ctx context.Context, in EnterResultInput) (ItemResult, error) {
	return opEnterResult.Run(ctx, &s.base, in, s.enterResult)
}

func (s *Service) enterResult(ctx context.Context, db dbx.DB, in EnterResultInput) (ItemResult, error) {
	order, _, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return ItemResult{}, err
	}
	if order.Status != OrderActive {
		return ItemResult{}, ErrOrderNotActive
	}
	if item.Status != ItemPreliminary {
		if err := ItemTransitions.Check("lab_order_item", item.Status, ItemPreliminary); err != nil {
			return ItemResult{}, err
		}
	}
	assay, err := s.assayOf(ctx, db, *item)
	if err != nil {
		return ItemResult{}, err
	}
	rows := make([]resultRow, 0, len(in.Values))
	for i, value := range in.Values {
		row, err := assay.measure(db, value)
		if err != nil {
			return ItemResult{}, at(fmt.Sprintf("values[%d]", i), err)
		}
		rows = append(rows, row)
	}
	// The item first: one that was verified is so no more before it gets another value.
	if err := resulted(ctx, db, item); err != nil {
		return ItemResult{}, err
	}
	if err := s.writeResults(ctx, db, assay.current, rows); err != nil {
		return ItemResult{}, err
	}
	return assay.shown(*item, rows), nil
}

// resulted says of an item that it has values which nobody has verified; further ones are no step.
func resulted(ctx context.Context, db dbx.DB, item *itemRow) error {
	if item.Status != ItemPreliminary {
		if item.ResultedAt.IsZero() {
			item.ResultedAt = db.Now
		}
		item.VerifiedBy, item.VerifiedAt = hmstype.ActorRef{}, time.Time{}
		return moveItem(ctx, db, item, ItemPreliminary, "")
	}
	item.StatusReason = ""
	if err := dbx.Update(ctx, db, item, "status_reason"); err != nil {
		return err
	}
	return db.Emit(ctx, itemEvent(eventResulted, *item))
}

// at puts the path of an input's member before the fields of a validation error.
func at(path string, err error) error {
	if hmstype.Fields(err) == nil {
		return err
	}
	var v hmstype.Validator
	v.Nested(path, err)
	return v.Err()
}

func (r *resultRow) take(f finding) { r.Flag, r.Critical = f.flag, f.critical }

// getItemResult gives an item with the newest versions of its results.
func getItemResult(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabOrderItemID]) (ItemResult, error) {
	item, err := dbx.Get[itemRow](ctx, db, "lab_order_item", in.ID)
	if err != nil {
		return ItemResult{}, err
	}
	b := assay{item: item}
	if b.analytes, err = analytesOf(ctx, db, []hmstype.LabTestID{item.TestID}); err != nil {
		return ItemResult{}, err
	}
	b.current, err = currentResults(ctx, db, item.ID)
	return b.shown(item, nil), err
}
