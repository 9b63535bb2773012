package hms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmsotel"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/archtest"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// lockedBuffer takes a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// hospital is a database server of the test's own, which logs as SECURITY.md tells, and the
// library on it, which encrypts what it can and logs all that it can.
type hospital struct {
	canaries
	t      *testing.T
	h      *hms.HMS
	db     *bun.DB
	dsn    string
	clock  *dbtest.Clock
	log    lockedBuffer
	config hms.Config
	tenant hms.TenantID
	sys    context.Context //nolint:containedctx // a test's; the host's own actor
	role   string          // the name of one that holds every permission

	reached map[string]bool // methods that succeeded
	fed     map[string]bool // fields that a canary went into, with success
	errored int             // errors that were looked through

	ids map[reflect.Type][]reflect.Value // that the methods gave, by type

	spans   *tracetest.InMemoryExporter
	metrics *sdkmetric.ManualReader
}

func newHospital(t *testing.T) *hospital {
	t.Helper()
	options := pgserver.Options{
		Settings: map[string]string{"logging_collector": "on", "log_directory": "log", "log_filename": "server.log"},
	}
	if os.Getenv("HMS_DATABASE_URL") != "" { // a server that others use cannot be told how to log
		options.Kind = pgserver.KindLocal
	}
	server, err := pgserver.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	c := &hospital{
		canaries: canaries{secrets: map[int]bool{}, tokens: map[string]int{}}, t: t, dsn: server.DSN(""),
		clock: dbtest.NewClock(), tenant: hms.NewTenantID(), ids: map[reflect.Type][]reflect.Value{},
		reached: map[string]bool{}, fed: map[string]bool{},
	}
	c.config = c.configure()
	c.db, c.h = c.open(c.dsn)
	require.NoError(t, c.h.Migrate(t.Context()))
	c.sys = hms.WithActor(t.Context(), hms.SystemActor(c.tenant, "host"))
	return c
}

func (c *hospital) configure() hms.Config {
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(c.t, err)
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(c.t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(c.t, err)
	witness, err := sealed.NewFileWitness(filepath.Join(c.t.TempDir(), "witness"), public)
	require.NoError(c.t, err)
	c.spans, c.metrics = tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	observer, err := hmsotel.New(hmsotel.Config{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(c.spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(c.metrics)),
	})
	require.NoError(c.t, err)
	return hms.Config{
		Observers: []hmstype.Observer{observer}, Now: c.clock.Now, Logger: zerolog.New(&c.log).Level(zerolog.TraceLevel),
		KeyEncryptionKey: key, EncryptNarrative: true, Identity: identity.Config{Argon2: fastHash},
		AuditLog: sealed.Config{Signer: signer, Verifiers: []string{public}, Witnesses: []sealed.Witness{witness}},
	}
}

// open gives the library on a DSN of the server.
func (c *hospital) open(dsn string) (*bun.DB, *hms.HMS) {
	db, err := hms.OpenDB(dsn)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, db.Close()) })
	h, err := hms.New(db, c.config)
	require.NoError(c.t, err)
	return db, h
}

// serverLog gives what the server has logged up to now.
func (c *hospital) serverLog() string {
	mark := hmstype.NewID[hmstype.TenantID]().String() // the log's collector may lag behind
	_, err := c.db.ExecContext(c.t.Context(), `DO $$ BEGIN RAISE LOG 'mark `+mark+`'; END $$`)
	require.NoError(c.t, err)
	for {
		var text string
		require.NoError(c.t, c.db.NewRaw(`SELECT pg_read_file('log/server.log')`).Scan(c.t.Context(), &text))
		if strings.Contains(text, mark) {
			return text
		}
		require.NoError(c.t, c.t.Context().Err(), "the server's log does not come")
	}
}

// nameOf names a method as publicMethods does.
func nameOf(fn any) string {
	full := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name() // .../patient.(*Service).Register-fm
	folder, method, _ := strings.Cut(full, ".(*Service).")
	return archtest.Domain(folder) + "." + strings.TrimSuffix(method, "-fm")
}

// byHand marks the fields of which exactly one may be given: the day gives each its canary itself.
const byHand = ".Value."

// feed puts a canary into each text of an input that is still empty.
func (c *hospital) feed(in reflect.Value, name string) {
	for _, l := range leaves(in, name) {
		_, no := takesNoCanary(l.path)
		isEmptyText := l.value.Type() == reflect.TypeFor[string]() && l.value.Len() == 0
		if !no && !strings.Contains(l.path, byHand) && isEmptyText {
			l.value.SetString(c.text(l.path))
		}
		if len(c.find(l.value.String())) > 0 {
			c.fed[l.path] = true
		}
	}
}

// done notes that a method succeeded, and the secrets that it made.
func (c *hospital) done(name string, err error, out any) {
	c.t.Helper()
	c.requireNoneIn(c.t, err, name)
	require.NoError(c.t, err, name)
	c.reached[name] = true
	c.remember(reflect.ValueOf(out))
	result := reflect.New(reflect.TypeOf(out)).Elem()
	result.Set(reflect.ValueOf(out))
	for _, l := range leaves(result, name) {
		if s, ok := l.value.Interface().(hmstype.Secret); ok {
			c.made(l.path, s)
		}
	}
}

// run feeds a method's input and calls it, which must succeed.
func run[In, Out any](c *hospital, ctx context.Context, fn func(context.Context, In) (Out, error), in In) Out {
	c.t.Helper()
	name := nameOf(fn)
	c.feed(reflect.ValueOf(&in).Elem(), name)
	out, err := fn(ctx, in)
	c.done(name, err, out)
	return out
}

// perform calls a method that takes no input.
func perform[Out any](c *hospital, ctx context.Context, fn func(context.Context) (Out, error)) Out {
	c.t.Helper()
	out, err := fn(ctx)
	c.done(nameOf(fn), err, out)
	return out
}

// tell calls a method that gives nothing but an error.
func tell[In any](c *hospital, ctx context.Context, fn func(context.Context, In) error, in In) {
	c.t.Helper()
	name := nameOf(fn)
	c.feed(reflect.ValueOf(&in).Elem(), name)
	c.done(name, fn(ctx, in), hmstype.Secret(""))
}

// person gives somebody with roles, who has just proved who he is.
func (c *hospital) person(roles ...string) context.Context {
	c.t.Helper()
	user := run(c, c.sys, c.h.Identity.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{
			Email:       c.mail("identity.CreateUser.Profile.Email"),
			PhoneNumber: c.phone("identity.CreateUser.Profile.PhoneNumber"),
		},
		Roles: roles,
	})
	actor := hms.HumanActor(c.tenant, user.ID)
	actor.AuthenticatedAt = c.clock.Now()
	return hms.WithActor(c.t.Context(), actor)
}
