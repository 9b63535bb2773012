package outbox

import (
	"errors"
	"fmt"

	"github.com/chelal/hms/hmstype"
)

// ErrUndeliverable: the host's function returns it, or an error that wraps it, where to try again is of no use, as
// for an event that the receiver refuses for good. The event is dead at once.
var ErrUndeliverable = errors.New("outbox: the event can never be delivered")

// ErrInTransaction: Relay was called on services that are bound to a transaction. It needs transactions of its
// own: events that the transaction wrote are not there for others yet, and a lease that it took would vanish with it.
var ErrInTransaction = fmt.Errorf("%w: events are relayed outside of transactions", hmstype.ErrPrecondition)

// DeliveryError tells that the host's function did not take an event. Its text holds nothing of the function's own
// error, which is reached by errors.Is and errors.As.
type DeliveryError struct {
	Event    hmstype.OutboxEventID `json:"event"`    // the event's id
	Type     string                `json:"type"`     // the event's type
	Attempts int                   `json:"attempts"` // how often its delivery failed, this time included
	Dead     bool                  `json:"dead"`     // whether it was given up; see [Service.RetryEvents]
	Failure  string                `json:"failure"`  // the kind or the type of Err, as it is kept with the event
	Err      error                 `json:"-"`        // what the function returned, or a [PanicError]; never nil
}

// Error implements error.
func (e *DeliveryError) Error() string {
	return fmt.Sprintf("outbox: event %s (%s) was not delivered, failure %d: %s", e.Event, e.Type, e.Attempts, e.Failure)
}

// Unwrap gives what the function returned.
func (e *DeliveryError) Unwrap() error { return e.Err }

// PanicError is the failure of an event whose delivery panicked. Its text does not hold the value.
type PanicError struct {
	Value any    `json:"-"` // what the host's function panicked with
	Stack []byte `json:"-"` // where, as of runtime/debug.Stack
}

// Error implements error.
func (e *PanicError) Error() string { return "the function that delivers panicked" }
