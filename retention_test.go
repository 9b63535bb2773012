package hms_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/pharmacy"
)

// A hospital's whole life up to now becomes eight years old and is purged: the replay of every
// table still adds up, and the life goes on.
func TestHMS_ArchiveAuditMonth(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	h, err := hms.New(env.DB,
		hms.Config{Now: time.Now, AuditLog: sealed.Config{Signer: signer, Verifiers: []string{public}}})
	require.NoError(t, err)
	bill := liveIn(t, env)
	for _, statement := range []string{ // in place of eight years of waiting
		`SET LOCAL ROLE hms_owner; SELECT hms.ensure_audit_partitions('2018-01-01', 1)`,
		`SET LOCAL session_replication_role = replica; UPDATE hms.audit_event AS e SET recorded_at = '2018-01-05'::timestamptz + (e.recorded_at - f.first)
			FROM (SELECT min(recorded_at) AS first FROM hms.audit_event) AS f`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err = h.Billing.Pay(env.Ctx, billing.PayInput{Bill: bill.ID, Amount: bill.Total, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash}})
	require.NoError(t, err)
	// A checkpoint that left the oldest events behind would make them back-dated, so nobody's
	// transaction may hold the watermark back.
	for waits := true; waits; {
		require.NoError(t, env.DB.NewRaw(`SELECT EXISTS (SELECT 1 FROM hms.audit_event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))`).Scan(t.Context(), &waits))
	}
	step, err := h.AuditLog.Seal(env.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.False(t, step.More)
	sink := sealed.NewDirSink(t.TempDir())
	in := sealed.ArchiveInput{Month: "2018-01", By: "test", Sink: sink}
	dry, err := h.ArchiveAuditMonth(t.Context(), in)
	require.NoError(t, err)
	require.False(t, dry.Purged)
	in.Purge = true
	report, err := h.ArchiveAuditMonth(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, dry.Tenants[0].Total(), report.Tenants[0].Total())
	archive, err := sink.Open(t.Context(), report.Tenants[0].Archive)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
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

// liveIn does a little of everything and gives a bill that is to be paid.
func liveIn(t *testing.T, env *hmstest.Env) billing.Bill {
	t.Helper()
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := prescribe(t, env, stock.Item, 20, 0)
	_, err := env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20})
	require.NoError(t, err)
	encounter := env.Encounter(t, rx.Patient, clinical.ClassInpatient)
	_, err = env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(t, "").ID})
	require.NoError(t, err)
	draft, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: rx.Patient})
	require.NoError(t, err)
	bill, err := env.H.Billing.IssueBill(env.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	return bill
}
