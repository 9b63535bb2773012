package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// OrderStepInput moves an order on.
type OrderStepInput struct {
	ID             hmstype.LabOrderID // required
	Version        int64              // the version that the caller read
	Reason         string             // up to 500 characters; required to hold, revoke and enter in error
	IdempotencyKey string
}

// Validate implements the rules above, but for the reason, which depends on the step.
func (in OrderStepInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Text(in.Reason, "reason", 0, 500)
	return v.Err()
}

// reasonedStep is an order's step that needs a reason.
type reasonedStep struct{ OrderStepInput }

// Validate adds the reason.
func (in reasonedStep) Validate() error {
	if err := in.OrderStepInput.Validate(); err != nil {
		return err
	}
	var v hmstype.Validator
	reason(&v, in.Reason)
	return v.Err()
}

// ActivateOrder asks for a draft, or goes on with an order that was on hold.
// [hmstype.ErrInvalidTransition], [hmstype.ErrStale].
func (s *Service) ActivateOrder(ctx context.Context, in OrderStepInput) (Order, error) {
	op := usecase.Op{Name: "lab.activate_order", Permission: hmstype.PermLabOrder, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in OrderStepInput) (Order, error) {
		return s.stepOrder(ctx, db, in, OrderActive)
	}))
}

// HoldOrder suspends the work on an order: nothing is collected or resulted until it is
// active again. It needs a reason.
func (s *Service) HoldOrder(ctx context.Context, in OrderStepInput) (Order, error) {
	op := usecase.Op{Name: "lab.hold_order", Permission: hmstype.PermLabOrder, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, reasonedStep{in}, fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in reasonedStep) (Order, error) {
		return s.stepOrder(ctx, db, in.OrderStepInput, OrderOnHold)
	}))
}

// RevokeOrder withdraws an order before it is complete: items that are not final are
// cancelled with the reason, their preliminary results too, and their charges are taken back.
func (s *Service) RevokeOrder(ctx context.Context, in OrderStepInput) (Order, error) {
	op := usecase.Op{Name: "lab.revoke_order", Permission: hmstype.PermLabOrder, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, reasonedStep{in}, fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in reasonedStep) (Order, error) {
		return s.stepOrder(ctx, db, in.OrderStepInput, OrderRevoked)
	}))
}

// EnterOrderInError says that an order should never have been, from any state: all items,
// results and charges are taken back, none is removed. It needs the permission to review
// results, because final ones may be among them.
func (s *Service) EnterOrderInError(ctx context.Context, in OrderStepInput) (Order, error) {
	op := usecase.Op{Name: "lab.enter_order_in_error", Permission: hmstype.PermLabReview, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, reasonedStep{in}, fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in reasonedStep) (Order, error) {
		return s.stepOrder(ctx, db, in.OrderStepInput, OrderEnteredInError)
	}))
}

func (s *Service) stepOrder(ctx context.Context, db dbx.DB, in OrderStepInput, to OrderStatus) (Order, error) {
	row, err := lockOrder(ctx, db, in.ID)
	if err != nil {
		return Order{}, err
	}
	if row.Version != in.Version {
		return Order{}, hmstype.ErrStale
	}
	items, err := itemsOf(ctx, db, in.ID)
	if err != nil {
		return Order{}, err
	}
	if err := moveOrder(ctx, db, &row, to, in.Reason); err != nil {
		return Order{}, err
	}
	for i := range items {
		if err := s.followOrder(ctx, db, &items[i], to, in.Reason); err != nil {
			return Order{}, err
		}
	}
	return row.order(items), db.Emit(ctx, orderEvent("lab.order_"+string(to), row))
}

// moveOrder changes the state of a locked order.
func moveOrder(ctx context.Context, db dbx.DB, row *orderRow, to OrderStatus, why string) error {
	if err := OrderTransitions.Check("lab_order", row.Status, to); err != nil {
		return err
	}
	row.Status, row.StatusReason = to, why
	if err := dbx.UpdateVersioned(ctx, db, row, row.Version, "status", "status_reason"); err != nil {
		return err
	}
	row.Version++
	return nil
}

// followOrder does to an item what its order's new state asks for.
func (s *Service) followOrder(ctx context.Context, db dbx.DB, item *itemRow, order OrderStatus, why string) error {
	switch {
	case order == OrderRevoked && item.Status.pending():
		return s.endItem(ctx, db, item, ItemCancelled, why)
	case order == OrderEnteredInError && item.Status != ItemEnteredInError:
		return s.endItem(ctx, db, item, ItemEnteredInError, why)
	}
	return nil
}

