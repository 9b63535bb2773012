package identity_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_SessionTimesOut(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	for range 12 * 6 { // every ten minutes: never idle, and over after twelve hours
		_, err := env.Identity.Authenticate(t.Context(), in.Token)
		require.NoError(t, err)
		env.Clock.Advance(10 * time.Minute)
	}
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded, "absolute")

	in, err = login(env, user, goodPassword, "")
	require.NoError(t, err)
	env.Clock.Advance(15 * time.Minute)
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded, "idle")
	found, err := env.Identity.GetUser(env.Ctx, user.ID)
	require.NoError(t, err)
	require.False(t, found.IsActiveSession)
}

// A request a second does not write a row a second.
func TestService_AuthenticateWritesSeldom(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	in, err := login(env, member(t, env), goodPassword, "")
	require.NoError(t, err)
	version := func() string {
		return dbtest.Scalar[string](
			t, env, `SELECT xmin::text FROM hms.user_session WHERE tenant_id = ? AND ended_at IS NULL`, env.Tenant,
		)
	}
	before := version()
	for range 59 {
		env.Clock.Advance(time.Second)
		_, err := env.Identity.Authenticate(t.Context(), in.Token)
		require.NoError(t, err)
	}
	require.Equal(t, before, version())
	env.Clock.Advance(time.Second)
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	require.NotEqual(t, before, version())
}

func TestService_RotateSession(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleNurse)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	_, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
		ID: user.ID, Roles: []string{identity.RoleDoctor},
	})
	require.NoError(t, err)
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrRotationRequired)

	const racers = 40
	tokens := make([]hmstype.Secret, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			next, err := env.Identity.RotateSession(t.Context(), in.Token)
			if err == nil {
				tokens[i] = next.Token
			}
		})
	}
	wg.Wait()
	live := 0
	for _, token := range tokens {
		if token == "" {
			continue
		}
		live++
		actor, err := env.Identity.Authenticate(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, in.Session.AuthenticatedAt, actor.AuthenticatedAt, "a rotation proves nothing")
	}
	require.Equal(t, 1, live, "one live descendant")
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
}

// Another process, with a cache of its own, refuses an ended session within a second.
func TestService_EndSession(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	elsewhere := identity.New(env.Base, identity.Config{})
	user := member(t, env)
	first, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	second, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	for _, token := range []hmstype.Secret{first.Token, second.Token} {
		_, err = elsewhere.Authenticate(t.Context(), token)
		require.NoError(t, err)
	}
	me := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	list, err := env.Identity.ListMySessions(me, hmstype.Page{})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	other := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, member(t, env).ID))
	require.ErrorIs(t, env.Identity.EndMySession(other, first.Session.ID), hmstype.ErrNotFound)
	require.NoError(t, env.Identity.EndMySession(me, first.Session.ID))
	_, err = env.Identity.Authenticate(t.Context(), first.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded, "here at once")
	env.Clock.Advance(time.Second)
	_, err = elsewhere.Authenticate(t.Context(), first.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	_, err = elsewhere.Authenticate(t.Context(), second.Token)
	require.NoError(t, err)
	require.NoError(t, env.Identity.EndSessions(env.Ctx, user.ID))
	_, err = env.Identity.Authenticate(t.Context(), second.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	all, err := env.Identity.ListSessions(env.Ctx, identity.ListSessionsInput{User: user.ID})
	require.NoError(t, err)
	require.Equal(t, "ended by an administrator", all.Items[0].EndReason)
}

// Whoever is deactivated is out at once: sessions, tokens and keys end in the same transaction.
func TestService_DeactivationEndsAccess(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	key, err := env.Identity.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: user.ID, Name: "k", Scopes: []hmstype.Permission{hmstype.PermPatientRead},
		},
		Expiry: time.Hour,
	})
	require.NoError(t, err)
	_, err = env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{
		ID: user.ID, Status: identity.UserDeactivated,
	})
	require.NoError(t, err)
	for _, token := range []hmstype.Secret{in.Token, key.Token} {
		_, err = env.Identity.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, identity.ErrSessionEnded)
	}
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
		Token: reset.Token, Password: "another long password",
	})
	require.ErrorIs(t, err, identity.ErrTokenInvalid)
	require.Zero(
		t,
		dbtest.Scalar[int](
			t, env, `SELECT count(*) FROM hms.user_session WHERE tenant_id = ? AND ended_at IS NULL`, env.Tenant,
		),
	)
}

