package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CancelItemInput cancels one test of an order.
type CancelItemInput struct {
	ItemRef
	Reason         string `json:"reason"` // required, up to 500 characters
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CancelItemInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	reason(&v, in.Reason)
	return v.Err()
}

var opCancelItem = usecase.Command[CancelItemInput, Order]{
	Name: "lab.cancel_item", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key:    func(in CancelItemInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: CancelItemInput{ItemRef: ItemRef{Version: 1}, Reason: "not needed"},
}.Declare()

// CancelItem cancels a test that is not final, with its preliminary results, and takes its
// charge back. When nothing is left to do the order is complete, or revoked where every item
// was cancelled.
// Permission: [hmstype.PermLabOrder].
func (s *Service) CancelItem(ctx context.Context, in CancelItemInput) (Order, error) {
	return opCancelItem.Run(ctx, &s.base, in, s.cancelItem)
}

func (s *Service) cancelItem(ctx context.Context, db dbx.DB, in CancelItemInput) (Order, error) {
	order, all, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return Order{}, err
	}
	if item.Status.released() { // only an unfit specimen cancels what was released
		return Order{}, &hmstype.TransitionError{
			Entity: "lab_order_item", From: string(item.Status), To: string(ItemCancelled),
			Allowed: []string{string(ItemCorrected), string(ItemAmended), string(ItemEnteredInError)},
		}
	}
	if err := s.endItem(ctx, db, item, ItemCancelled, in.Reason); err != nil {
		return Order{}, err
	}
	if err := db.Emit(ctx, itemEvent(eventItemCancelled, *item)); err != nil {
		return Order{}, err
	}
	err = completeOrder(ctx, db, &order, all)
	return order.order(all), err
}
