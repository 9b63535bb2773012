package identity_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// from logs in from a device.
func from(env *dbtest.Env, user identity.User, device, password hmstype.Secret, source string) (identity.Login, error) {
	return env.Identity.Login(env.Ctx, identity.LoginInput{
		Login: user.Username, Password: password, Device: device, Source: source, UserAgent: "test",
	})
}

// One request in five minutes, or a flood, kept a doctor out for ever; at his own device it does not.
func TestService_LoginIsNoWeapon(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleDoctor)
	own, err := from(env, user, "", goodPassword, "10.0.0.1")
	require.NoError(t, err)
	require.NotEmpty(t, own.Device)
	for range 13 {
		_, _ = from(env, user, "", "x", "203.0.113.9")
		env.Clock.Advance(5 * time.Minute)
	}
	for range 96 { // eight hours, in which the account is locked for strangers
		for range 60 {
			_, err := from(env, user, "", "x", "10.0.0.1") // from behind the same address
			require.ErrorIs(t, err, identity.ErrLoginFailed)
		}
		again, err := from(env, user, own.Device, goodPassword, "10.0.0.1")
		require.NoError(t, err)
		require.Equal(t, own.Device, again.Device, "the token stays")
		env.Clock.Advance(5 * time.Minute)
	}
	require.Equal(t, 1, events(t, env, "locked"))
	_, err = from(env, user, "", goodPassword, "10.0.0.2")
	require.ErrorIs(t, err, identity.ErrLoginFailed, "his success opens nothing to strangers")
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_device WHERE tenant_id = ?`,
		env.Tenant))
}

// Who has a device's token but not the password gets no more looks than anybody.
func TestService_LoginCountsADeviceByItself(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	one, err := from(env, user, "", goodPassword, "")
	require.NoError(t, err)
	two, err := from(env, user, "", goodPassword, "")
	require.NoError(t, err)
	require.NotEqual(t, one.Device, two.Device)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := from(env, user, one.Device, "wrong", "")
			if hmstype.KindOf(err) != hmstype.KindUnauthenticated {
				t.Errorf("guess: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 5, dbtest.Scalar[int](t, env, `SELECT max(failures) FROM hms.user_device WHERE tenant_id = ?`,
		env.Tenant))
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ?`,
		env.Tenant))
	_, err = from(env, user, one.Device, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrLoginFailed, "this device waits")
	_, err = from(env, user, two.Device, goodPassword, "")
	require.NoError(t, err, "the other does not")
	for range 15 {
		env.Clock.Advance(5 * time.Minute)
		_, err = from(env, user, one.Device, "wrong", "")
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
	require.Equal(t, 1, events(t, env, "device_ended"))
	_, err = from(env, user, one.Device, "wrong", "")
	require.ErrorIs(t, err, identity.ErrLoginFailed)
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ?`,
		env.Tenant),
		"after twenty failures it is a stranger's")
}

// A token is good for its user, its tenant, its time and this password only.
func TestService_LoginTrustsADeviceWithinBounds(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, other := member(t, env), member(t, env)
	device := func() hmstype.Secret {
		in, err := from(env, user, "", goodPassword, "")
		require.NoError(t, err)
		return in.Device
	}
	// Strangers make everybody wait who is not known.
	trusted := func(token hmstype.Secret, password hmstype.Secret) bool {
		for range 6 {
			_, _ = from(env, user, "", "wrong", "")
		}
		_, err := from(env, user, token, password, "")
		require.NoError(t, env.Identity.UnlockPassword(env.Ctx, user.ID))
		return err == nil
	}
	token := device()
	require.True(t, trusted(token, goodPassword))
	tenant, err := identity.TokenTenant(token)
	require.NoError(t, err)
	require.Equal(t, env.Tenant, tenant)
	_, err = env.Identity.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, identity.ErrSessionEnded, "it lets nobody in")
	theirs, err := from(env, other, "", goodPassword, "")
	require.NoError(t, err)
	require.False(t, trusted(theirs.Device, goodPassword), "another's")
	require.False(t, trusted("hms_d_none", goodPassword))

	env.Clock.Advance(identity.DeviceTrust - time.Second)
	require.True(t, trusted(token, goodPassword))
	env.Clock.Advance(identity.DeviceTrust - time.Second)
	require.True(t, trusted(token, goodPassword), "each login prolongs it")
	env.Clock.Advance(identity.DeviceTrust)
	require.False(t, trusted(token, goodPassword), "expired")

	token = device()
	require.NoError(t, env.Identity.ForgetDevices(env.Ctx, user.ID))
	require.False(t, trusted(token, goodPassword), "forgotten")
	require.ErrorIs(t, env.Identity.ForgetDevices(env.Ctx, hmstype.NewID[hmstype.UserID]()), hmstype.ErrNotFound)

	token = device()
	me := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	const second hmstype.Secret = "eight green lanterns"
	require.NoError(t, env.Identity.ChangePassword(me, identity.ChangePasswordInput{Old: goodPassword, New: second}))
	require.False(t, trusted(token, second), "the password changed")
	in, err := from(env, user, "", second, "")
	require.NoError(t, err)
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: reset.Token,
		Password: goodPassword})
	require.NoError(t, err)
	require.False(t, trusted(in.Device, goodPassword), "the password was reset")
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_device AS d
		WHERE tenant_id = ? AND d::text LIKE ?`, env.Tenant, "%"+in.Device.Reveal()+"%"))
	_, err = env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: other.ID,
		Status: identity.UserDeactivated})
	require.NoError(t, err)
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_device WHERE tenant_id = ? AND user_id
		= ?`,
		env.Tenant, other.ID))
}

func TestService_ListMyDevices(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	first, err := from(env, user, "", goodPassword, "")
	require.NoError(t, err)
	began := env.Clock.Now()
	for range 24 {
		env.Clock.Advance(time.Minute)
		_, err := from(env, user, "", goodPassword, "")
		require.NoError(t, err)
		_, err = from(env, user, first.Device, goodPassword, "")
		require.NoError(t, err)
	}
	me := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	list, err := env.Identity.ListMyDevices(me)
	require.NoError(t, err)
	require.Len(t, list, 20, "the least used are forgotten")
	i := 0
	for list[i].CreatedAt != began {
		i++
	}
	require.Equal(t, identity.Device{
		ID: list[i].ID, UserAgent: "test", CreatedAt: began, LastUsedAt: env.Clock.Now(),
		ExpiresAt: env.Clock.Now().Add(identity.DeviceTrust),
	}, list[i])
	other := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, member(t, env).ID))
	require.ErrorIs(t, env.Identity.EndMyDevice(other, list[i].ID), hmstype.ErrNotFound)
	require.NoError(t, env.Identity.EndMyDevice(me, list[i].ID))
	again, err := from(env, user, first.Device, goodPassword, "")
	require.NoError(t, err)
	require.NotEqual(t, first.Device, again.Device, "a new one, for the old is no more")
	_, err = env.Identity.ListMyDevices(env.Ctx)
	require.ErrorIs(t, err, identity.ErrPersonRequired)
}

// A stranger cannot make a person wait who is in his own session, and who stole the session guesses
// no more than twenty times.
func TestService_ReauthenticateIsCountedInItsSession(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	actor, err := env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	me := hmstype.WithActor(t.Context(), actor)
	for range 10 {
		_, _ = login(env, user, "wrong", "")
	}
	require.NoError(t, env.Identity.Reauthenticate(me, goodPassword))
	for i := range 20 {
		require.ErrorIs(t, env.Identity.Reauthenticate(me, hmstype.Secret(fmt.Sprint("guess ", i))),
			identity.ErrLoginFailed)
		env.Clock.Advance(5 * time.Minute)
		_, _ = env.Identity.Authenticate(t.Context(), in.Token)
	}
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	require.Equal(t, "too many failures", dbtest.Scalar[string](t, env,
		`SELECT end_reason FROM hms.user_session WHERE tenant_id = ? AND id = ?`, env.Tenant, in.Session.ID))
}

// A user has twenty sessions at once; one more, and the oldest ends.
func TestService_LoginBoundsSessions_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	oldest, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	env.Clock.Advance(time.Second)
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() { _, _ = from(env, user, oldest.Device, goodPassword, "") })
	}
	wg.Wait()
	for range 20 {
		_, err := from(env, user, oldest.Device, goodPassword, "")
		require.NoError(t, err)
	}
	require.Equal(t, 20, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.user_session WHERE tenant_id = ? AND ended_at IS NULL`, env.Tenant))
	_, err = env.Identity.Authenticate(t.Context(), oldest.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	me := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	list, err := env.Identity.ListMySessions(me, hmstype.Page{Limit: 500})
	require.NoError(t, err)
	newest := list.Items[0]
	require.Zero(t, newest.EndedAt)
}

func TestService_RotateSessionEndsNoOther(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	logins := make([]identity.Login, 20)
	for i := range logins {
		var err error
		logins[i], err = login(env, user, goodPassword, "")
		require.NoError(t, err)
	}
	_, err := env.Identity.RotateSession(t.Context(), logins[19].Token)
	require.NoError(t, err)
	_, err = env.Identity.Authenticate(t.Context(), logins[0].Token)
	require.NoError(t, err)
}
