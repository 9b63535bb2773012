package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// An unknown address is counted as one, however it is spelled, as a known one is: otherwise the rows
// that it leaves, and what they cost, tell the two apart.
func TestService_LoginCountsAnUnknownAddressOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for _, typed := range []string{
		"no.body@example.org", "no.body @example.org", "NO.BODY@example. org", "no. body@example.org",
	} {
		_, err := env.Identity.Login(env.Ctx, identity.LoginInput{Login: typed, Password: "wrong"})
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
	require.Equal(
		t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.login_source WHERE tenant_id = ?`, env.Tenant),
	)
}