func TestService_Reauthenticate(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleDoctor)
	vip := restrictedPatient(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	env.Clock.Advance(10 * time.Minute)
	actor, err := env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	_, err = env.Identity.BreakTheGlass(hmstype.WithActor(t.Context(), actor), glass(vip))
	require.ErrorIs(t, err, identity.ErrProofRequired)
	require.ErrorIs(
		t, env.Identity.Reauthenticate(hmstype.WithActor(t.Context(), actor), "wrong"), identity.ErrLoginFailed,
	)
	require.NoError(t, env.Identity.Reauthenticate(hmstype.WithActor(t.Context(), actor), goodPassword))
	actor, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	_, err = env.Identity.BreakTheGlass(hmstype.WithActor(t.Context(), actor), glass(vip))
	require.NoError(t, err)
}

func TestService_APIKey(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	program := env.User(t, identity.RoleDoctor)
	details := identity.APIKeyDetails{
		User: program.ID, Name: "analyser", Scopes: []hmstype.Permission{hmstype.PermLabRead},
	}
	in := identity.CreateAPIKeyInput{APIKeyDetails: details, Expiry: 24 * time.Hour}
	key, err := env.Identity.CreateAPIKey(env.Ctx, in)
	require.NoError(t, err)
	actor, err := env.Identity.Authenticate(t.Context(), key.Token)
	require.NoError(t, err)
	require.Equal(t, hmstype.ActorService, actor.Kind)
	require.Equal(t, in.Scopes, actor.Scopes)
	require.Equal(t, key.Key.ID, actor.APIKey, "the trail names the key")
	require.Equal(t, program.ID, actor.User)
	require.Equal(t, program.ID, actor.Person, "the key's owner answers")
	require.True(
		t, actor.Ref().SamePerson(hmstype.HumanActor(env.Tenant, program.ID).Ref()), "a key of his own is no other person",
	)
	require.Equal(t, hmstype.SystemActor(env.Tenant, "test").Ref(), key.Key.CreatedBy, "the host keeps its name")
	ctx := hmstype.WithActor(t.Context(), actor)
	_, err = env.Identity.ListUsers(ctx, hmstype.Page{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	admin := env.User(t, identity.RoleAdmin)
	wide := hmstype.Actor{
		Tenant: env.Tenant, User: admin.ID, Kind: hmstype.ActorService, Scopes: []hmstype.Permission{hmstype.PermLabRead},
	}
	_, err = env.Identity.ListUsers(hmstype.WithActor(t.Context(), wide), hmstype.Page{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "the scope narrows what the roles allow")
	require.ErrorIs(
		t, env.Identity.ChangePassword(ctx, identity.ChangePasswordInput{Old: "x", New: "y"}), identity.ErrPersonRequired,
	)

	keys, err := env.Identity.ListAPIKeys(env.Ctx, program.ID)
	require.NoError(t, err)
	require.Equal(t, env.Clock.Now(), keys[0].LastUsedAt)
	_, err = env.Identity.RevokeAPIKey(env.Ctx, key.Key.ID)
	require.NoError(t, err)
	_, err = env.Identity.Authenticate(t.Context(), key.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)

	second, err := env.Identity.CreateAPIKey(env.Ctx, in)
	require.NoError(t, err)
	env.Clock.Advance(24 * time.Hour)
	_, err = env.Identity.Authenticate(t.Context(), second.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded, "expired")

	t.Run("NobodyGivesWhatHeDoesNotHold", func(t *testing.T) {
		t.Parallel()
		role, err := env.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{
			Name: "Help desk", RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermIdentityManage}},
		})
		require.NoError(t, err)
		_, err = env.Identity.CreateAPIKey(provedJustNow(t, env, env.User(t, role.Name).ID), in)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

		admin := env.User(t, identity.RoleAdmin)
		narrow := hmstype.Actor{
			Tenant: env.Tenant, User: admin.ID, Kind: hmstype.ActorService,
			Scopes: []hmstype.Permission{hmstype.PermIdentityManage},
		}
		_, err = env.Identity.CreateAPIKey(hmstype.WithActor(t.Context(), narrow), in)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "a key makes none that may do more than itself")
	})
	t.Run("Input", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []identity.CreateAPIKeyInput{
			{}, {APIKeyDetails: identity.APIKeyDetails{User: program.ID, Name: "k"}, Expiry: time.Hour},
			{APIKeyDetails: details},
			{APIKeyDetails: details, Expiry: 367 * 24 * time.Hour},
			{
				APIKeyDetails: identity.APIKeyDetails{User: program.ID, Name: "k", Scopes: []hmstype.Permission{"no.such"}},
				Expiry:        time.Hour,
			},
		} {
			_, err := env.Identity.CreateAPIKey(env.Ctx, bad)
			require.ErrorIs(t, err, hmstype.ErrInvalid)
		}
	})
}

