package identity_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// A second factor's seed that somebody replaced by one of his own, which he cannot seal, lets nobody in.
func TestService_Login_RefusesAReplacedSeed(t *testing.T) {
	t.Parallel()
	const evil = "JBSWY3DPEHPK3PXP"
	env := dbtest.New(t)
	user, secret, _ := enrol(t, env)
	replace := `UPDATE hms.user_totp SET secret = ? WHERE tenant_id = ? AND user_id = ?`
	err := env.InOperation(t, env.Ctx, "identity.begin_totp", func(ctx context.Context, db dbx.DB) error {
		_, err := db.NewRaw(replace, evil, env.Tenant, user.ID).Exec(ctx)
		return err
	})
	require.Error(t, err, "by SQL of the application's role, even under the name of the use case")
	_, err = env.DB.NewRaw(replace, evil, env.Tenant, user.ID).Exec(t.Context())
	require.ErrorContains(t, err, "HM302", "nor does a superuser")
	_, err = env.DB.NewRaw(`SET LOCAL session_replication_role = replica; `+replace, evil, env.Tenant, user.ID).
		Exec(t.Context())
	require.NoError(t, err)
	for _, seed := range []string{evil, secret} {
		_, err = login(env, user, goodPassword, code(t, env, seed))
		require.ErrorIs(t, err, encryption.ErrReplaced)
	}
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_session WHERE tenant_id = ?`, env.Tenant))
}
