package tenant_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/tenant"
)

// deletion is what nothing but the tenant itself can be in the way of.
func deletion(env *hmstest.Env) tenant.DeleteInput {
	return tenant.DeleteInput{
		Tenant: env.Tenant, By: "operator", Basis: "the hospital closed", RetentionBasis: "by the archive's law",
		WithoutArchive: true, Delete: true,
	}
}

// Each thing that is in the way keeps every row.
func TestLibrary_DeleteRefuses(t *testing.T) {
	t.Parallel()
	home := hmstest.NewOwn(t, group(t))
	store := shelf{}
	for name, tt := range map[string]struct {
		change func(t *testing.T, env *hmstest.Env, in *tenant.DeleteInput)
		want   error
	}{
		"Retention": {
			func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) { in.RetentionBasis = "" }, tenant.ErrRetained,
		},
		"Hold": {func(t *testing.T, env *hmstest.Env, _ *tenant.DeleteInput) {
			t.Helper()
			_, err := env.H.Audit.PlaceLegalHold(env.Ctx, audit.PlaceLegalHoldInput{
				LegalHoldDetails: audit.LegalHoldDetails{Reason: "a lawsuit"},
			})
			require.NoError(t, err)
		}, tenant.ErrRetained},
		"NoArchive": {func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) {
			in.WithoutArchive, in.Archive[0] = false, 1
		}, tenant.ErrNoArchive},
		"Readable": {func(t *testing.T, env *hmstest.Env, in *tenant.DeleteInput) {
			t.Helper()
			in.WithoutArchive, in.Archive = false, export(t, env, store, true).Sum
		}, tenant.ErrReadable},
		"WorkedSince": {func(t *testing.T, env *hmstest.Env, in *tenant.DeleteInput) {
			t.Helper()
			in.WithoutArchive, in.Archive = false, export(t, env, store, false).Sum
			register(env.Ctx, t, env.H, "late@example.org")
		}, tenant.ErrChanged},
		"OtherReceipt": {func(t *testing.T, env *hmstest.Env, in *tenant.DeleteInput) {
			t.Helper()
			out := export(t, env, store, false)
			in.WithoutArchive, in.Archive, in.Receipt = false, out.Sum, out.Record.Note
		}, tenant.ErrRecord},
		"Unsaid": {
			func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) { in.WithoutArchive = false }, hmstype.ErrInvalid,
		},
		"Nobody":  {func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) { in.By = "" }, hmstype.ErrInvalid},
		"NoBasis": {func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) { in.Basis = "" }, hmstype.ErrInvalid},
		"NoTenant": {func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) {
			in.Tenant = hmstype.NewID[hmstype.TenantID]()
		}, tenant.ErrNoTenant},
		"Unchanged": {func(_ *testing.T, _ *hmstest.Env, in *tenant.DeleteInput) { in.Delete = false }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := home.Neighbour(t)
			register(env.Ctx, t, env.H, "jane@example.org")
			in := deletion(env)
			tt.change(t, env, &in)
			before := sums(t, env.DB, env.Tenant)
			out, err := env.H.DeleteTenant(t.Context(), in)
			require.ErrorIs(t, err, tt.want)
			require.False(t, out.Deleted)
			if err == nil {
				require.Len(t, out.Tables, len(before))
				require.Empty(t, out.Obstacles)
			} else if name == "Retention" || name == "Hold" {
				in.Delete = false
				out, err = env.H.DeleteTenant(t.Context(), in)
				require.NoError(t, err)
				require.Len(t, out.Obstacles, 1, "the report says the same")
			}
			delete(before, "lock")
			after := sums(t, env.DB, env.Tenant)
			delete(after, "lock")
			require.Equal(t, before, after)
		})
	}
}

