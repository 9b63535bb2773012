// Package outbox delivers the events that services wrote beside their use cases to the host's
// queue or bus: at least once, in order per entity, by as many relays as the host likes.
//
// It owns the relay and the removal of what was delivered long ago. It does not own the
// events' meaning, and it starts no goroutine: the host's scheduler calls Relay.
package outbox
