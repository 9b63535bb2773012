package audit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// benchTables make three tables of one shape: without an audit trail, with ours, and with a
// hash chain as many systems have it, whose every row waits for the one before.
const benchTables = `
CREATE TABLE hms.bench_plain (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(),
	patient_id uuid NOT NULL,
	status text NOT NULL, quantity bigint NOT NULL, reason text NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE hms.bench_trail (LIKE hms.bench_plain INCLUDING ALL);
CREATE TABLE hms.bench_chain (LIKE hms.bench_plain INCLUDING ALL);
SELECT hms.secure_table('bench_plain', 'SELECT, INSERT');
SELECT hms.install_table('bench_trail', 'patient_id', 'id', 'SELECT, INSERT', p_kind => 'trail');
SELECT hms.install_table('bench_chain', 'patient_id', 'id', 'SELECT, INSERT', p_kind => 'trail');
CREATE TABLE hms.bench_head (tenant_id uuid PRIMARY KEY, hash bytea NOT NULL);
SELECT hms.secure_table('bench_head', 'SELECT, INSERT, UPDATE');
CREATE FUNCTION hms.bench_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE hms.bench_head SET hash = sha256(hash || convert_to(to_jsonb(NEW)::text, 'UTF8'))
		WHERE tenant_id = NEW.tenant_id;
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
