package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_Login_TypedDifferently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	in := named("Zoë  van-Dyk")
	in.Email, in.Invite = "Zoe@example.org", true
	user, err := env.Identity.CreateUser(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, "Zoë  van-Dyk", user.Username, "the text stays as typed")
	invitation, err := env.Identity.Invite(env.Ctx, user.ID)
	require.NoError(t, err)
	_, err = env.Identity.AcceptInvitation(env.Ctx, identity.AcceptInvitationInput{
		Token: invitation.Token, Password: goodPassword,
	})
	require.NoError(t, err)

	for _, typed := range []string{
		"zoë van-dyk", " ZOE\u0308 VAN\u2010DYK\u00a0", "Zoë\u200b van-Dyk", "zoe@EXAMPLE.org ", "zoe\uff20example.org",
	} {
		got, err := env.Identity.Login(env.Ctx, identity.LoginInput{Login: typed, Password: goodPassword})
		require.NoError(t, err, "%q", typed)
		require.Equal(t, user.ID, got.User.ID)
	}
	_, err = env.Identity.Login(env.Ctx, identity.LoginInput{Login: "Zoëvan-Dyk", Password: goodPassword})
	require.ErrorIs(t, err, identity.ErrLoginFailed, "in a name a space parts words")
	_, err = env.Identity.Login(env.Ctx, identity.LoginInput{Login: "\u200b", Password: goodPassword})
	require.Equal(t, []hmstype.FieldError{{Path: "login", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err))

	for _, taken := range []string{"zoë van\u2013dyk", "Zoë van--Dyk", "ZOË\u3000VAN-DYK"} {
		_, err := env.Identity.CreateUser(env.Ctx, named(taken))
		require.ErrorIs(t, err, identity.ErrUsernameTaken, "%q", taken)
	}
	other := named("other")
	other.Email = "ZOE@example.org"
	_, err = env.Identity.CreateUser(env.Ctx, other)
	require.ErrorIs(t, err, identity.ErrEmailTaken)
	require.Equal(t, "username", hmstype.Fields(named("\u3164").Validate())[0].Path)
	require.Equal(
		t, "username", hmstype.Fields(named("zoe\uff20example.org").Validate())[0].Path, "it would look like an address",
	)
	grows := named(strings.Repeat("\uaf66", 150)) // a syllable that looks like seven signs
	require.Equal(
		t, []hmstype.FieldError{{Path: "username", Rule: "is too long when its signs are written out"}},
		hmstype.Fields(grows.Validate()),
	)
	require.NoError(t, named(strings.Repeat("m", 150)).Validate(), "which looks like twice as many")
}

func TestService_ListRoles_TypedDifferently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for _, name := range []string{"doctor", "Lab  technician", "NURSE ", "Phar\u00admacist"} {
		_, err := env.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{Name: name})
		require.ErrorIs(t, err, identity.ErrRoleNameTaken, "%q", name)
	}
	_, err := env.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{Name: "\u200b"})
	require.Equal(t, "name", hmstype.Fields(err)[0].Path)

	user := env.User(t, " doctor")
	require.Equal(t, []string{identity.RoleDoctor}, user.Roles, "found by the normal form, shown as it was typed first")
	granted := dbtest.Scalar[string](
		t, env, `SELECT granted_at::text FROM hms.user_role WHERE tenant_id = ? AND user_id = ?`, env.Tenant, user.ID,
	)
	env.Clock.Advance(1)
	user, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
		ID: user.ID, Roles: []string{"DOCTOR", "lab technician"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{identity.RoleDoctor, identity.RoleLabTechnician}, user.Roles)
	require.Equal(t, granted, dbtest.Scalar[string](t, env, `SELECT min(granted_at)::text FROM hms.user_role
		WHERE tenant_id = ? AND user_id = ?`,
		env.Tenant, user.ID), "a role that he held is neither taken nor given again")
	_, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
		ID: user.ID, Roles: []string{"Doctor", "doctor "},
	})
	require.Equal(t, []hmstype.FieldError{{Path: "roles[1]", Rule: "must not repeat another"}}, hmstype.Fields(err))
}
