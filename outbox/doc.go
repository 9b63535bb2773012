// Package outbox delivers the events that services wrote beside their use cases to the host's
// queue or bus: at least once, in order per entity, by as many relays as the host likes.
//
// It owns the relay, what becomes of an event that cannot be delivered, and the removal of what was
// delivered long ago. It does not own the events' meaning, and it starts no goroutine: the host's
// scheduler calls [Service.Relay].
//
// # States
//
// An event is waiting until a relay has delivered it. One whose delivery failed is failing: it comes
// again after a pause of 5 seconds, twice as long after each further failure up to 15 minutes, of which
// chance takes up to the half. After 50 failures, which is after some 8 hours, or at once where the host says so
// ([ErrUndeliverable]), it is dead, until somebody retries or discards it
// ([Service.RetryEvents], [Service.DiscardEvent]).
//
// # Order
//
// Events of one entity are delivered in the order in which the database recorded them. An event that is
// failing or dead keeps the later ones of its entity waiting: to deliver them would break the order that
// was promised, and a receiver cannot mend that. Everything else of the tenant goes on.
//
// # Leases
//
// A relay takes events on for a minute, in a short transaction of its own, and prolongs that while it
// works. The host's function runs outside of any transaction of ours, with a context that ends with the
// lease. What a relay that died had taken on is another's when the lease is over; the first event of each
// entity then counts a failure, and is taken on alone: it may be what killed the relay. A relay that was
// too slow changes nothing any more of what another has taken over.
//
// Leases go by the clocks of the hosts (Config.Now). Where those differ by more than the lease, two relays
// may deliver the same event; none is lost.
//
// # Errors
//
// [DeliveryError] tells of an event that the host's function did not take, and [PanicError] where it
// panicked. The text of the host's error is kept nowhere, for it may hold a patient's data.
package outbox
