package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// After a restore everybody signs in anew, in this tenant and in no other.
func TestService_EndAllSessions(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	stranger, err := login(other, member(t, other), goodPassword, "")
	require.NoError(t, err)
	elsewhere := identity.New(env.Base, identity.Config{})
	var tokens []hmstype.Secret
	users := []identity.User{member(t, env), member(t, env)}
	for _, user := range users {
		in, err := login(env, user, goodPassword, "")
		require.NoError(t, err)
		_, err = elsewhere.Authenticate(t.Context(), in.Token)
		require.NoError(t, err)
		tokens = append(tokens, in.Token)
	}
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{
		Login: users[0].Username, Source: "10.0.0.1",
	})
	require.NoError(t, err)
	key, err := env.Identity.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: users[0].ID, Name: "a program", Scopes: []hmstype.Permission{hmstype.PermPatientRead},
		}, Expiry: time.Hour,
	})
	require.NoError(t, err)
	_, err = env.Identity.EndAllSessions(env.As(t, identity.RoleDoctor), identity.EndAllSessionsInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	ended, err := env.Identity.EndAllSessions(env.Ctx, identity.EndAllSessionsInput{})
	require.NoError(t, err)
	require.Equal(t, identity.EndedSessions{Sessions: 2, Tokens: 1}, ended)
	env.Clock.Advance(time.Second)
	for _, token := range tokens {
		_, err = env.Identity.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, identity.ErrSessionEnded)
		_, err = elsewhere.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, identity.ErrSessionEnded)
	}
	require.Equal(t, 2, events(t, env, "session_ended"), "one per user")
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
		Token: reset.Token, Password: "another good password",
	})
	require.ErrorIs(t, err, identity.ErrTokenInvalid)
	_, err = env.Identity.Authenticate(t.Context(), key.Token)
	require.NoError(t, err, "programs go on")
	_, err = other.Identity.Authenticate(t.Context(), stranger.Token)
	require.NoError(t, err)

	ended, err = env.Identity.EndAllSessions(env.Ctx, identity.EndAllSessionsInput{APIKeys: true})
	require.NoError(t, err)
	require.Equal(t, identity.EndedSessions{APIKeys: 1}, ended)
	_, err = env.Identity.Authenticate(t.Context(), key.Token)
	require.Error(t, err)
}
