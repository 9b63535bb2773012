package audit_test

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// benchEvents is how many events the log of the benchmarks holds; the figures of
// docs/security.md are of 1000000.
var benchEvents = flag.Int("events", 50_000, "events of the benchmarks of the sealed log")

// benchTables make three tables of one shape: without an audit trail, with ours, and with a
// hash chain as many systems have it, whose every row waits for the one before.
const benchTables = `
CREATE TABLE hms.bench_plain (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), patient_id uuid NOT NULL,
	status text NOT NULL, quantity bigint NOT NULL, reason text NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE hms.bench_trail (LIKE hms.bench_plain INCLUDING ALL);
CREATE TABLE hms.bench_chain (LIKE hms.bench_plain INCLUDING ALL);
SELECT hms.secure_table('bench_plain', 'SELECT, INSERT');
SELECT hms.install_table('bench_trail', 'patient_id', 'id', 'SELECT, INSERT');
SELECT hms.install_table('bench_chain', 'patient_id', 'id', 'SELECT, INSERT');
CREATE TABLE hms.bench_head (tenant_id uuid PRIMARY KEY, hash bytea NOT NULL);
SELECT hms.secure_table('bench_head', 'SELECT, INSERT, UPDATE');
CREATE FUNCTION hms.bench_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE hms.bench_head SET hash = sha256(hash || convert_to(to_jsonb(NEW)::text, 'UTF8')) WHERE tenant_id = NEW.tenant_id;
	RETURN NULL;
END $$;
CREATE TRIGGER bench_link AFTER INSERT ON hms.bench_chain FOR EACH ROW EXECUTE FUNCTION hms.bench_link();`

// inParallel runs fn b.N times in so many goroutines and reports transactions a second.
func inParallel(b *testing.B, clients int, fn func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkTrail inserts a row per transaction, as the application's role under row-level
// security, all of one tenant: what the trail costs a change, and what a chain would.
func BenchmarkTrail(b *testing.B) {
	env := dbtest.NewDurable(b)
	_, err := env.DB.ExecContext(b.Context(), benchTables)
	require.NoError(b, err)
	_, err = env.DB.ExecContext(b.Context(), `INSERT INTO hms.bench_head VALUES (?, '\x00')`, env.Tenant)
	require.NoError(b, err)
	for _, clients := range []int{1, 8, 32} {
		for _, way := range []string{"plain", "trail", "chain"} {
			b.Run(fmt.Sprintf("clients=%d/%s", clients, way), func(b *testing.B) {
				insert := `INSERT INTO hms.bench_` + way + ` (tenant_id, patient_id, status, quantity, reason)
					VALUES ($1, gen_random_uuid(), 'active', 7, 'a reason of some length')`
				inParallel(b, clients, func() error {
					return env.Base.DB.InTx(env.Ctx, "bench", func(ctx context.Context, db dbx.DB) error {
						_, err := db.Exec(ctx, insert, db.Tenant())
						return err
					})
				})
			})
		}
	}
}

// fill puts n events of changes into the trail, fifty a transaction.
func (b *logBench) fill(tb testing.TB, n int) {
	tb.Helper()
	_, err := b.DB.ExecContext(tb.Context(), fmt.Sprintf(`DO $$ BEGIN
		SET synchronous_commit = off;
		FOR step IN 1 .. %d LOOP
			INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
			SELECT '%s', 'human:' || gen_random_uuid(), 'update', 'stock_balance', gen_random_uuid()::text, gen_random_uuid(), 'pharmacy.dispense',
				gen_random_uuid()::text, 'TREAT', jsonb_build_object('on_hand', jsonb_build_array(i + 1, i), 'version', jsonb_build_array(i, i + 1))
			FROM generate_series(1, 50) AS i;
			COMMIT;
		END LOOP;
		RESET synchronous_commit;
	END $$`, n/50, b.Tenant))
	require.NoError(tb, err)
}

// BenchmarkService_Seal seals events, ten thousand a step, and reports events a second.
func BenchmarkService_Seal(b *testing.B) {
	l := newLog(b, dbtest.NewDurable(b))
	sealed := 0
	for b.Loop() {
		b.StopTimer()
		l.fill(b, *benchEvents)
		b.StartTimer()
		for {
			report, err := l.s.Seal(l.Ctx, audit.SealInput{})
			require.NoError(b, err)
			sealed += report.Sealed
			if !report.More {
				break
			}
		}
	}
	b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkService_VerifyLog verifies the whole log and trail, and reports events a second.
func BenchmarkService_VerifyLog(b *testing.B) {
	l := newLog(b, dbtest.NewDurable(b))
	l.fill(b, *benchEvents)
	l.seal(b)
	verified := int64(0)
	for b.Loop() {
		report, err := l.s.VerifyLog(l.Ctx)
		require.NoError(b, err)
		require.Empty(b, report.Findings)
		verified += report.Size
	}
	b.ReportMetric(float64(verified)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkService_ProveEvent proves one event of the log and checks the proof as an auditor
// does.
func BenchmarkService_ProveEvent(b *testing.B) {
	l := newLog(b, dbtest.NewDurable(b))
	l.fill(b, *benchEvents)
	l.seal(b)
	list, err := l.s.ListEvents(l.Ctx, audit.ListEventsInput{Entity: "stock_balance"})
	require.NoError(b, err)
	for i := 0; b.Loop(); i++ {
		bundle, err := l.s.ProveEvent(l.Ctx, list.Items[i%len(list.Items)].ID)
		require.NoError(b, err)
		_, err = audit.VerifyProof(bundle, l.public)
		require.NoError(b, err)
	}
}
