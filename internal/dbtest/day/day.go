// Package day lets a hospital live one day, once, through every public method of the services: the
// suites that need a tenant with rows in all tables, or every use case with success, live it, each
// with what it brings itself. A [Pen] supplies the texts: a plain one, or one whose words can be
// found again wherever they must not be.
//
// It owns the story and what it remembers of it, and no assertion but that each step goes well.
// Nothing outside tests imports it.
package day

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest/method"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// length is how long a day lasts at most, so that after it the clock shows what it showed before.
const length = 48 * time.Hour

// evening is how long the end of the day lasts at most.
const evening = time.Hour

const afterwards = time.Minute // between two use cases that must not share an instant

// Clock is the one that the services read.
type Clock interface {
	Now() time.Time
	Advance(d time.Duration)
}

// Day is a tenant that lives through a day of a hospital. It has rows in all tables afterwards, and
// remembers the ids that the services gave it.
type Day struct {
	*hmstest.Env
	Clock     Clock
	Pen       Pen
	Unfounded bool // the tenant is not there yet: its first hour is part of the day

	IDs     method.IDs      // that the methods gave, by type
	Reached map[string]bool // methods that succeeded, such as "patient.Register"
	Who     patient.Patient // whom nearly everything is about
	Visit   hmstype.EncounterID
	Role    string       // the name of one that holds every permission
	Bill    billing.Bill // issued, and partly paid

	tb       testing.TB
	user     identity.User
	me       context.Context //nolint:containedctx // a test's; user
	other    context.Context //nolint:containedctx // a test's; somebody else
	service  billing.ServiceItem
	item     pharmacy.Item
	location hmstype.LocationID
	batch    pharmacy.Batch
	rx       hmstype.PrescriptionID
	test     lab.Test

	credentials byte // how many were added
}

// New gives the day of the environment's tenant, before its morning, with a plain pen. Days of several
// tenants write the same texts in the same order.
func New(tb testing.TB, env *hmstest.Env) *Day {
	tb.Helper()
	return &Day{Env: env, Clock: env, Pen: &plain{}, IDs: method.IDs{}, Reached: map[string]bool{}, tb: tb}
}

// Lived gives the environment's tenant after its day and the night.
func Lived(tb testing.TB, env *hmstest.Env) *Day {
	tb.Helper()
	d := New(tb, env)
	d.Live()
	d.Seal()
	return d
}

// Live lives the day, which ends now. What the trail's log does by night is [Day.Seal]'s.
func (d *Day) Live() {
	d.tb.Helper()
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
	require.Greater(d.tb, left, evening, "the day is longer than it may be")
	d.Clock.Advance(left - evening)
	d.evening()
	d.Clock.Advance(now.Sub(d.Clock.Now()))
}

// RequireAllReached fails for a public method that the day did not call with success.
func (d *Day) RequireAllReached() {
	d.tb.Helper()
	for _, m := range method.Public(d.H) {
		assert.True(d.tb, d.Reached[m.Name], "the day does not reach %s", m.Name)
	}
}

// Person gives somebody with roles, who has just proved who he is.
func (d *Day) Person(roles ...string) context.Context {
	d.tb.Helper()
	user := run(d, d.Ctx, d.H.Identity.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{
			Email:       d.mail("identity.CreateUser.Profile.Email"),
			PhoneNumber: d.Pen.Phone("identity.CreateUser.Profile.PhoneNumber"),
		},
		Roles: roles,
	})
	actor := hms.HumanActor(d.Tenant, user.ID)
	actor.AuthenticatedAt = d.Clock.Now()
	return hms.WithActor(d.tb.Context(), actor)
}

// done notes that a method succeeded, its ids, and the secrets that it made.
func (d *Day) done(name string, err error, out any) {
	d.tb.Helper()
	d.Pen.Error(name, err)
	require.NoError(d.tb, err, name)
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
	d.tb.Helper()
	name := method.NameOf(fn)
	d.feed(reflect.ValueOf(&in).Elem(), name)
	out, err := fn(ctx, in)
	d.done(name, err, out)
	return out
}

// perform calls a method that takes no input.
func perform[Out any](d *Day, ctx context.Context, fn func(context.Context) (Out, error)) Out {
	d.tb.Helper()
	out, err := fn(ctx)
	d.done(method.NameOf(fn), err, out)
	return out
}

// tell calls a method that gives nothing but an error.
func tell[In any](d *Day, ctx context.Context, fn func(context.Context, In) error, in In) {
	d.tb.Helper()
	name := method.NameOf(fn)
	d.feed(reflect.ValueOf(&in).Elem(), name)
	d.done(name, fn(ctx, in), hmstype.Secret(""))
}
