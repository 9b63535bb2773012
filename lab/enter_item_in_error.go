package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EnterItemInErrorInput says that one test of an order should never have been.
type EnterItemInErrorInput struct {
	ItemRef
	Reason         string `json:"reason"` // required, up to 500 characters
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in EnterItemInErrorInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	reason(&v, in.Reason)
	return v.Err()
}

var opEnterItemInError = usecase.Command[EnterItemInErrorInput, Order]{
	Name: "lab.enter_item_in_error", Permission: hmstype.PermLabRelease, Shows: orders.One(),
	Key:    func(in EnterItemInErrorInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: EnterItemInErrorInput{ItemRef: ItemRef{Version: 1}, Reason: "tubes were swapped"},
}.Declare()

// EnterItemInError says of one item, from any state, that it should never have been: its results are entered in error,
// none is removed, its charge is taken back, cases of critical values are superseded, and whoever saw the values has a
// notification. The other items stay; where none is left to be done the order ends. A second time is
// [hmstype.ErrInvalidTransition]; [ErrItemMismatch], [hmstype.ErrStale]. Released results may be among them, hence the
// permission.
// Permission: [hmstype.PermLabRelease].
func (s *Service) EnterItemInError(ctx context.Context, in EnterItemInErrorInput) (Order, error) {
	return opEnterItemInError.Run(ctx, &s.base, in, s.enterOneInError)
}

func (s *Service) enterOneInError(ctx context.Context, db dbx.DB, in EnterItemInErrorInput) (Order, error) {
	order, all, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return Order{}, err
	}
	if err := s.endItem(ctx, db, item, ItemEnteredInError, in.Reason); err != nil {
		return Order{}, err
	}
	err = completeOrder(ctx, db, &order, all)
	return order.order(all), err
}

// enterItemInError says of an item whose values were released that it should never have been, once.
func (s *Service) enterItemInError(ctx context.Context, db dbx.DB, item *itemRow, why string) error {
	if item.Status == ItemEnteredInError {
		return nil
	}
	return s.endItem(ctx, db, item, ItemEnteredInError, why)
}
