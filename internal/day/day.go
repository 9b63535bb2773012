// Package day lets a hospital live one day, once, through every public method of the services: the
// suites that need a tenant with rows in all tables, or every use case with success, live it, each
// with what it brings itself, and so does examples/hospitalday, before it works with many. A [Pen]
// supplies the texts: a plain one, or one whose words can be found again wherever they must not be.
//
// It owns the story and what it remembers of it, and no assertion but that each step goes well. It
// imports nothing of tests, as a program lives it too; internal/dbtest/fixture gives it to tests. No
// package of the library imports it.
package day

import (
	"context"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// length is how long a day lasts at most, so that after it the clock shows what it showed before.
const length = 48 * time.Hour

// evening is how long the end of the day lasts at most.
const evening = time.Hour

const afterwards = time.Minute // between two use cases that must not share an instant

// T is who lives the day and hears what goes wrong in it: a test, or a program. FailNow ends the
// goroutine that lives the day.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	FailNow()
}

// Clock is the one that the services read.
type Clock interface {
	Now() time.Time
	Advance(d time.Duration)
}

// Hospital is where a day is lived.
type Hospital struct {
	H      *hms.HMS        // with a key of field encryption, a signer of the log, and Clock's time
	DB     *bun.DB         // the one of H
	Tenant hms.TenantID    // the hospital's own, in which nobody has lived yet
	Ctx    context.Context //nolint:containedctx // of one day; carries the host's own actor
	Clock  Clock
}

// Day is a tenant that lives through a day of a hospital. It has rows in all tables afterwards, and
// remembers the ids that the services gave it.
type Day struct {
	Hospital
	Pen       Pen
	Unfounded bool // the tenant is not there yet: its first hour is part of the day
	// Repeated is given what a command with an idempotency key gave, and what it gives when it is called
	// again at once; nil calls nothing twice.
	Repeated func(name string, first, again any, err error)

	IDs     method.IDs      // that the methods gave, by type
	Reached map[string]bool // methods that succeeded, such as "patient.Register"
	Who     patient.Patient // whom nearly everything is about
	Visit   hmstype.EncounterID
	Role    string       // the name of one that holds every permission
	Bill    billing.Bill // issued, and partly paid

	t        T
	user     identity.User
	me       context.Context //nolint:containedctx // of one day; user
	other    context.Context //nolint:containedctx // of one day; somebody else
	service  billing.ServiceItem
	item     pharmacy.Item
	location hmstype.LocationID
	batch    pharmacy.Batch
	rx       hmstype.PrescriptionID
	test     lab.Test

	credentials byte // how many were added
}

// New gives the day of a hospital, before its morning, with a plain pen. Days of several tenants write
// the same texts in the same order.
func New(t T, where Hospital) *Day {
	return &Day{Hospital: where, Pen: &plain{}, IDs: method.IDs{}, Reached: map[string]bool{}, t: t}
}

// Live lives the day, which ends now. What the trail's log does by night is [Day.Seal]'s.
func (d *Day) Live() {
	d.t.Helper()
	now := d.Clock.Now()
	d.Clock.Advance(-length)
	for _, part := range []func(){
		d.accounts, d.secondFactor, d.sessions, d.catalogue, d.formulary, d.desk, d.coverage, d.emergency,
		d.appointments, d.encounters, d.notes, d.findings, d.prescriptions, d.dispensing, d.laboratory, d.ward,
		d.bills, d.refunds, d.post, d.disclosures, d.questions, d.office, d.night,
	} {
		part()
	}
	left := now.Sub(d.Clock.Now())
	d.require(left > evening, "the day is longer than it may be")
	d.Clock.Advance(left - evening)
	d.evening()
	d.Clock.Advance(now.Sub(d.Clock.Now()))
}

// Missed gives the public methods that the day did not call with success, of how many.
func (d *Day) Missed() (missed []string, of int) {
	all := method.Public(d.H)
	for _, m := range all {
		if !d.Reached[m.Name] {
			missed = append(missed, m.Name)
		}
	}
	return missed, len(all)
}

// RequireAllReached fails for a public method that the day did not call with success.
func (d *Day) RequireAllReached() {
	d.t.Helper()
	missed, _ := d.Missed()
	d.require(len(missed) == 0, "the day does not reach %v", missed)
}

// require ends the day where something is not so.
func (d *Day) require(isSo bool, format string, args ...any) {
	d.t.Helper()
	if !isSo {
		d.t.Errorf(format, args...)
		d.t.FailNow()
	}
}

// check ends the day where something failed.
func (d *Day) check(err error, what string) {
	d.t.Helper()
	d.require(err == nil, "%s: %v", what, err)
}

// Person gives somebody with roles, who has just proved who he is.
func (d *Day) Person(roles ...string) context.Context {
	d.t.Helper()
	user := run(d, d.Ctx, d.H.Identity.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{
			Email:       d.mail("identity.CreateUser.Profile.Email"),
			PhoneNumber: d.Pen.Phone("identity.CreateUser.Profile.PhoneNumber"),
		},
		Roles: roles,
	})
	actor := hms.HumanActor(d.Tenant, user.ID)
	actor.AuthenticatedAt = d.Clock.Now()
	return hms.WithActor(d.t.Context(), actor)
}

// done notes that a method succeeded, its ids, and the secrets that it made.
func (d *Day) done(name string, err error, out any) {
	d.t.Helper()
	d.Pen.Error(name, err)
	d.check(err, name)
	d.Reached[name] = true
	d.IDs.Remember(reflect.ValueOf(out))
	result := reflect.New(reflect.TypeOf(out)).Elem()
	result.Set(reflect.ValueOf(out))
	for _, l := range method.Leaves(result, name) {
		if s, ok := l.Value.Interface().(hmstype.Secret); ok {
			d.Pen.Made(l.Path, s)
		}
	}
}

// run fills a method's input with texts and calls it, which must succeed.
func run[In, Out any](d *Day, ctx context.Context, fn func(context.Context, In) (Out, error), in In) Out {
	d.t.Helper()
	name := method.NameOf(fn)
	d.feed(reflect.ValueOf(&in).Elem(), name)
	out, err := fn(ctx, in)
	d.done(name, err, out)
	if d.Repeated != nil && method.TakesKey(reflect.TypeFor[In]()) {
		again, err := fn(ctx, in)
		d.Repeated(name, out, again, err)
	}
	return out
}

// perform calls a method that takes no input.
func perform[Out any](d *Day, ctx context.Context, fn func(context.Context) (Out, error)) Out {
	d.t.Helper()
	out, err := fn(ctx)
	d.done(method.NameOf(fn), err, out)
	return out
}

// tell calls a method that gives nothing but an error.
func tell[In any](d *Day, ctx context.Context, fn func(context.Context, In) error, in In) {
	d.t.Helper()
	name := method.NameOf(fn)
	d.feed(reflect.ValueOf(&in).Elem(), name)
	d.done(name, fn(ctx, in), hmstype.Secret(""))
}
