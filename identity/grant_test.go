package identity_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// clerk gives the context of a user whose role allows these permissions alone.
func clerk(
	t *testing.T, env *dbtest.Env, s *identity.Service, allowed ...hmstype.Permission,
) (context.Context, hmstype.UserID) {
	t.Helper()
	name := "Clerk " + uuid.NewString()[:8]
	_, err := s.CreateRole(env.Ctx, identity.CreateRoleInput{
		Name: name, RoleDetails: identity.RoleDetails{Permissions: allowed},
	})
	require.NoError(t, err)
	user, err := s.CreateUser(env.Ctx, identity.CreateUserInput{Profile: aProfile(), Roles: []string{name}})
	require.NoError(t, err)
	return provedJustNow(t, env, user.ID), user.ID
}

func aProfile() identity.Profile {
	return identity.Profile{Username: "u" + uuid.NewString(), FirstName: "Achieng", LastName: "Odhiambo"}
}

// Whatever the way, nobody gives what he does not hold; with the right to, he does.
func TestGranting_NobodyGivesWhatHeDoesNotHold(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	_, other := clerk(t, env, s, hmstype.PermIdentityRead)
	own, err := s.CreateRole(env.Ctx, identity.CreateRoleInput{
		Name: "Own", RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermIdentityManage}},
	})
	require.NoError(t, err)
	ways := map[string]func(context.Context) error{
		"APIKey": func(ctx context.Context) error {
			_, err := s.CreateAPIKey(ctx, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
				User: other, Name: "k", Scopes: []hmstype.Permission{hmstype.PermPatientRead},
			}, Expiry: time.Hour})
			return err
		},
		"Role": func(ctx context.Context) error {
			_, err := s.CreateRole(ctx, identity.CreateRoleInput{
				Name: uuid.NewString(), RoleDetails: identity.RoleDetails{Permissions: hmstype.Permissions()},
			})
			return err
		},
		"RolesChange": func(ctx context.Context) error {
			role := own
			roles, err := s.ListRoles(env.Ctx)
			require.NoError(t, err)
			role = roles[slices.IndexFunc(roles, func(r identity.Role) bool { return r.ID == role.ID })]
			_, err = s.UpdateRole(ctx,
				identity.UpdateRoleInput{ID: role.ID, Version: role.Version, RoleDetails: identity.RoleDetails{
					Permissions: []hmstype.Permission{hmstype.PermIdentityManage, hmstype.PermDispense},
				}})
			return err
		},
		"RolesOfAUser": func(ctx context.Context) error {
			_, err := s.SetUserRoles(ctx, identity.SetUserRolesInput{ID: other, Roles: []string{identity.RoleNurse}})
			return err
		},
		"Creation": func(ctx context.Context) error {
			_, err := s.CreateUser(ctx, identity.CreateUserInput{Profile: aProfile(), Roles: []string{identity.RoleDoctor}})
			return err
		},
	}
	narrow, _ := clerk(t, env, s, hmstype.PermIdentityManage, hmstype.PermIdentityRead)
	wide, _ := clerk(t, env, s, hmstype.PermIdentityManage, hmstype.PermIdentityRead, hmstype.PermIdentityEscalate)
	for name, way := range ways {
		require.ErrorIs(t, way(narrow), hmstype.ErrPermissionDenied, name)
		require.NoError(t, way(wide), name)
	}
	denied := dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'denied' AND entity = 'permission' AND operation LIKE 'identity.%'`, env.Tenant)
	require.Equal(t, len(ways), denied, "each refusal is on the trail")
}

// A program gives nothing outside the scopes of its key, whatever its owner may.
func TestGranting_StaysWithinAKeysScopes(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, err := s.CreateUser(env.Ctx, identity.CreateUserInput{Profile: aProfile(), Roles: []string{identity.RoleAdmin}})
	require.NoError(t, err)
	actor := hmstype.HumanActor(env.Tenant, admin.ID)
	actor.Kind, actor.Scopes = hmstype.ActorService, []hmstype.Permission{hmstype.PermIdentityManage}
	key := hmstype.WithActor(t.Context(), actor)
	in := identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{User: admin.ID, Name: "n", Scopes: hmstype.Permissions()}, Expiry: time.Hour,
	}
	_, err = s.CreateAPIKey(key, in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	in.Scopes = []hmstype.Permission{hmstype.PermIdentityManage}
	_, err = s.CreateAPIKey(key, in)
	require.NoError(t, err, "what it has itself it gives")
	_, err = s.CreateUser(key, identity.CreateUserInput{
		Profile: aProfile(), Roles: []string{identity.RoleAdmin}, Invite: true,
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestGranting_NobodyChangesHisOwnRoles(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	ctx, me := clerk(t, env, s, hmstype.Permissions()...)
	_, err := s.SetUserRoles(ctx, identity.SetUserRolesInput{ID: me, Roles: []string{identity.RoleAdmin}})
	require.ErrorIs(t, err, identity.ErrOwnRoles)
	actor := hmstype.HumanActor(env.Tenant, hmstype.NewID[hmstype.UserID]())
	actor.Kind, actor.User, actor.Person, actor.Scopes = hmstype.ActorService, me, me, hmstype.Permissions()
	_, err = s.SetUserRoles(hmstype.WithActor(t.Context(), actor), identity.SetUserRolesInput{ID: me, Roles: nil})
	require.ErrorIs(t, err, identity.ErrOwnRoles, "nor does a key of his")
}