// endItem cancels an item, or says that it was entered in error, with its results and its
// charge.
func (s *Service) endItem(ctx context.Context, db dbx.DB, item *itemRow, to ItemStatus, why string) error {
	if err := ItemTransitions.Check("lab_order_item", item.Status, to); err != nil {
		return err
	}
	result := ResultCancelled
	if to == ItemEnteredInError {
		result = ResultEnteredInError
	}
	if err := s.withdrawResults(ctx, db, item.ID, result, why); err != nil {
		return err
	}
	if err := moveItem(ctx, db, item, to, why); err != nil {
		return err
	}
	return s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(item.ID), why)
}

// moveItem changes the state of an item of a locked order; columns are further ones that the
// caller has set.
func moveItem(ctx context.Context, db dbx.DB, item *itemRow, to ItemStatus, why string, columns ...string) error {
	if item.Status != to {
		if err := ItemTransitions.Check("lab_order_item", item.Status, to); err != nil {
			return err
		}
	}
	item.Status, item.StatusReason = to, why
	columns = append(columns, "status", "status_reason")
	if err := dbx.UpdateVersioned(ctx, db, item, item.Version, columns...); err != nil {
		return err
	}
	item.Version++
	return nil
}

// CancelItemInput cancels one test of an order.
type CancelItemInput struct {
	ItemRef
	Reason         string // required, up to 500 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in CancelItemInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	reason(&v, in.Reason)
	return v.Err()
}

// CancelItem cancels a test that is not final, with its preliminary results, and takes its
// charge back. When nothing is left to do the order is complete, or revoked where every item
// was cancelled.
func (s *Service) CancelItem(ctx context.Context, in CancelItemInput) (Order, error) {
	op := usecase.Op{Name: "lab.cancel_item", Permission: hmstype.PermLabOrder, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, orderText, func(ctx context.Context, db dbx.DB, in CancelItemInput) (Order, error) {
		order, items, item, err := openItem(ctx, db, in.ItemRef)
		if err != nil {
			return Order{}, err
		}
		if err := s.endItem(ctx, db, item, ItemCancelled, in.Reason); err != nil {
			return Order{}, err
		}
		if err := db.Emit(ctx, itemEvent("lab.cancelled", *item)); err != nil {
			return Order{}, err
		}
		return order.order(items), completeOrder(ctx, db, &order, items)
	}))
}

// ItemRef names an item, whose it is, and the version that the caller read.
type ItemRef struct {
	OrderID   hmstype.LabOrderID     // required; the item must be one of this order
	ItemID    hmstype.LabOrderItemID // required
	PatientID hmstype.PatientID      // zero means unchecked; otherwise the item must be this patient's
	Version   int64                  // of the item, as the caller read it
}

func (r ItemRef) check(v *hmstype.Validator) {
	v.Required(!r.OrderID.IsZero(), "orderId")
	v.Required(!r.ItemID.IsZero(), "itemId")
	v.Check(r.Version >= 1, "version", "must be at least 1")
}

// openItem locks an order and gives it with its items and the one that is named; the pointer
// is into the slice. [ErrItemMismatch], [hmstype.ErrStale].
func openItem(ctx context.Context, db dbx.DB, ref ItemRef) (orderRow, []itemRow, *itemRow, error) {
	order, err := lockOrder(ctx, db, ref.OrderID)
	if err != nil {
		return order, nil, nil, err
	}
	items, err := itemsOf(ctx, db, ref.OrderID)
	if err != nil {
		return order, nil, nil, err
	}
	for i := range items {
		if items[i].ID != ref.ItemID {
			continue
		}
		switch {
		case !ref.PatientID.IsZero() && items[i].PatientID != ref.PatientID:
			return order, nil, nil, ErrItemMismatch
		case items[i].Version != ref.Version:
			return order, nil, nil, hmstype.ErrStale
		}
		return order, items, &items[i], nil
	}
	if _, err := dbx.Get[itemRow](ctx, db, "lab_order_item", ref.ItemID); err != nil {
		return order, nil, nil, err
	}
	return order, nil, nil, ErrItemMismatch
}

// completeOrder ends an active order that has nothing left to do.
func completeOrder(ctx context.Context, db dbx.DB, order *orderRow, items []itemRow) error {
	if order.Status != OrderActive {
		return nil
	}
	released := false
	for _, item := range items {
		if item.Status.pending() {
			return nil
		}
		released = released || item.Status.released()
	}
	to, why := OrderCompleted, ""
	if !released {
		to, why = OrderRevoked, "every item was cancelled"
	}
	if err := moveOrder(ctx, db, order, to, why); err != nil {
		return err
	}
	return db.Emit(ctx, orderEvent("lab.order_"+string(to), *order))
}
