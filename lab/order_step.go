package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// orderSteps is how an order changes its state.
var orderSteps = dbx.Machine[orderRow, OrderStatus]{
	Table: "lab_order", Transitions: OrderTransitions,
	State:   func(r *orderRow) *OrderStatus { return &r.Status },
	Columns: []string{"status_reason"},
	Event:   func(r *orderRow, _ OrderStatus) dbx.Event { return orderEvent(orderEvents[r.Status], *r) },
}

// OrderStep moves an order on.
type OrderStep struct {
	ID      hmstype.LabOrderID `json:"id"`      // required
	Version int64              `json:"version"` // the version that the caller read
	// up to 500 characters; required to hold, revoke and enter in error
	Reason         string `json:"reason"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above, but for the reason, which depends on the step.
func (in OrderStep) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Text(in.Reason, "reason", 0, 500)
	return v.Err()
}

// ActivateOrderInput is the input of [Service.ActivateOrder]; see [OrderStep].
type ActivateOrderInput OrderStep

// Validate implements the rules of [OrderStep].
func (in ActivateOrderInput) Validate() error { return OrderStep(in).Validate() }

// HoldOrderInput is the input of [Service.HoldOrder]; see [OrderStep].
type HoldOrderInput OrderStep

// Validate implements the rules of [OrderStep].
func (in HoldOrderInput) Validate() error { return OrderStep(in).validateReasoned() }

// RevokeOrderInput is the input of [Service.RevokeOrder]; see [OrderStep].
type RevokeOrderInput OrderStep

// Validate implements the rules of [OrderStep].
func (in RevokeOrderInput) Validate() error { return OrderStep(in).validateReasoned() }

// EnterOrderInErrorInput is the input of [Service.EnterOrderInError]; see [OrderStep].
type EnterOrderInErrorInput OrderStep

// Validate implements the rules of [OrderStep].
func (in EnterOrderInErrorInput) Validate() error { return OrderStep(in).validateReasoned() }

// validateReasoned is Validate for a step that needs a reason.
func (in OrderStep) validateReasoned() error {
	if err := in.Validate(); err != nil {
		return err
	}
	var v hmstype.Validator
	reason(&v, in.Reason)
	return v.Err()
}

var opActivateOrder = usecase.Command[ActivateOrderInput, Order]{
	Name: "lab.activate_order", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key:    func(in ActivateOrderInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: ActivateOrderInput{Version: 1},
}.Declare()

// ActivateOrder asks for a draft, or goes on with an order that was on hold.
// [hmstype.ErrInvalidTransition], [hmstype.ErrStale]; the patient is as for [Service.AddOrder].
// Permission: [hmstype.PermLabOrder].
func (s *Service) ActivateOrder(ctx context.Context, in ActivateOrderInput) (Order, error) {
	return opActivateOrder.Run(ctx, &s.base, in, s.activateOrder)
}

func (s *Service) activateOrder(ctx context.Context, db dbx.DB, in ActivateOrderInput) (Order, error) {
	row, err := dbx.Get[orderRow](ctx, db, "lab_order", in.ID)
	if err != nil {
		return Order{}, err
	}
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), row.PatientID); err != nil {
		return Order{}, err
	}
	return s.stepOrder(ctx, db, OrderStep(in), OrderActive)
}

// keyOfStep gives the idempotency key of an order's step.
var opHoldOrder = usecase.Command[HoldOrderInput, Order]{
	Name: "lab.hold_order", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key:    func(in HoldOrderInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: HoldOrderInput{Version: 1, Reason: "asked back"},
}.Declare()

// HoldOrder suspends the work on an order: nothing is collected or resulted until it is
// active again. It needs a reason.
// Permission: [hmstype.PermLabOrder].
func (s *Service) HoldOrder(ctx context.Context, in HoldOrderInput) (Order, error) {
	return opHoldOrder.Run(ctx, &s.base, in, s.holdOrder)
}

func (s *Service) holdOrder(ctx context.Context, db dbx.DB, in HoldOrderInput) (Order, error) {
	return s.stepOrder(ctx, db, OrderStep(in), OrderOnHold)
}

var opRevokeOrder = usecase.Command[RevokeOrderInput, Order]{
	Name: "lab.revoke_order", Permission: hmstype.PermLabOrder, Shows: orders.One(),
	Key:    func(in RevokeOrderInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: RevokeOrderInput{Version: 1, Reason: "wrong patient"},
}.Declare()

// RevokeOrder withdraws an order before it is complete: items that are not final are
// cancelled with the reason, their preliminary results too, and their charges are taken back.
// Permission: [hmstype.PermLabOrder].
func (s *Service) RevokeOrder(ctx context.Context, in RevokeOrderInput) (Order, error) {
	return opRevokeOrder.Run(ctx, &s.base, in, s.revokeOrder)
}

func (s *Service) revokeOrder(ctx context.Context, db dbx.DB, in RevokeOrderInput) (Order, error) {
	return s.stepOrder(ctx, db, OrderStep(in), OrderRevoked)
}

var opEnterOrderInError = usecase.Command[EnterOrderInErrorInput, Order]{
	Name: "lab.enter_order_in_error", Permission: hmstype.PermLabRelease, Shows: orders.One(),
	Key:    func(in EnterOrderInErrorInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(o Order) hmstype.LabOrderID { return o.ID }, getOrder),
	Sample: EnterOrderInErrorInput{Version: 1, Reason: "blood of another patient"},
}.Declare()

// EnterOrderInError says that an order should never have been, from any state: all items,
// results and charges are taken back, none is removed. It needs the permission to review
// results, because final ones may be among them.
// Permission: [hmstype.PermLabRelease].
func (s *Service) EnterOrderInError(ctx context.Context, in EnterOrderInErrorInput) (Order, error) {
	return opEnterOrderInError.Run(ctx, &s.base, in, s.enterOrderInError)
}

func (s *Service) enterOrderInError(ctx context.Context, db dbx.DB, in EnterOrderInErrorInput) (Order, error) {
	return s.stepOrder(ctx, db, OrderStep(in), OrderEnteredInError)
}

func (s *Service) stepOrder(ctx context.Context, db dbx.DB, in OrderStep, to OrderStatus) (Order, error) {
	row, err := lockOrder(ctx, db, in.ID)
	if err != nil {
		return Order{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Order{}, err
	}
	all, err := itemsOf(ctx, db, in.ID)
	if err != nil {
		return Order{}, err
	}
	if err := moveOrder(ctx, db, &row, to, in.Reason); err != nil {
		return Order{}, err
	}
	for i := range all {
		if err := s.followOrder(ctx, db, &all[i], to, in.Reason); err != nil {
			return Order{}, err
		}
	}
	return row.order(all), nil
}

// moveOrder takes a step of a locked order.
func moveOrder(ctx context.Context, db dbx.DB, row *orderRow, to OrderStatus, why string) error {
	return dbx.Move(ctx, db, orderSteps, row, dbx.Change[orderRow, OrderStatus]{
		To: to, Reason: why,
		Apply: func(row *orderRow) error {
			row.StatusReason = why
			return nil
		},
	})
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
	if err := s.withdrawResults(ctx, db, *item, result, why); err != nil {
		return err
	}
	wasReleased := item.Status.released()
	if err := moveItem(ctx, db, item, to, why); err != nil {
		return err
	}
	if wasReleased {
		if err := db.Emit(ctx, itemEvent(eventWithdrawn, *item)); err != nil {
			return err
		}
	}
	return s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(item.ID), why)
}

// completeOrder ends an active order that has nothing left to do.
func completeOrder(ctx context.Context, db dbx.DB, order *orderRow, all []itemRow) error {
	if order.Status != OrderActive {
		return nil
	}
	released := false
	for _, item := range all {
		if item.Status.pending() {
			return nil
		}
		released = released || item.Status.released()
	}
	to, why := OrderCompleted, ""
	if !released {
		to, why = OrderRevoked, "every item was cancelled"
	}
	return moveOrder(ctx, db, order, to, why)
}
