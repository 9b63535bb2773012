package leak_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
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
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmsotel"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
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
	h      *hms.HMS
	db     *bun.DB
	dsn    string
	clock  *dbtest.Clock
	log    lockedBuffer
	config hms.Config
	tenant hms.TenantID
	sys    context.Context //nolint:containedctx // a test's; the host's own actor
	day    *day.Day        // what the tenant has lived through

	errored int // errors that were looked through

	spans   *tracetest.InMemoryExporter
	metrics *sdkmetric.ManualReader
}

func newHospital(t *testing.T) *hospital {
	t.Helper()
	options := pgserver.Options{Settings: map[string]string{
		"logging_collector": "on", "log_directory": "log", "log_filename": "server.log",
		// Each statement's text, as pg_stat_activity shows it, but no parameter: a text holds no value.
		"log_statement": "all", "log_parameter_max_length": "0",
	}}
	if os.Getenv("HMS_DATABASE_URL") != "" { // a server that others use cannot be told how to log
		options.Kind = pgserver.KindLocal
	}
	server, err := pgserver.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	c := &hospital{
		canaries: canaries{t: t, fed: map[string]bool{}, secrets: map[int]bool{}, tokens: map[string]int{}},
		dsn:      server.DSN(""), clock: dbtest.NewClock(), tenant: hms.NewTenantID(),
	}
	c.config = c.configure()
	c.db, c.h = c.open(c.dsn)
	require.NoError(t, c.h.Migrate(t.Context()))
	c.sys = hms.WithActor(t.Context(), hms.SystemActor(c.tenant, "host"))
	c.day = day.New(t, day.Hospital{H: c.h, DB: c.db, Tenant: c.tenant, Ctx: c.sys, Clock: c.clock})
	c.day.Pen, c.day.Unfounded = &c.canaries, true
	return c
}

// live lives the day and seals it.
func (c *hospital) live() {
	c.day.Live()
	c.day.Seal()
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
		Observers: []hmstype.Observer{observer},
		Now:       c.clock.Now, Logger: zerolog.New(&c.log).Level(zerolog.TraceLevel), KeyEncryptionKey: key,
		EncryptNarrative: true,
		Identity:         identity.Config{Argon2: dbtest.FastHash},
		ErasureLedger:    encryption.NewFileLedger(filepath.Join(c.t.TempDir(), "ledger")),
		AuditLog:         sealed.Config{Signer: signer, Verifiers: []string{public}, Witnesses: []sealed.Witness{witness}},
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
