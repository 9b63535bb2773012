package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// VerifyResultInput makes an item's results final.
type VerifyResultInput struct {
	ItemRef
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules of [ItemRef].
func (in VerifyResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	return v.Err()
}

var opVerifyResult = usecase.Command[VerifyResultInput, ItemResult]{
	Name: "lab.verify_result", Permission: hmstype.PermLabReview, Shows: itemResults.One(),
	Key:    func(in VerifyResultInput) string { return in.IdempotencyKey },
	Sample: VerifyResultInput{ItemRef: ItemRef{Version: 1}},
}.Declare()

// VerifyResult appends a final version of each result of an item. Every active analyte of the test
// needs a value or a reason for its absence: [ErrIncomplete]. Where the duties are
// kept apart, whoever entered one of the values cannot, by whatever account or key of his:
// [hmstype.ErrSeparationOfDuties]. The order is complete when its last item is final or cancelled.
// Permission: [hmstype.PermLabReview].
func (s *Service) VerifyResult(ctx context.Context, in VerifyResultInput) (ItemResult, error) {
	return opVerifyResult.Run(ctx, &s.base, in, s.verifyResult)
}

func (s *Service) verifyResult(ctx context.Context, db dbx.DB, in VerifyResultInput) (ItemResult, error) {
	order, items, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return ItemResult{}, err
	}
	if order.Status != OrderActive {
		return ItemResult{}, ErrOrderNotActive
	}
	if err := ItemTransitions.Check("lab_order_item", item.Status, ItemFinal); err != nil {
		return ItemResult{}, err
	}
	b := assay{item: *item}
	if b.analytes, err = analytesOf(ctx, db, []hmstype.LabTestID{item.TestID}); err != nil {
		return ItemResult{}, err
	}
	if b.current, err = currentResults(ctx, db, item.ID); err != nil {
		return ItemResult{}, err
	}
	rows, err := s.finalVersions(db, b)
	if err != nil {
		return ItemResult{}, err
	}
	if err := s.writeResults(ctx, db, b.current, rows); err != nil {
		return ItemResult{}, err
	}
	item.ResultDate = db.Now
	if err := moveItem(ctx, db, item, ItemFinal, ""); err != nil {
		return ItemResult{}, err
	}
	return b.shown(*item, rows), completeOrder(ctx, db, &order, items)
}

// finalVersions gives the final version of each preliminary result.
func (s *Service) finalVersions(db dbx.DB, b assay) ([]resultRow, error) {
	rows := []resultRow{}
	for _, a := range b.analytes {
		row, known := b.current[a.ID]
		if !known || row.Status != ResultPreliminary {
			if a.Active {
				return nil, &hmstype.Error{Entity: "lab_analyte", ID: a.ID.String(), Err: ErrIncomplete}
			}
			continue
		}
		if err := s.requireSecondPerson(db, row); err != nil {
			return nil, err
		}
		final := row.next(db, ResultFinal, "")
		final.VerifiedBy, final.VerifiedAt = db.By(), db.Now
		rows = append(rows, final)
	}
	return rows, nil
}

// requireSecondPerson refuses whoever entered the value, where the duties are kept apart.
func (s *Service) requireSecondPerson(db dbx.DB, row resultRow) error {
	return s.base.RequireAnotherPerson(db, hmstype.PermLabResult, hmstype.PermLabReview, row.EnteredBy)
}
