package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// Who creates an account does not get what its person first proves himself by: neither the administrator nor a
// program of his, whatever he holds. The host sends it to the account's address.
func TestService_InviteIsTheHostsAlone(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	adminID := env.User(t, identity.RoleAdmin).ID
	admin := provedJustNow(t, env, adminID)
	key, err := s.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
		User: adminID, Name: "n", Scopes: hmstype.Permissions(),
	}, Expiry: time.Hour})
	require.NoError(t, err)
	program, err := s.Authenticate(t.Context(), key.Token)
	require.NoError(t, err)
	for _, maker := range []context.Context{admin, hmstype.WithActor(t.Context(), program)} {
		user, err := s.CreateUser(maker,
			identity.CreateUserInput{Profile: aProfile(), Roles: []string{identity.RoleNurse}, Invite: true})
		require.NoError(t, err)
		_, err = s.Invite(maker, user.ID)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		_, err = s.RequestPasswordReset(maker, identity.RequestPasswordResetInput{Login: user.Username})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		invitation, err := s.Invite(env.Ctx, user.ID)
		require.NoError(t, err)
		user, err = s.AcceptInvitation(env.Ctx,
			identity.AcceptInvitationInput{Token: invitation.Token, Password: goodPassword})
		require.NoError(t, err)
		require.Equal(t, identity.UserActive, user.Status)
	}
}
