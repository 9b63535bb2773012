package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReleaseResultInput makes an item's verified results final.
type ReleaseResultInput struct {
	ItemRef
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules of [ItemRef].
func (in ReleaseResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	return v.Err()
}

var opReleaseResult = usecase.Command[ReleaseResultInput, ItemResult]{
	Name: "lab.release_result", Permission: hmstype.PermLabRelease, Shows: itemResults.One(),
	Key:    func(in ReleaseResultInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(r ItemResult) hmstype.LabOrderItemID { return r.Item.ID }, getItemResult),
	Sample: ReleaseResultInput{ItemRef: ItemRef{Version: 1}},
}.Declare()

// ReleaseResult appends a final version of each result of a verified item: from here on whoever
// ordered may act on them, and what was wrong is corrected and no longer overwritten. The order is
// complete when its last item is final or cancelled. [ErrOrderNotActive], [ErrItemMismatch],
// [hmstype.ErrInvalidTransition] where nobody has verified them, [hmstype.ErrStale].
// Permission: [hmstype.PermLabRelease].
func (s *Service) ReleaseResult(ctx context.Context, in ReleaseResultInput) (ItemResult, error) {
	return opReleaseResult.Run(ctx, &s.base, in, s.releaseResult)
}

func (s *Service) releaseResult(ctx context.Context, db dbx.DB, in ReleaseResultInput) (ItemResult, error) {
	o, err := openResult(ctx, db, in.ItemRef, ItemFinal)
	if err != nil {
		return ItemResult{}, err
	}
	return s.release(ctx, db, o)
}

// release makes the results of a verified item final; who verified the item verified each of them.
func (s *Service) release(ctx context.Context, db dbx.DB, o openedResult) (ItemResult, error) {
	rows, err := o.complete()
	if err != nil {
		return ItemResult{}, err
	}
	for i, row := range rows {
		rows[i] = row.next(db, ResultFinal, "")
		rows[i].VerifiedBy, rows[i].VerifiedAt = o.item.VerifiedBy, o.item.VerifiedAt
	}
	if err := s.writeResults(ctx, db, o.current, rows); err != nil {
		return ItemResult{}, err
	}
	o.item.ResultDate = db.Now
	if err := moveItem(ctx, db, o.item, ItemFinal, ""); err != nil {
		return ItemResult{}, err
	}
	return o.shown(*o.item, rows), completeOrder(ctx, db, &o.order, o.items)
}
