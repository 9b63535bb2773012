package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_EndSessionByAnAdministrator(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleNurse)
	first, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	second, err := login(env, user, goodPassword, "")
	require.NoError(t, err)

	require.NoError(t, env.Identity.EndSession(env.Ctx, first.Session.ID))
	_, err = env.Identity.Authenticate(t.Context(), first.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	_, err = env.Identity.Authenticate(t.Context(), second.Token)
	require.NoError(t, err, "the other one goes on")
	require.Equal(t, 1, events(t, env, "session_ended"))
	require.ErrorIs(t, env.Identity.EndSession(env.Ctx, hmstype.NewID[hmstype.SessionID]()), hmstype.ErrNotFound)
}

func TestService_GetTenant(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	tenant, err := env.Identity.GetTenant(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, identity.Tenant{
		ID: env.Tenant, TenantDetails: identity.TenantDetails{Name: "Test hospital", TimeZone: "UTC", Currency: "USD"},
		CreatedAt: dbtest.Start, CreatedBy: hmstype.SystemActor(env.Tenant, "test").Ref(), Version: 1,
	}, tenant)
	stranger := hmstype.WithActor(t.Context(), hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "test"))
	_, err = env.Identity.GetTenant(stranger)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// What a person does to his own account passes by no permission, and is on the trail all the same.
func TestTrail_OfOnesOwnAccount(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleNurse)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	other, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	in, err = env.Identity.RotateSession(t.Context(), in.Token)
	require.NoError(t, err)
	require.Equal(t, 1, events(t, env, "session_rotated"))

	actor, err := env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	self := hmstype.WithActor(t.Context(), actor)
	require.NoError(t, env.Identity.EndMySession(self, other.Session.ID))
	require.Equal(t, 1, events(t, env, "session_ended"))
	enrolment, err := env.Identity.BeginTOTP(self)
	require.NoError(t, err)
	require.Equal(t, 1, events(t, env, "totp_begun"))
	_, err = env.Identity.ConfirmTOTP(self, code(t, env, enrolment.Secret.Reveal()))
	require.NoError(t, err)

	_, err = login(env, user, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrSecondFactorRequired)
	require.Equal(t, 1, events(t, env, "second_factor_required"), "somebody knows the password")
}
