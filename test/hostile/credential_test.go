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
	require.NoError(t, forge(hmstest.NewOwn(t), ""))
}
