package sealed_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// memorySink keeps archives in memory; a test may let it fail.
type memorySink struct {
	mu       sync.Mutex
	archives map[string][]byte
	aborted  int
	onWrite  func() error
	onClose  func() error
	onOpen   func(archive []byte) ([]byte, error)
}

func (s *memorySink) Create(_ context.Context, name string) (sealed.ArchiveWriter, error) {
	return &memoryArchive{sink: s, name: name}, nil
}

func (s *memorySink) Open(_ context.Context, name string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	archive := s.archives[name]
	if s.onOpen != nil {
		var err error
		if archive, err = s.onOpen(archive); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(bytes.NewReader(archive)), nil
}

type memoryArchive struct {
	bytes.Buffer
	sink *memorySink
	name string
}

func (a *memoryArchive) Write(p []byte) (int, error) {
	if a.sink.onWrite != nil {
		if err := a.sink.onWrite(); err != nil {
			return 0, err
		}
	}
	return a.Buffer.Write(p)
}

func (a *memoryArchive) Close() error {
	if a.sink.onClose != nil {
		if err := a.sink.onClose(); err != nil {
			return err
		}
	}
	a.sink.mu.Lock()
	defer a.sink.mu.Unlock()
	if a.sink.archives == nil {
		a.sink.archives = map[string][]byte{}
	}
	a.sink.archives[a.name] = a.Bytes()
	return nil
}

func (a *memoryArchive) Abort() {
	a.sink.mu.Lock()
	defer a.sink.mu.Unlock()
	a.sink.aborted++
}

// oldMonth is when the tests' old events were recorded: long enough ago by every clock.
const oldMonth sealed.Month = "2018-01"

// older gives a tenant, in a database of its own, whose trail begins in 2018: some months have
// events of every category. They are put there before the log begins, so that to it they are
// simply its first events.
func older(t *testing.T, months ...sealed.Month) *logBundle {
	t.Helper()
	b := newLog(t, dbtest.NewOwn(t))
	b.Clock.Advance(time.Since(dbtest.Start)) // the host's clock agrees with the database's
	for _, month := range months {
		b.age(t, month, 40)
	}
	return b
}

// sibling gives another tenant of the same database, whose trail begins in months of its own:
// what befalls these concerns nobody else.
func (b *logBundle) sibling(t *testing.T, months ...sealed.Month) *logBundle {
	t.Helper()
	env := *b.Env
	env.Tenant = hmstype.NewID[hmstype.TenantID]()
	env.Ctx = hmstype.WithActor(t.Context(), hmstype.SystemActor(env.Tenant, "test"))
	env.Clock = dbtest.NewClock()
	env.Clock.Advance(time.Since(dbtest.Start))
	env.Base.DB = dbx.NewHandle(env.DB, dbx.Options{Now: env.Clock.Now, Requests: env.Base.Crypt})
	env.Identity = identity.New(env.Base, identity.Config{})
	env.Base.Authorizer = env.Identity
	_, err := env.Identity.CreateTenant(env.Ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Another hospital"},
	})
	require.NoError(t, err)
	s := newLog(t, &env)
	for _, month := range months {
		s.age(t, month, 40)
	}
	return s
}

// months hands out months that no other test of the database uses.
type months struct{ given atomic.Int64 }

func (m *months) next() sealed.Month {
	return proof.MonthOf(time.Date(2010, time.Month(m.given.Add(1)), 1, 0, 0, 0, 0, time.UTC))
}

// age puts events into a month.
func (b *logBundle) age(t *testing.T, month sealed.Month, n int) {
	t.Helper()
	from, _, err := month.Bounds()
	require.NoError(t, err)
	b.patiently(t, `SET LOCAL ROLE hms_owner; SELECT hms.ensure_audit_partitions(?, 1)`, from.Format(time.DateOnly))
	b.sql(t, `INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id, operation, request_id,
		purpose, changes)
		SELECT ?, ?::timestamptz + i * interval '10 minutes', 'human:x', (ARRAY['read', 'search', 'login', 'export',
			'verify'])[1 + i % 5], 'test', i::text, 'test', '', 'TREAT',
			'{"text": "1 < 2 & 3"}' FROM generate_series(0, ?) AS i`, b.Tenant, from, n-1)
}

// sealAll seals until nothing waits and the log says up to when it is whole, which others' transactions may delay.
func (b *logBundle) sealAll(t *testing.T) {
	t.Helper()
	for more := true; more; {
		report, err := b.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		more = report.More || report.Checkpoint.Through.IsZero()
		require.NoError(t, t.Context().Err(), "a transaction stays open")
	}
}

// archive archives a month. Tests that share a database keep each other from the lock on the
// trail, so it tries again as a host's scheduler would.
func (b *logBundle) archive(t *testing.T, in sealed.ArchiveMonthInput) (sealed.ArchiveReport, error) {
	t.Helper()
	if in.By == "" {
		in.By = "scheduler"
	}
	for attempt := 1; ; attempt++ {
		report, err := sealed.ArchiveMonth(t.Context(), b.Base.DB, b.config, in)
		if !strings.Contains(fmt.Sprint(err), "contention") || attempt == 20 {
			return report, err
		}
	}
}

func (b *logBundle) verifiers(t *testing.T) note.Verifiers {
	t.Helper()
	verifier, err := note.NewVerifier(b.public)
	require.NoError(t, err)
	return note.VerifierList(verifier)
}

// inMonth counts the tenant's events of a month.
func (b *logBundle) inMonth(t *testing.T, month sealed.Month) int64 {
	t.Helper()
	from, to, err := month.Bounds()
	require.NoError(t, err)
	return dbtest.Scalar[int64](t, b.Env,
		`SELECT count(*) FROM hms.audit_event WHERE tenant_id = ? AND recorded_at >= ? AND recorded_at < ?`, b.Tenant, from,
		to)
}

// hold places a hold.
func (b *logBundle) hold(t *testing.T, p hmstype.PatientID) hmstype.LegalHoldID {
	t.Helper()
	hold, err := b.trail.PlaceLegalHold(b.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: p, Reason: "case"}})
	require.NoError(t, err)
	return hold.ID
}

// patiently runs statements, which are one transaction, and again where a purge of another
// tenant's month in the same database came in their way. It never waits long for a lock: whoever
// waits for the trail keeps all writers waiting, and a sink that writes would wait for ever.
func (b *logBundle) patiently(t *testing.T, statements string, args ...any) {
	t.Helper()
	for {
		_, err := b.DB.ExecContext(t.Context(), `SET LOCAL lock_timeout = '200ms'; `+statements, args...)
		if code := dbx.SQLState(err); code != "40P01" && code != "55P03" {
			require.NoError(t, err)
			return
		}
	}
}

// leafNumber is a leaf in a statement of a test.
var leafNumber = regexp.MustCompile(`leaf_index = (\d+)`)

// past runs as superuser past every trigger; $tenant stands for the tenant's id, and leaves are
// counted from the first one of the old months: what made the tenant lies before it.
func (b *logBundle) past(t *testing.T, statements ...string) {
	t.Helper()
	first := dbtest.Scalar[int64](t, b.Env,
		`SELECT coalesce(min(leaf_index), 0) FROM hms.audit_leaf WHERE tenant_id = ? AND recorded_at < '2019-01-01'`,
		b.Tenant)
	text := strings.ReplaceAll(strings.Join(statements, ";"), "$tenant", "'"+b.Tenant.String()+"'")
	text = leafNumber.ReplaceAllString(text, fmt.Sprintf("leaf_index = %d + ${1}", first))
	b.patiently(t, `SET LOCAL session_replication_role = replica; `+text)
}
