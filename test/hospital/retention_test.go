package hospital_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// A hospital's whole life up to now becomes older than the day's policy keeps it and is purged: the replay of every
// table still adds up, and the life goes on.
func TestHMS_ArchiveAuditMonth(t *testing.T) {
	t.Parallel()
	withLog := day.WithLog(t)
	env := hmstest.NewOwn(t, withLog)
	config := hms.Config{Now: time.Now}
	withLog(&config)
	h, err := hms.New(env.DB, config)
	require.NoError(t, err)
	d := fixture.NewDay(t, env)
	d.Live()
	for _, statement := range []string{ // in place of years of waiting
		`SET LOCAL ROLE hms_owner; SELECT hms.ensure_audit_partitions('2012-01-01', 1)`,
		`SET LOCAL session_replication_role = replica; UPDATE hms.audit_event AS e
			SET recorded_at = '2012-01-05'::timestamptz + (e.recorded_at - f.first)
			FROM (SELECT min(recorded_at) AS first FROM hms.audit_event) AS f`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	bill, err := h.Billing.GetBill(env.Ctx, d.Bill.ID)
	require.NoError(t, err)
	_, err = h.Billing.Pay(env.Ctx, billing.PayInput{
		Bill: bill.ID, Amount: bill.Open, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
	})
	require.NoError(t, err)
	// A checkpoint that left the oldest events behind would make them back-dated, so nobody's
	// transaction may hold the watermark back.
	d.Settle()
	step, err := h.AuditLog.Seal(env.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.False(t, step.More)
	sink := sealed.NewDirSink(t.TempDir())
	in := sealed.ArchiveMonthInput{Month: "2012-01", By: "test", Sink: sink}
	dry, err := h.ArchiveAuditMonth(t.Context(), in)
	require.NoError(t, err)
	require.False(t, dry.Purged)
	in.Purge = true
	report, err := h.ArchiveAuditMonth(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, dry.Tenants[0].Total(), report.Tenants[0].Total())
	archive, err := sink.Open(t.Context(), report.Tenants[0].Archive)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(config.AuditLog.Verifiers[0])
	require.NoError(t, err)
	m, err := proof.VerifyArchive(archive, note.VerifierList(verifier))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.Equal(t, dry.Tenants[0].Total(), m.Leaves.Count)

	replay, err := h.AuditLog.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, replay.Clean(), "%+v", replay)
	older := 0
	for _, table := range replay.Tables {
		if table.Purged > 0 {
			older++
		}
	}
	require.Greater(t, older, 20, "tables whose rows are older than the trail")
	log, err := h.AuditLog.VerifyLog(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, m.Leaves.Count, log.Purged)
	require.Empty(t, log.Findings)
}