// A deleted tenant cannot begin again, but may come back; an interrupted deletion goes on.
func TestLibrary_DeletedTenantStaysDeleted(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	register(env.Ctx, t, env.H, "jane@example.org")
	store := shelf{}
	whole := export(t, env, store, false)
	in := deletion(env)
	in.WithoutArchive, in.Archive = false, whole.Sum
	out, err := env.H.DeleteTenant(t.Context(), in)
	require.NoError(t, err)
	require.True(t, out.Deleted)
	require.Empty(t, sums(t, env.DB, env.Tenant))
	require.Contains(t, out.Record.Basis, "by the archive's law")
	require.Equal(t, whole.Sum, out.Record.Sum)

	for name, begin := range map[string]func() error{
		"Tenant": func() error {
			_, err := env.H.Identity.CreateTenant(env.Ctx, identity.CreateTenantInput{
				TenantDetails: identity.TenantDetails{Name: "Again"}})
			return err
		},
		"Patient": func() error {
			_, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{Details: patient.Details{
				LastName: "Doe", Gender: patient.GenderUnknown}})
			return err
		},
		"Export": func() error {
			_, err := env.H.ExportTenant(t.Context(), tenant.ExportInput{
				Tenant: env.Tenant, By: "operator", To: "nobody", Sink: store})
			return err
		},
	} {
		err := begin()
		require.ErrorIs(t, err, tenant.ErrDeleted, name)
	}
	_, err = env.DB.ExecContext(t.Context(), `INSERT INTO hms.lock (tenant_id, name) VALUES (?, 'left')`, env.Tenant)
	require.NoError(t, err)
	again, err := env.H.DeleteTenant(t.Context(), deletion(env))
	require.NoError(t, err, "what was left goes as well")
	require.Equal(t, []tenant.TableRows{{Table: "lock", Rows: 1}}, again.Tables)
	require.Equal(t, out.Record, again.Record)
	require.Len(t, records(t, env.H), 2)

	_, err = env.H.ImportTenant(t.Context(), tenant.ImportInput{
		Tenant: env.Tenant, By: "operator", Source: store, Archive: whole.Archive,
	})
	require.NoError(t, err)
	register(env.Ctx, t, env.H, "back@example.org")
	_, err = env.H.AuditLog.Seal(env.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	requireClean(env.Ctx, t, env.H)
	require.Equal(t, proof.TenantMovedIn, records(t, env.H)[2].Kind)
}

// A record that nobody signed proves nothing.
func TestLibrary_ListRecordsRefusesForgeries(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	export(t, env, shelf{}, true)
	_, err := env.DB.ExecContext(t.Context(), `INSERT INTO hms.tenant_record
		(tenant_id, number, kind, recorded_at, archive_hash, note)
		SELECT tenant_id, 2, 'deleted', now(), '', note FROM hms.tenant_record`)
	require.NoError(t, err)
	_, err = env.H.ListTenantRecords(t.Context(), hmstype.Page{})
	require.ErrorIs(t, err, tenant.ErrRecord)
	_, err = env.H.DeleteTenant(t.Context(), deletion(env))
	require.ErrorIs(t, err, tenant.ErrRecord)
	require.NotEmpty(t, sums(t, env.DB, env.Tenant))
}

// The way by which a deleted tenant's rows go is the owner's, for that tenant, and nobody else's.
func TestRemoving_IsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	home := hmstest.NewOwn(t, group(t))
	gone, other := home.Neighbour(t), home.Neighbour(t)
	register(gone.Ctx, t, gone.H, "gone@example.org")
	register(other.Ctx, t, other.H, "other@example.org")
	// Deleted by a record, while its rows are all there still.
	_, err := home.DB.ExecContext(t.Context(), `INSERT INTO hms.tenant_record
		(tenant_id, number, kind, recorded_at, archive_hash, note) VALUES (?, 1, 'deleted', now(), '', 'x')`, gone.Tenant)
	require.NoError(t, err)
	before := [2]map[string]string{sums(t, home.DB, gone.Tenant), sums(t, home.DB, other.Tenant)}
	_, err = home.DB.ExecContext(t.Context(), `CREATE ROLE `+loginOf(gone)+` LOGIN; GRANT hms_app TO `+loginOf(gone))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := home.DB.ExecContext(context.Background(), `DROP ROLE `+loginOf(gone))
		require.NoError(t, err)
	})
	kept := []string{"audit_event", "patient", "bill", "user_account", "tenant_keyset", "data_key", "tenant_record"}
	for _, role := range []string{"hms_app", "hms_sealer", "hms_scheduler", "hms_backup", loginOf(gone)} {
		statements := []string{
			`INSERT INTO hms.tenant_record (tenant_id, number, kind, recorded_at, archive_hash, note)
				VALUES ('` + gone.Tenant.String() + `', 2, 'deleted', now(), '', 'x')`,
			`SET LOCAL ROLE hms_owner`, `SELECT set_config('role', 'hms_owner', true)`,
		}
		for _, table := range kept {
			statements = append(statements, `DELETE FROM hms.`+table, `TRUNCATE hms.`+table+` CASCADE`)
		}
		for _, statement := range statements {
			require.Equal(t, "42501", attempt(t, home, "SET SESSION AUTHORIZATION "+role, gone.Tenant, statement),
				"%s: %s", role, statement)
		}
	}
	for _, table := range kept {
		for _, as := range []string{"SET LOCAL ROLE hms_owner", "SET LOCAL ROLE NONE"} {
			require.Equal(t, "HM002", attempt(t, home, as, other.Tenant, `DELETE FROM hms.`+table),
				"%s, as %s, of a tenant that is not deleted", table, as)
			require.Equal(t, "HM002", attempt(t, home, as, gone.Tenant, `TRUNCATE hms.`+table+` CASCADE`), table)
		}
		require.Equal(t, "HM002", attempt(t, home, "SET LOCAL ROLE NONE", gone.Tenant, `DELETE FROM hms.`+table),
			"%s: a superuser sees every tenant's rows", table)
	}
	require.Equal(t, "HM002", attempt(t, home, "SET LOCAL ROLE hms_owner", gone.Tenant,
		`UPDATE hms.audit_event SET actor = 'x'`))
	after := [2]map[string]string{sums(t, home.DB, gone.Tenant), sums(t, home.DB, other.Tenant)}
	require.Equal(t, before, after)
}