func TestService_ListWebAuthnCredentials(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	ctx, _ := person(t, env)
	c := identity.WebAuthnCredential{WebAuthnDetails: identity.WebAuthnDetails{
		CredentialID: make([]byte, 32), PublicKey: []byte{1}, AAGUID: make([]byte, 16), SignCount: 1<<32 - 1,
		Name: "Key ring",
	}}
	added, err := env.Identity.AddWebAuthnCredential(ctx, c)
	require.NoError(t, err)
	_, err = env.Identity.AddWebAuthnCredential(ctx, c)
	require.ErrorIs(t, err, identity.ErrCredentialTaken)
	list, err := env.Identity.ListWebAuthnCredentials(ctx)
	require.NoError(t, err)
	require.Equal(t, []identity.WebAuthnCredential{added}, list)
	other, _ := person(t, env)
	require.ErrorIs(t, env.Identity.RemoveWebAuthnCredential(other, added.ID), hmstype.ErrNotFound)
	env.Clock.Advance(identity.RecentProof + time.Second)
	_, err = env.Identity.AddWebAuthnCredential(ctx, c)
	require.ErrorIs(t, err, identity.ErrProofRequired)
	require.ErrorIs(t, env.Identity.RemoveWebAuthnCredential(ctx, added.ID), identity.ErrProofRequired)
	actor, err := hmstype.ActorFrom(ctx)
	require.NoError(t, err)
	require.NoError(t, env.Identity.RemoveWebAuthnCredential(provedJustNow(t, env, actor.User), added.ID))
}

func TestTokenTenant_RefusesOtherText(t *testing.T) {
	t.Parallel()
	for _, text := range []hmstype.Secret{"", "hms_s_", "hms_x_AAAA", "hms_s_????", "hms_s_AAAA"} {
		_, err := identity.TokenTenant(text)
		require.ErrorIs(t, err, identity.ErrTokenInvalid)
	}
}

func BenchmarkArgon2(b *testing.B) {
	for name, params := range map[string]identity.Argon2{
		"19MiB-t2-p1": {MemoryKiB: 19 << 10, Passes: 2, Lanes: 1}, "46MiB-t1-p1": {MemoryKiB: 46 << 10, Passes: 1, Lanes: 1},
		"64MiB-t3-p1": {MemoryKiB: 64 << 10, Passes: 3, Lanes: 1}, "64MiB-t3-p4": {MemoryKiB: 64 << 10, Passes: 3, Lanes: 4},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				identity.HashForBenchmark(params)
			}
		})
	}
}
