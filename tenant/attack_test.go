package tenant_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/tenant"
)

// The record by which rows go does not go with them, or whoever put a forged one there would take his trace along.
func TestRemoving_KeepsTheRecordOfIt(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	_, err := env.DB.ExecContext(t.Context(), `INSERT INTO hms.tenant_record
		(tenant_id, number, kind, recorded_at, archive_hash, note) VALUES (?, 1, 'deleted', now(), '', 'x')`, env.Tenant)
	require.NoError(t, err)
	for _, statement := range []string{
		`DELETE FROM hms.tenant_record`, `UPDATE hms.tenant_record SET note = 'y'`, `TRUNCATE hms.tenant_record`,
	} {
		require.Equal(t, "HM002", attempt(t, env, "SET LOCAL ROLE hms_owner", env.Tenant, statement), statement)
	}
}

// What an erased patient had is in no archive to read, and keeps nobody from being handed out.
func TestLibrary_ExportReadableOfErasedPatients(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	jane := register(env.Ctx, t, env.H, "jane@example.org")
	register(env.Ctx, t, env.H, "joe@example.org")
	_, err := env.H.Encryption.Erase(env.Ctx, encryption.EraseInput{Patient: jane.ID,
		ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "he asked for it"}})
	require.NoError(t, err)
	store := shelf{}
	text := store.text(export(t, env, store, true))
	require.NotContains(t, text, "jane@example.org")
	require.Contains(t, text, "joe@example.org")
}

// A tenant goes by an archive that holds all that was done in it: that as many events are there as then says nothing
// where a month of the trail went meanwhile.
func TestLibrary_DeleteRefusesAnArchiveOfBeforeAPurge(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	jane := register(env.Ctx, t, env.H, "jane@example.org")
	store := shelf{}
	out := export(t, env, store, false)
	_, err := env.H.Patient.Get(env.Ctx, jane.ID)
	require.NoError(t, err)
	_, err = env.H.AuditLog.Seal(env.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	more := dbtest.Texts(t, env.DB, `SELECT count(*)::text FROM hms.audit_event WHERE tenant_id = ?`, env.Tenant)[0]
	_, err = env.DB.ExecContext(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica;
		DELETE FROM hms.audit_event WHERE id IN (SELECT id FROM hms.audit_event ORDER BY recorded_at, id
			LIMIT `+more+` - `+fmt.Sprint(out.Manifest.Table("audit_event").Rows)+`); COMMIT`)
	require.NoError(t, err)
	_, err = env.H.DeleteTenant(t.Context(), tenant.DeleteInput{Tenant: env.Tenant, By: "operator", Basis: "moved",
		Archive: out.Sum, RetentionBasis: "moved", Delete: true})
	require.ErrorIs(t, err, tenant.ErrChanged)
}

// Ids of transactions are a server's own. What came is sealed wherever the ids of the server from which it came had
// been.
func TestLibrary_ImportIsSealedWhateverIdsTheOtherServerHad(t *testing.T) {
	t.Parallel()
	config := group(t)
	from, to := hmstest.NewOwn(t, config), hmstest.NewOwn(t, config)
	register(from.Ctx, t, from.H, "jane@example.org")
	_, err := from.H.AuditLog.Seal(from.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	store := shelf{}
	out := export(t, from, store, false)
	_, err = to.H.ImportTenant(t.Context(), tenant.ImportInput{
		Tenant: from.Tenant, By: "operator", Source: store, Archive: out.Archive,
	})
	require.NoError(t, err)
	// As if the other server had got as far as this one is now.
	_, err = to.DB.ExecContext(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica;
		UPDATE hms.audit_checkpoint SET xid = pg_snapshot_xmax(pg_current_snapshot()),
			sealed = format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot
		WHERE number = (SELECT max(number) FROM hms.audit_checkpoint); COMMIT`)
	require.NoError(t, err)
	there := hmstype.WithActor(t.Context(), hmstype.SystemActor(from.Tenant, "test"))
	for range 5 {
		register(there, t, to.H, "joe@example.org")
	}
	report, err := to.H.AuditLog.Seal(there, sealed.SealInput{Limit: 2})
	require.NoError(t, err)
	for report.More {
		report, err = to.H.AuditLog.Seal(there, sealed.SealInput{Limit: 2})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"0"}, dbtest.Texts(t, to.DB, `SELECT count(*)::text FROM hms.audit_event AS e
		WHERE e.tenant_id = ? AND NOT EXISTS (SELECT 1 FROM hms.audit_leaf AS l
			WHERE l.tenant_id = e.tenant_id AND l.event_id = e.id)`, from.Tenant))
}