func loginOf(env *hmstest.Env) string { return "host_" + env.Tenant.String()[24:] }

// attempt gives the SQLSTATE of a statement in a transaction of a tenant that is rolled back.
func attempt(t *testing.T, env *hmstest.Env, as string, id hmstype.TenantID, statement string) string {
	t.Helper()
	conn, err := env.DB.Conn(t.Context())
	require.NoError(t, err)
	defer func() {
		for _, s := range []string{`ROLLBACK`, `RESET SESSION AUTHORIZATION`, `RESET ROLE`} {
			_, err := conn.ExecContext(context.WithoutCancel(t.Context()), s)
			require.NoError(t, err)
		}
		require.NoError(t, conn.Close())
	}()
	for _, s := range []string{`BEGIN`, as, `SET LOCAL hms.tenant = '` + id.String() + `'`} {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
	_, err = conn.ExecContext(t.Context(), statement)
	return dbx.SQLState(err)
}

// Other tenants work, and are sealed, while one is handed out, deleted and taken in again, and nothing of theirs is
// touched.
func TestLibrary_Concurrent(t *testing.T) {
	t.Parallel()
	home := hmstest.NewOwn(t, group(t))
	moved := home.Neighbour(t)
	for range 20 {
		register(moved.Ctx, t, moved.H, "jane@example.org")
	}
	const workers, least = 4, 5
	done := make(chan struct{})
	var wg sync.WaitGroup
	others := make([]*hmstest.Env, workers)
	began := make(chan struct{}, workers)
	for i := range others {
		others[i] = home.Neighbour(t)
		wg.Go(func() {
			env := others[i]
			for n := 0; ; n++ {
				select {
				case <-done:
					if n >= least {
						return
					}
				default:
				}
				_, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{Details: patient.Details{
					LastName: "Busy", Gender: patient.GenderUnknown}, OverrideReason: "another one"})
				if err == nil {
					_, err = env.H.AuditLog.Seal(env.Ctx, sealed.SealInput{})
				}
				if err != nil {
					t.Errorf("worker %d: %v", i, err)
					return
				}
				if n == 0 {
					began <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-began
	}
	store := shelf{}
	whole := export(t, moved, store, false)
	before := sums(t, home.DB, moved.Tenant)
	_, err := home.H.DeleteTenant(t.Context(), deletion(moved))
	require.NoError(t, err)
	require.Empty(t, sums(t, home.DB, moved.Tenant))
	_, err = home.H.ImportTenant(t.Context(), tenant.ImportInput{
		Tenant: moved.Tenant, By: "operator", Source: store, Archive: whole.Archive,
	})
	require.NoError(t, err)
	close(done)
	wg.Wait()
	after := sums(t, home.DB, moved.Tenant)
	delete(before, "audit_event")
	delete(after, "audit_event")
	require.Equal(t, before, after)
	for _, env := range others {
		_, err := env.H.AuditLog.Seal(env.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		found, err := env.H.AuditLog.VerifyLog(env.Ctx)
		require.NoError(t, err)
		require.Empty(t, found.Findings)
		replayed, err := env.H.AuditLog.Verify(env.Ctx)
		require.NoError(t, err)
		require.True(t, replayed.Clean())
	}
}
