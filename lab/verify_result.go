package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// VerifyResultInput says that the laboratory stands for an item's values.
type VerifyResultInput struct {
	ItemRef
	// Release makes them final at once, as [Service.ReleaseResult] does: for whoever may do both, and a
	// laboratory that reports what it verified.
	Release        bool   `json:"release"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules of [ItemRef].
func (in VerifyResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	return v.Err()
}

// releases gives the permission that a verification needs beside its own.
func (in VerifyResultInput) releases() hmstype.Permission {
	if in.Release {
		return hmstype.PermLabRelease
	}
	return ""
}

var opVerifyResult = usecase.Command[VerifyResultInput, ItemResult]{
	Name: "lab.verify_result", Permission: hmstype.PermLabVerify, Also: VerifyResultInput.releases,
	Shows:  itemResults.One(),
	Key:    func(in VerifyResultInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(r ItemResult) hmstype.LabOrderItemID { return r.Item.ID }, getItemResult),
	Sample: VerifyResultInput{ItemRef: ItemRef{Version: 1}, Release: true},
}.Declare()

// VerifyResult notes who checked an item's preliminary results. Every active analyte of the test
// needs a value or a reason for its absence: [ErrIncomplete]. Where the duties are
// kept apart, whoever entered one of the values cannot, by whatever account or key of his:
// [hmstype.ErrSeparationOfDuties]. Another value takes the verification away again. To release them
// at once needs [hmstype.PermLabRelease], too.
// Permission: [hmstype.PermLabVerify].
func (s *Service) VerifyResult(ctx context.Context, in VerifyResultInput) (ItemResult, error) {
	return opVerifyResult.Run(ctx, &s.base, in, s.verifyResult)
}

func (s *Service) verifyResult(ctx context.Context, db dbx.DB, in VerifyResultInput) (ItemResult, error) {
	o, err := openResult(ctx, db, in.ItemRef, ItemVerified)
	if err != nil {
		return ItemResult{}, err
	}
	preliminary, err := o.complete()
	if err != nil {
		return ItemResult{}, err
	}
	for _, row := range preliminary {
		if err := s.requireSecondPerson(db, row); err != nil {
			return ItemResult{}, err
		}
	}
	o.item.VerifiedBy, o.item.VerifiedAt = db.By(), db.Now
	if err := moveItem(ctx, db, o.item, ItemVerified, ""); err != nil {
		return ItemResult{}, err
	}
	if in.Release {
		return s.release(ctx, db, o)
	}
	return o.shown(*o.item, nil), nil
}

// openedResult is an item of a locked order with what is known of its results.
type openedResult struct {
	assay
	order orderRow
	items []itemRow
	item  *itemRow // one of items
}

// openResult locks an item of an active order that may take a step.
func openResult(ctx context.Context, db dbx.DB, ref ItemRef, to ItemStatus) (openedResult, error) {
	var o openedResult
	var err error
	if o.order, o.items, o.item, err = openItem(ctx, db, ref); err != nil {
		return o, err
	}
	if o.order.Status != OrderActive {
		return o, ErrOrderNotActive
	}
	if err := ItemTransitions.Check("lab_order_item", o.item.Status, to); err != nil {
		return o, err
	}
	o.assay.item = *o.item
	if o.analytes, err = analytesOf(ctx, db, []hmstype.LabTestID{o.item.TestID}); err != nil {
		return o, err
	}
	o.current, err = currentResults(ctx, db, o.item.ID)
	return o, err
}

// complete gives the preliminary results; [ErrIncomplete] where an active analyte has none.
func (o openedResult) complete() ([]resultRow, error) {
	rows := []resultRow{}
	for _, a := range o.analytes {
		row, known := o.current[a.ID]
		if known && row.Status == ResultPreliminary {
			rows = append(rows, row)
		} else if a.Active {
			return nil, &hmstype.Error{Entity: "lab_analyte", ID: a.ID.String(), Err: ErrIncomplete}
		}
	}
	return rows, nil
}

// requireSecondPerson refuses whoever entered the value, where the duties are kept apart.
func (s *Service) requireSecondPerson(db dbx.DB, row resultRow) error {
	return s.base.RequireAnotherPerson(db, hmstype.PermLabEnter, hmstype.PermLabVerify, row.EnteredBy)
}
