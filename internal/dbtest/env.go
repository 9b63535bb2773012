package dbtest

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/migrate"
)

// Clock is a clock that tests set. It is safe for concurrent use.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	tick time.Duration
}

// Start is where every test's clock begins: a Monday morning in UTC.
var Start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// NewClock makes a clock that stands still at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now gives the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.tick)
	return c.now
}

// Tick makes the clock move on by d at every reading: whoever reads it twice gets two instants.
func (c *Clock) Tick(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick = d
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// FastHash keeps password hashing from dominating the tests; what it costs is measured elsewhere.
var FastHash = identity.Argon2{MemoryKiB: 64, Passes: 1, Lanes: 1}

// Env is what one test works with.
type Env struct {
	DB       *bun.DB                  // connects as superuser, like a developer's host
	DSN      string                   // of DB
	Tenant   hmstype.TenantID         // the test's own
	Ctx      context.Context          // carries the host's system actor of the tenant //nolint:containedctx // a test's
	Clock    *Clock                   // the time that services see
	Key      hmstype.KeyEncryptionKey // of Base
	Base     usecase.Base             // for the New functions of the domains
	Identity *identity.Service        // of Base
}

// New gives a test its environment: a new tenant, "UTC" and "USD", with the standard roles.
func New(tb testing.TB) *Env {
	tb.Helper()
	db, dsn := open(tb)
	return newEnv(tb, db, dsn)
}

// NewOwn gives a test a database of its own, for what would disturb others: migrations,
// locks on tables, broken triggers. Its sessions are the test's own as well: see [EndSessions].
func NewOwn(tb testing.TB) *Env {
	tb.Helper()
	open(tb)
	server := process.server
	if SharedDatabase() { // that server cannot clone a database, so a local one serves
		var err error
		server, err = pgserver.Shared(tb.Context(), pgserver.Options{Kind: pgserver.KindLocal})
		require.NoError(tb, err)
	}
	dsn, err := clone(tb.Context(), server)
	require.NoError(tb, err)
	dsn = Named(tb, dsn)
	db, err := dbx.Open(dsn)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return newEnv(tb, db, dsn)
}

// NewDurable gives a benchmark a server of its own that writes as one in production does, with
// fsync, and services without the probe of their trail.
func NewDurable(tb testing.TB) *Env {
	tb.Helper()
	e := onServer(tb, pgserver.Options{Durable: true})
	e.Base.Probe = nil
	return e
}

// NewServer gives a test a server of its own with these settings, for what all databases of a server share: a
// transaction that is held open, one that is prepared. Its database is "postgres", and it has another, "other".
func NewServer(tb testing.TB, settings map[string]string) *Env {
	tb.Helper()
	options := pgserver.Options{Settings: settings}
	if os.Getenv("HMS_DATABASE_URL") != "" { // which others use too
		options.Kind = pgserver.KindLocal
	}
	e := onServer(tb, options)
	_, err := e.DB.ExecContext(tb.Context(), `CREATE DATABASE other`)
	require.NoError(tb, err)
	return e
}

func onServer(tb testing.TB, options pgserver.Options) *Env {
	tb.Helper()
	server, err := pgserver.Start(tb.Context(), options)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, server.Stop(context.Background())) })
	db, err := dbx.Open(server.DSN(""))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, assumeKey())
	require.NoError(tb, migrate.Migrate(tb.Context(), db))
	return newEnv(tb, db, server.DSN(""))
}

func newEnv(tb testing.TB, db *bun.DB, dsn string) *Env {
	tb.Helper()
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("database: %s", dsn)
		}
	})
	clock := NewClock()
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(tb, err)
	e := &Env{DB: db, Key: key, DSN: dsn, Clock: clock, Tenant: hmstype.NewID[hmstype.TenantID]()}
	crypt := fieldcrypt.New(key).WithNarrative(true)
	e.Base = usecase.Base{
		DB: dbx.NewHandle(db, dbx.Options{Now: clock.Now, Requests: crypt}), Log: zerolog.Nop(), Crypt: crypt,
		Separation: hmstype.StandardSeparation(), Probe: RequireEvent,
	}
	e.Identity = identity.New(e.Base, identity.Config{Argon2: FastHash})
	e.Base.Authorizer = e.Identity
	e.Ctx = hmstype.WithActor(tb.Context(), hmstype.SystemActor(e.Tenant, "test"))
	_, err = e.Identity.CreateTenant(e.Ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Test hospital"},
	})
	require.NoError(tb, err)
	return e
}

