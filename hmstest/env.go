package hmstest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// Env is what one test works with.
type Env struct {
	H      *hms.HMS        // the library on DB
	DB     *bun.DB         // connects as superuser, like a developer's host
	DSN    string          // of DB
	Tenant hms.TenantID    // the test's own; currency USD, time zone UTC
	Ctx    context.Context //nolint:containedctx // a test's; carries the host's system actor

	// ContextKey is that of the database's hardened mode; empty in the ordinary one.
	ContextKey hmstype.Secret

	env *dbtest.Env
}

// Main runs the tests of a package, drops its database and fails where goroutines are
// left behind. Call it from TestMain.
func Main(m *testing.M) { dbtest.Main(m) }

// Start is where every test's clock begins.
var Start = dbtest.Start

// New gives a test its environment. The clock stands still at [Start]. change may change
// the configuration; the clock stays the test's. Fields are encrypted under a key of the
// test's own, unless change brings another.
func New(tb testing.TB, change ...func(*hms.Config)) *Env {
	tb.Helper()
	return wrap(tb, dbtest.New(tb), change)
}

// NewOwn is [New] on a database of the test's own, for what would disturb others.
func NewOwn(tb testing.TB, change ...func(*hms.Config)) *Env {
	tb.Helper()
	return wrap(tb, dbtest.NewOwn(tb), change)
}

func wrap(tb testing.TB, env *dbtest.Env, change []func(*hms.Config)) *Env {
	tb.Helper()
	var config hms.Config
	for _, c := range change {
		c(&config)
	}
	if config.Now == nil {
		config.Now = env.Clock.Now
	}
	if config.Identity.Argon2 == (identity.Argon2{}) {
		config.Identity.Argon2 = dbtest.FastHash
	}
	if config.KeyEncryptionKey == nil {
		config.KeyEncryptionKey = env.Key
	}
	h, err := hms.New(env.DB, config)
	require.NoError(tb, err)
	return &Env{
		H: h, DB: env.DB, DSN: env.DSN, Tenant: env.Tenant, Ctx: env.Ctx, ContextKey: config.ContextKey, env: env,
	}
}

// Neighbour gives another tenant on the same database and library, with the same clock.
func (e *Env) Neighbour(tb testing.TB) *Env {
	tb.Helper()
	other := *e
	other.Tenant = hmstype.NewID[hmstype.TenantID]()
	other.Ctx = hmstype.WithActor(tb.Context(), hmstype.SystemActor(other.Tenant, "test"))
	inner := *e.env
	inner.Tenant, inner.Ctx = other.Tenant, other.Ctx
	other.env = &inner
	_, err := e.H.Identity.CreateTenant(other.Ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Another hospital"},
	})
	require.NoError(tb, err)
	return &other
}

// Advance moves the test's clock on.
func (e *Env) Advance(d time.Duration) { e.env.Clock.Advance(d) }

// Now gives the test's time.
func (e *Env) Now() time.Time { return e.env.Clock.Now() }

// Today gives the test's day.
func (e *Env) Today() hmstype.Date { return hmstype.DateOf(e.Now(), time.UTC) }

// User creates an active user with these roles and gives its id.
func (e *Env) User(tb testing.TB, roles ...string) hms.UserID {
	tb.Helper()
	return e.env.User(tb, roles...).ID
}

// As gives the context of a new user with these roles.
func (e *Env) As(tb testing.TB, roles ...string) context.Context {
	tb.Helper()
	return e.env.As(tb, roles...)
}
