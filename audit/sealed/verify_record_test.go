package sealed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
)

// Numbers are void by the signed record of a restore and by nothing else, or whoever removed a bill before it was
// sealed would call its number void.
func TestService_VerifyLogFindsNumbersThatAreVoidByNoRecord(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	b.checkpoint(t)
	to := dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`)
	got, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost", Margin: 10})
	require.NoError(t, err)
	require.Len(t, got.Restoration.Skipped, len(got.Skipped))
	require.Empty(t, b.verify(t).Findings)
	for name, attack := range map[string]string{
		"Added": `INSERT INTO hms.skipped_number (tenant_id, series, first, last, reason, skipped_at, skipped_by)
			SELECT tenant_id, series, last + 1, last + 3, reason, skipped_at, skipped_by FROM hms.skipped_number
			WHERE series = 'sealed-test'`,
		"Widened": `UPDATE hms.skipped_number SET last = last + 1 WHERE series = 'sealed-test'`,
		"Reason":  `UPDATE hms.skipped_number SET reason = 'lost on paper' WHERE series = 'sealed-test'`,
		"Gone":    `DELETE FROM hms.skipped_number WHERE series = 'sealed-test'`,
	} {
		t.Run(name, func(t *testing.T) { // one after the other, in one database
			report := b.verifyAfter(t, attack)
			require.Contains(t, kinds(report), sealed.FindingRecord)
		})
	}
}

// What the guards of rows stand back for is a signed record, or a finding.
func TestService_VerifyLogFindsAForgedRecordOfATenant(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	b.checkpoint(t)
	for _, kind := range []string{"handed-out", "moved-in", "deleted"} {
		report := b.verifyAfter(t, `INSERT INTO hms.tenant_record (tenant_id, number, kind, recorded_at, archive_hash, note)
			VALUES ('`+b.Tenant.String()+`', 1, '`+kind+`', now(), sha256(''), 'x')`)
		require.Contains(t, kinds(report), sealed.FindingRecord, kind)
	}
}

// verifyAfter verifies within a transaction that changed something past the triggers, and undoes that.
func (b *logBundle) verifyAfter(t *testing.T, attack string) sealed.LogReport {
	t.Helper()
	tx, err := b.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = tx.Tx.ExecContext(t.Context(), `SET LOCAL session_replication_role = replica; `+attack+
		`; SET LOCAL session_replication_role = DEFAULT`)
	require.NoError(t, err)
	base := b.Base
	base.DB = base.DB.Bind(tx)
	report, err := newService(base, b.config).VerifyLog(b.Ctx)
	require.NoError(t, err)
	return report
}
