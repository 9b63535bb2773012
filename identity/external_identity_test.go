package identity_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

var idp = identity.ExternalSubject{Issuer: "https://login.example.org", Subject: "248289761001"}

func link(t *testing.T, env *dbtest.Env, user hmstype.UserID, of identity.ExternalSubject) identity.ExternalIdentity {
	t.Helper()
	linked, err := env.Identity.LinkExternalIdentity(env.Ctx, identity.LinkExternalIdentityInput{User: user,
		ExternalSubject: of})
	require.NoError(t, err)
	return linked
}

func signIn(env *dbtest.Env, of identity.ExternalSubject, at time.Time) (identity.Login, error) {
	return env.Identity.LoginExternal(env.Ctx, identity.LoginExternalInput{
		ExternalSubject: of, AuthenticatedAt: at, Source: "192.0.2.1", UserAgent: "test",
	})
}

// A session from outside is one like any other; its proof is as old as the provider says.
func TestService_LoginExternal(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := env.User(t, identity.RoleDoctor)
	_, err := signIn(env, idp, env.Clock.Now())
	require.ErrorIs(t, err, identity.ErrLoginFailed, "not linked")
	linked := link(t, env, user.ID, idp)
	now := env.Clock.Now()
	for _, tt := range []struct{ at, proved time.Time }{
		{now, now}, {now.Add(-4 * time.Minute), now.Add(-4 * time.Minute)}, {now.Add(30 * time.Second), now},
		{now.Add(-20 * time.Hour), now.Add(-20 * time.Hour)},
	} {
		in, err := signIn(env, idp, tt.at)
		require.NoError(t, err)
		require.Equal(t, user.ID, in.User.ID)
		require.Empty(t, in.Device)
		actor, err := env.Identity.Authenticate(t.Context(), in.Token)
		require.NoError(t, err)
		require.Equal(t, tt.proved, actor.AuthenticatedAt)
		require.Equal(t, now.Add(12*time.Hour), in.Session.ExpiresAt)
		_, err = env.Identity.BeginTOTP(hmstype.WithActor(t.Context(), actor))
		require.Equal(t, now.Sub(tt.proved) > identity.RecentProof, err != nil, tt.at)
		next, err := env.Identity.RotateSession(t.Context(), in.Token)
		require.NoError(t, err)
		require.Equal(t, tt.proved, next.Session.AuthenticatedAt)
	}
	for name, in := range map[string]identity.LoginExternalInput{
		"issuer":          {ExternalSubject: identity.ExternalSubject{Subject: "1"}, AuthenticatedAt: now},
		"authenticatedAt": {ExternalSubject: idp}, "userAgent": {ExternalSubject: idp, AuthenticatedAt: now,
			UserAgent: strings.Repeat("x", 501)},
		"subject": {ExternalSubject: identity.ExternalSubject{Issuer: "x", Subject: strings.Repeat("x", 257)},
			AuthenticatedAt: now},
	} {
		_, err := env.Identity.LoginExternal(env.Ctx, in)
		require.Equal(t, name, hmstype.Fields(err)[0].Path)
	}
	_, err = signIn(env, idp, now.Add(2*time.Minute))
	require.Equal(t, "authenticatedAt", hmstype.Fields(err)[0].Path, "a proof of the future")
	for _, other := range []identity.ExternalSubject{
		{Issuer: "https://LOGIN.example.org", Subject: idp.Subject}, {Issuer: idp.Issuer, Subject: idp.Subject + " "},
		{Issuer: idp.Subject, Subject: idp.Issuer},
	} {
		_, err := signIn(env, other, now)
		require.ErrorIs(t, err, identity.ErrLoginFailed, "to the byte")
	}
	_, err = env.Identity.LoginExternal(env.As(t, identity.RoleAdmin),
		identity.LoginExternalInput{ExternalSubject: idp, AuthenticatedAt: now})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "only the host logs people in")
	require.Equal(t, 4, events(t, env, "login"))
	require.Equal(t, 4, events(t, env, "login_failed"))

	other := dbtest.New(t)
	_, err = signIn(other, idp, now)
	require.ErrorIs(t, err, identity.ErrLoginFailed, "in another tenant")
	list, err := env.Identity.ListExternalIdentities(env.Ctx, user.ID)
	require.NoError(t, err)
	require.Equal(t, []identity.ExternalIdentity{linked}, list)
}

// Whoever is locked or deactivated neither comes in from outside nor stays.
func TestService_LoginExternalOfAnAccountThatEnded(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for _, status := range []identity.UserStatus{identity.UserLocked, identity.UserDeactivated} {
		user := env.User(t)
		of := identity.ExternalSubject{Issuer: idp.Issuer, Subject: user.ID.String()}
		link(t, env, user.ID, of)
		in, err := signIn(env, of, env.Clock.Now())
		require.NoError(t, err)
		_, err = env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: user.ID, Status: status})
		require.NoError(t, err)
		_, err = env.Identity.Authenticate(t.Context(), in.Token)
		require.ErrorIs(t, err, identity.ErrSessionEnded)
		_, err = signIn(env, of, env.Clock.Now())
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
}

func TestService_LinkExternalIdentity(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, other, gone := env.User(t, identity.RoleDoctor), env.User(t), env.User(t)
	linked := link(t, env, user.ID, idp)
	for _, u := range []identity.User{user, other} {
		_, err := env.Identity.LinkExternalIdentity(env.Ctx, identity.LinkExternalIdentityInput{User: u.ID,
			ExternalSubject: idp})
		require.ErrorIs(t, err, identity.ErrExternalIdentityTaken)
		require.NotContains(t, err.Error(), user.ID.String())
	}
	_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: gone.ID,
		Status: identity.UserDeactivated})
	require.NoError(t, err)
	second := identity.ExternalSubject{Issuer: idp.Issuer, Subject: "2"}
	_, err = env.Identity.LinkExternalIdentity(env.Ctx, identity.LinkExternalIdentityInput{User: gone.ID,
		ExternalSubject: second})
	require.ErrorIs(t, err, identity.ErrDeactivated)
	desk, _ := clerk(t, env, env.Identity, hmstype.PermIdentityManage)
	_, err = env.Identity.LinkExternalIdentity(desk, identity.LinkExternalIdentityInput{User: user.ID,
		ExternalSubject: second})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "who may not be a doctor makes nobody one")
	_, err = env.Identity.LinkExternalIdentity(desk, identity.LinkExternalIdentityInput{User: other.ID,
		ExternalSubject: second})
	require.NoError(t, err)

	in, err := signIn(env, idp, env.Clock.Now())
	require.NoError(t, err)
	require.NoError(t, env.Identity.UnlinkExternalIdentity(env.Ctx, linked.ID))
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	_, err = signIn(env, idp, env.Clock.Now())
	require.ErrorIs(t, err, identity.ErrLoginFailed)
	require.ErrorIs(t, env.Identity.UnlinkExternalIdentity(env.Ctx, linked.ID), hmstype.ErrNotFound)
	link(t, env, other.ID, idp)
	require.Equal(t, 4, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND entity = 'external_identity'`, env.Tenant), "three links and the end of one")
}

// Of two who take one identity at once one wins.
func TestService_LinkExternalIdentity_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		user := env.User(t).ID
		wg.Go(func() {
			_, errs[i] = env.Identity.LinkExternalIdentity(env.Ctx, identity.LinkExternalIdentityInput{User: user,
				ExternalSubject: idp})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, identity.ErrExternalIdentityTaken)
	}
	require.Equal(t, 1, won)
}