// User creates an active user with these roles.
func (e *Env) User(tb testing.TB, roles ...string) identity.User {
	tb.Helper()
	user, err := e.Identity.CreateUser(e.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{
			Username: "user-" + hmstype.NewID[hmstype.UserID]().String(), FirstName: "Test", LastName: "User",
		}, Roles: roles,
	})
	require.NoError(tb, err)
	return user
}

// As gives the context of a new user with these roles.
func (e *Env) As(tb testing.TB, roles ...string) context.Context {
	tb.Helper()
	return hmstype.WithActor(tb.Context(), hmstype.HumanActor(e.Tenant, e.User(tb, roles...).ID))
}

// InTx runs fn on the library's own handle with the context's actor, for tests of private mechanisms
// and for rows that a test must put there by SQL.
func (e *Env) InTx(tb testing.TB, ctx context.Context, fn func(context.Context, dbx.DB) error) error {
	tb.Helper()
	return e.InOperation(tb, ctx, "test", fn)
}

// InOperation is [Env.InTx] under the name of a use case, for what the database does for that one only.
func (e *Env) InOperation(
	tb testing.TB, ctx context.Context, operation string, fn func(context.Context, dbx.DB) error,
) error {
	tb.Helper()
	return dbx.Map(e.Base.DB.InTx(ctx, operation, fn))
}

// Scalar reads one value by SQL as the superuser, past row-level security.
func Scalar[T any](tb testing.TB, e *Env, query string, args ...any) T {
	tb.Helper()
	var v T
	require.NoError(tb, e.DB.NewRaw(query, args...).Scan(tb.Context(), &v))
	return v
}

// Texts reads a column of text by SQL as the superuser, past row-level security, such as one text per
// breach of a rule of the catalogue.
func Texts(tb testing.TB, db *bun.DB, query string, args ...any) []string {
	tb.Helper()
	texts := []string{}
	require.NoError(tb, db.NewRaw(query, args...).Scan(tb.Context(), &texts))
	return texts
}

// RequireTransitions holds a table of transitions against the guard that the database
// puts on the same entity: both must allow the same steps.
func RequireTransitions(tb testing.TB, e *Env, table string, pairs []string) {
	tb.Helper()
	var definition string
	err := e.DB.NewRaw(`SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = ? AND NOT tgisinternal`,
		table+"_status_guard").Scan(tb.Context(), &definition)
	require.NoError(tb, err, "table %s has no guard of its status", table)
	require.ElementsMatch(tb, pairs, guardPairs(definition))
}

// guardPair finds the arguments of a guard in the trigger's definition.
var guardPair = regexp.MustCompile(`'([A-Za-z0-9_-]+>[A-Za-z0-9_-]+)'`)

func guardPairs(definition string) []string {
	var pairs []string
	for _, m := range guardPair.FindAllStringSubmatch(definition, -1) {
		pairs = append(pairs, m[1])
	}
	return pairs
}

// Main runs a binary's tests, drops its database and fails on goroutines that are left. Where
// all tests ran and passed, it fails as well for a use case of the package that none of them ran with
// success. Use it as TestMain of every package that uses this one.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 && isWholeRun() {
		code = requireAllRun(strings.TrimSuffix(usecase.CallerPackage(0), "_test"))
	}
	if err := cleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, "clean-up:", err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// requireAllRun gives the binary's exit code.
func requireAllRun(pkg string) int {
	missing := notRun(pkg)
	for _, m := range missing {
		fmt.Fprintln(os.Stderr, m)
	}
	return min(len(missing), 1)
}

// What is told by the outbox is told as docs/events.md says.
func init() { dbx.StrictEvents = true }
