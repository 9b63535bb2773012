package hostile_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// forgedSession writes a session for an account, by which whoever knows its token is that person.
func forgedSession(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	hash := sha256.Sum256([]byte("a token of one's own"))
	_, err := db.Exec(ctx, `INSERT INTO hms.user_session (tenant_id, id, user_id, token_hash, started_at, authenticated_at,
		last_seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $5, $5, $6)`, db.Tenant(),
		hmstype.NewID[hmstype.SessionID](), user, hash[:], db.Now, db.Now.Add(time.Hour))
	return err
}

func administrator(t *testing.T, e *hmstest.Env) hmstype.UserID {
	t.Helper()
	user, err := e.H.Identity.CreateUser(e.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "chief", FirstName: "Ada", LastName: "Test"}, Roles: []string{identity.RoleAdmin},
	})
	require.NoError(t, err)
	return user.ID
}

// Nobody becomes another by a credential of his own making: rows by which people prove who they are come into
// being in the use cases that make them.
func TestCredentials_AreMadeByTheirUseCasesOnly(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	admin := administrator(t, e)
	for name, statement := range map[string]string{
		"password": `INSERT INTO hms.user_password (tenant_id, user_id, hash) VALUES ($1, $2, '$argon2id$x')`,
		"token": `INSERT INTO hms.user_token (tenant_id, token_hash, user_id, purpose, created_at, expires_at)
			VALUES ($1, sha256('x'), $2, 'reset', now(), now() + interval '1 hour')`,
		"totp": `INSERT INTO hms.user_totp (tenant_id, user_id, secret) VALUES ($1, $2, 'x')`,
		"device": `INSERT INTO hms.user_device (tenant_id, id, user_id, token_hash, created_at, last_used_at, expires_at)
			VALUES ($1, hms.uuid_v7(), $2, sha256('x'), now(), now(), now() + interval '1 hour')`,
		"code": `INSERT INTO hms.user_recovery_code (tenant_id, user_id, code_hash) VALUES ($1, $2, sha256('x'))`,
	} {
		err := injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, statement, db.Tenant(), admin)
			return err
		})
		require.Equal(t, "42501", dbx.SQLState(err), "%s: %v", name, err)
	}
	err := injected(t, e, key, func(ctx context.Context, db dbx.DB) error { return forgedSession(ctx, db, admin) })
	require.Equal(t, "42501", dbx.SQLState(err), "%v", err)
}

// A login is a member of hms_app and may do what it may: leaving the role goes round no guard, nor does emptying the
// context between a row and its event.
func TestHardened_NobodyLeavesTheRoleForMore(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	admin := administrator(t, e)
	who := e.Patient(t)
	asLogin := *e
	asLogin.DB = login(t, e, "", "hms_app")
	for name, attack := range map[string]func(ctx context.Context, db dbx.DB) error{
		"session": func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `SET LOCAL ROLE NONE`)
			require.NoError(t, err)
			return forgedSession(ctx, db, admin)
		},
		"role": func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `UPDATE hms.role SET permissions = permissions || '["identity.escalate"]'`)
			return err
		},
		"role given": func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `INSERT INTO hms.user_role (tenant_id, user_id, role_id, granted_at)
				SELECT tenant_id, $1, id, now() FROM hms.role LIMIT 1`, admin)
			return err
		},
		"nobody's deed": func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `UPDATE hms.patient SET last_name = 'x' WHERE id = $1
				RETURNING set_config('hms.context', '', true)`, who.ID)
			return err
		},
	} {
		err := injected(t, &asLogin, key, attack)
		require.Contains(t, []string{"42501", "HM009"}, dbx.SQLState(err), "%s: %v", name, err)
	}
}

// What a trigger of ours does as the owner it does on our tables only: hung on a table of somebody's own it would
// run his casts as the owner.
func TestTriggers_HangOnOurTablesOnly(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	err := injected(t, e, "", func(ctx context.Context, db dbx.DB) error {
		if _, err := db.Exec(ctx, `CREATE TEMP TABLE t (tenant_id uuid, id uuid, p uuid)`); err != nil {
			return err
		}
		_, err := db.Exec(ctx, `CREATE TRIGGER x AFTER INSERT ON pg_temp.t REFERENCING NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('patient', 'p', 'id')`)
		return err
	})
	require.Equal(t, "42501", dbx.SQLState(err), "%v", err)
	super(t, e, `CREATE TABLE public.t (tenant_id uuid, id uuid, p uuid)`,
		`CREATE TRIGGER x AFTER INSERT ON public.t REFERENCING NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('patient', 'p', 'id')`)
	_, err = e.DB.DB.ExecContext(t.Context(), `INSERT INTO public.t VALUES (gen_random_uuid(), gen_random_uuid(), NULL)`)
	require.Equal(t, "42501", dbx.SQLState(err), "nor where an administrator hung it")
	require.Zero(t, count(t, e, `SELECT count(*) FROM pg_catalog.pg_proc AS p
		WHERE p.pronamespace = 'hms'::regnamespace AND p.prorettype = 'trigger'::regtype
			AND has_function_privilege('hms_app', p.oid, 'EXECUTE')`), "functions that hms_app could hang elsewhere")
}

// In hardened mode nobody names the use case either; in the ordinary one he can, as docs/security.md says.
func TestHardened_NobodyNamesAnotherOperation(t *testing.T) {
	t.Parallel()
	forge := func(e *hmstest.Env, key hmstype.Secret) error {
		admin := administrator(t, e)
		return injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `SELECT set_config('hms.context',
				replace(current_setting('hms.context'), 'test.injected', 'identity.login'), true)`)
			if err != nil {
				return err
			}
			return forgedSession(ctx, db, admin)
		})
	}
	e, key := hardened(t)
	require.ErrorIs(t, dbx.Map(forge(e, key)), dbx.ErrHardened)
	if !dbtest.Hardened() {
		require.NoError(t, forge(hmstest.NewOwn(t), ""))
	}
}
