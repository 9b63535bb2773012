package sealed_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
)

// benchEvents is how many events the log of the benchmarks holds; the figures of
// docs/security.md are of 1000000.
var benchEvents = flag.Int("events", 50_000, "events of the benchmarks of the sealed log")

// fill puts n events of changes into the trail, fifty a transaction.
func (b *logBundle) fill(tb testing.TB, n int) {
	tb.Helper()
	_, err := b.DB.ExecContext(tb.Context(), fmt.Sprintf(`DO $$ BEGIN
		SET synchronous_commit = off;
		FOR step IN 1 .. %d LOOP
			INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose,
				changes)
			SELECT '%s', 'human:' || gen_random_uuid(), 'update', 'stock_balance', gen_random_uuid()::text, gen_random_uuid(),
				'pharmacy.dispense',
				gen_random_uuid()::text, 'TREAT', jsonb_build_object('on_hand', jsonb_build_array(i + 1, i), 'version',
					jsonb_build_array(i, i + 1))
			FROM generate_series(1, 50) AS i;
			COMMIT;
		END LOOP;
		RESET synchronous_commit;
	END $$`, n/50, b.Tenant))
	require.NoError(tb, err)
}

// BenchmarkService_Seal seals events, ten thousand a step, and reports events a second.
func BenchmarkService_Seal(b *testing.B) { benchmarkSeal(b, newLog(b, dbtest.NewDurable(b))) }

// BenchmarkService_SealHeldBack is the same while a transaction stays open that began before all of them.
func BenchmarkService_SealHeldBack(b *testing.B) {
	l := newLog(b, dbtest.NewDurable(b))
	tx, err := l.DB.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	_, err = tx.ExecContext(b.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(b, err)
	benchmarkSeal(b, l)
	require.NoError(b, tx.Rollback())
}

func benchmarkSeal(b *testing.B, l *logBundle) {
	b.Helper()
	done := 0
	for b.Loop() {
		b.StopTimer()
		l.fill(b, *benchEvents)
		b.StartTimer()
		for {
			report, err := l.s.Seal(l.Ctx, sealed.SealInput{})
			require.NoError(b, err)
			done += report.Sealed
			if !report.More {
				break
			}
		}
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "events/s")
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
	list, err := l.trail.ListEvents(l.Ctx, audit.ListEventsInput{Entity: "stock_balance"})
	require.NoError(b, err)
	for i := 0; b.Loop(); i++ {
		bundle, err := l.s.ProveEvent(l.Ctx, list.Items[i%len(list.Items)].ID)
		require.NoError(b, err)
		_, err = sealed.VerifyProof(bundle, l.public)
		require.NoError(b, err)
	}
}
