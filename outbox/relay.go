package outbox

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Relayed is what one call of Relay did.
type Relayed struct {
	Claimed   int `json:"claimed"`   // events that it took on; zero where nothing was due
	Delivered int `json:"delivered"` // those that the host's function took
	Failed    int `json:"failed"`    // those that it did not: they come again, or are dead
	Dead      int `json:"dead"`      // those that were given up, after too many failures
	// Lost are those that the function took after the relay's lease was over and another relay had them: they are
	// delivered again.
	Lost int `json:"lost"`
}

var opRelay = usecase.Command[usecase.None, claim]{
	Name: "outbox.relay", Permission: hmstype.PermOutboxRelay, Shows: usecase.Nobody[claim]("counts only"),
	Quiet: "marks what was delivered; the events tell of changes that are on the trail",
}.Declare()

// Relay hands waiting events to fn, oldest first, of up to a hundred entities, all of each up to a thousand events in
// all. Call it again until it claims none.
//
// Where fn fails or panics, that event comes again after a pause and the later ones of its entity wait for it; the
// others go on. Where trying again is of no use, fn returns [ErrUndeliverable]. All failures are returned, as
// [DeliveryError], beside what was done. fn gets an event again where the
// process died before its success was stored, so it tells by the event's id what it has seen. Its context ends with
// the relay's lease, after 40 seconds or more.
//
// Where ctx ends, what fn has taken is stored, what it has not is given back, and the error of ctx is returned.
//
// Several relays may run at once: none gets an event that another has, nor one of an entity whose earlier event waits.
// On services that are bound to a transaction: [ErrInTransaction].
// Permission: [hmstype.PermOutboxRelay].
func (s *Service) Relay(ctx context.Context, fn func(context.Context, Event) error) (Relayed, error) {
	if s.base.DB.IsBound() {
		return Relayed{}, ErrInTransaction
	}
	taken := now()
	c, err := opRelay.Run(ctx, &s.base, usecase.None{}, func(
		ctx context.Context, db dbx.DB, _ usecase.None,
	) (claim, error) {
		return takeOn(ctx, db)
	})
	if err != nil {
		return Relayed{}, err
	}
	d := &delivery{base: &s.base, claim: c, leased: taken, stopped: map[entity]bool{}}
	d.done.Claimed, d.done.Dead = len(c.events)+c.dead, c.dead
	return d.done, d.all(ctx, fn)
}

// now is the machine's clock: how much of a lease has passed is a duration, whatever clock the host injects.
func now() time.Time { return time.Now() } //nolint:forbidigo // a duration is the machine's

const (
	// confirmEvery bounds what is delivered again where the process dies.
	confirmEvery = 50
	// confirmAfter bounds it where the host's function takes its time.
	confirmAfter = time.Second
	// renewAfter is when a lease is prolonged: each call of the host's function has the rest of it.
	renewAfter = lease / 3
)

// delivery is one call of Relay under way.
type delivery struct {
	base      *usecase.Base
	claim     claim
	leased    time.Time // the machine's time at which the lease began
	confirmed time.Time // the machine's time at which what happened was stored last

	taken   []claimed       // what fn took and is not stored yet
	failed  []failure       // what fn did not take, and is not stored yet
	back    []claimed       // not tried, and to be given back
	stopped map[entity]bool // another relay has them now

	done     Relayed
	failures []error
}

// failure is an event that fn did not take.
type failure struct {
	claimed
	class string
	dead  bool
}

// all delivers what was claimed. However fn leaves it, what is not done is given back.
func (d *delivery) all(ctx context.Context, fn func(context.Context, Event) error) (err error) {
	rest := d.claim.events
	defer func() {
		d.back = append(d.back, rest...)
		err = errors.Join(append(d.failures, err, d.confirm(ctx))...)
	}()
	d.confirmed = now()
	for len(rest) > 0 && ctx.Err() == nil {
		if err := d.keep(ctx, rest); err != nil {
			return err
		}
		event := rest[0]
		if d.stopped[event.entity()] {
			rest = rest[1:]
			continue
		}
		failed := d.call(ctx, fn, event.Event)
		if failed != nil && ctx.Err() != nil {
			break // who is told to stop did not fail
		}
		rest = rest[1:]
		if failed == nil {
			d.taken = append(d.taken, event)
		} else {
			d.fail(event, failed)
			rest = d.giveBackOf(event.entity(), rest)
		}
	}
	return ctx.Err()
}

// keep stores what happened when there is enough of it, and prolongs the lease of the rest when that is due.
func (d *delivery) keep(ctx context.Context, rest []claimed) error {
	if renew := now().Sub(d.leased) > renewAfter; renew {
		if err := d.confirm(ctx); err != nil {
			return err
		}
		return d.renew(ctx, rest)
	}
	if len(d.taken)+len(d.failed) >= confirmEvery ||
		len(d.taken)+len(d.failed) > 0 && now().Sub(d.confirmed) > confirmAfter {
		return d.confirm(ctx)
	}
	return nil
}

// call runs the host's function, with a context that ends with the lease.
func (d *delivery) call(ctx context.Context, fn func(context.Context, Event) error, e Event) (err error) {
	ctx, cancel := context.WithDeadline(ctx, d.leased.Add(lease))
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return fn(ctx, e)
}

// giveBackOf takes out what must wait for an earlier event of its entity.
func (d *delivery) giveBackOf(of entity, rest []claimed) (others []claimed) {
	for _, e := range rest {
		if e.entity() == of {
			d.back = append(d.back, e)
		} else {
			others = append(others, e)
		}
	}
	return others
}

// fail notes that fn did not take the event.
func (d *delivery) fail(e claimed, err error) {
	e.attempts++
	class, dead := failureOf(err), e.attempts >= maxAttempts || errors.Is(err, ErrUndeliverable)
	d.failed = append(d.failed, failure{e, class, dead})
	d.failures = append(d.failures, &DeliveryError{
		Event: e.ID, Type: e.Type, Attempts: e.attempts, Dead: dead, Failure: class, Err: err,
	})
}
