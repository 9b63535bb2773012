package identity_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

const radiologyRead hmstype.Permission = "radiology.read"

// withRadiology gives the services of a host that has a permission of its own.
func withRadiology(env *dbtest.Env) *identity.Service {
	base := env.Base
	base.Permissions = []hmstype.HostPermission{{Name: radiologyRead, Description: "See images"}}
	return env.Identity.Bind(base)
}

// mayRead asks whether a user may see images.
func mayRead(t *testing.T, env *dbtest.Env, s *identity.Service, user hmstype.UserID) error {
	t.Helper()
	actor := hmstype.HumanActor(env.Tenant, user)
	return s.Authorize(hmstype.WithActor(t.Context(), actor), actor, radiologyRead)
}

func roleOf(permissions ...hmstype.Permission) identity.CreateRoleInput {
	return identity.CreateRoleInput{Name: uuid.NewString(), RoleDetails: identity.RoleDetails{Permissions: permissions}}
}

func requireNotInCatalogue(t *testing.T, err error, path string) {
	t.Helper()
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.Equal(t, path, hmstype.Fields(err)[0].Path)
}

// What the host has declared goes into roles and keys as the library's permissions do; what it has not, does not.
func TestHostPermissions_GoIntoRolesAndKeys(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, plain := withRadiology(env), env.Identity
	user := env.User(t)
	key := func(s *identity.Service, scope hmstype.Permission) error {
		_, err := s.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
			User: user.ID, Name: "k", Scopes: []hmstype.Permission{scope},
		}, Expiry: time.Hour})
		return err
	}
	role, err := s.CreateRole(env.Ctx, roleOf(hmstype.PermPatientRead, radiologyRead))
	require.NoError(t, err)
	require.NoError(t, key(s, radiologyRead))
	_, err = s.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: user.ID, Roles: []string{role.Name}})
	require.NoError(t, err)
	require.NoError(t, mayRead(t, env, s, user.ID))

	for _, other := range []hmstype.Permission{"radiology.write", "patient.destroy", "radiology"} {
		_, err = s.CreateRole(env.Ctx, roleOf(hmstype.PermPatientRead, other))
		requireNotInCatalogue(t, err, "permissions[1]")
		requireNotInCatalogue(t, key(s, other), "permissions[0]")
	}
	_, err = plain.CreateRole(env.Ctx, roleOf(radiologyRead))
	requireNotInCatalogue(t, err, "permissions[0]")
	requireNotInCatalogue(t, key(plain, radiologyRead), "permissions[0]")

	kept := role.RoleDetails
	kept.Description = "another"
	role, err = plain.UpdateRole(env.Ctx, identity.UpdateRoleInput{ID: role.ID, Version: role.Version, RoleDetails: kept})
	require.NoError(t, err, "what the host declares no more may stay")
	kept.Permissions = append(kept.Permissions, "radiology.write")
	_, err = s.UpdateRole(env.Ctx, identity.UpdateRoleInput{ID: role.ID, Version: role.Version, RoleDetails: kept})
	requireNotInCatalogue(t, err, "permissions[2]")
}

// Nobody gives a permission of the host's that he does not hold; the administrator holds none, and gives all.
func TestHostPermissions_CountInGranting(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := withRadiology(env)
	without, _ := clerk(t, env, s, hmstype.PermIdentityManage)
	with, _ := clerk(t, env, s, hmstype.PermIdentityManage, radiologyRead)
	admin := env.User(t, identity.RoleAdmin)
	_, err := s.CreateRole(without, roleOf(radiologyRead))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	role, err := s.CreateRole(with, roleOf(radiologyRead))
	require.NoError(t, err)
	_, err = s.CreateUser(without, identity.CreateUserInput{Profile: aProfile(), Roles: []string{role.Name}})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = env.Identity.CreateUser(with, identity.CreateUserInput{Profile: aProfile(), Roles: []string{role.Name}})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "where it is not declared, nobody is known to hold it")
	require.ErrorIs(t, mayRead(t, env, s, admin.ID), hmstype.ErrPermissionDenied)
	_, err = s.CreateRole(provedJustNow(t, env, admin.ID), roleOf(radiologyRead))
	require.NoError(t, err)
}

func TestService_ListPermissions(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	plain, err := env.Identity.ListPermissions(env.Ctx)
	require.NoError(t, err)
	require.Len(t, plain, len(hmstype.Permissions()))
	require.Equal(t, identity.PermissionInfo{Name: hmstype.PermIdentityRead, Description: "see users and roles"}, plain[0])
	own, err := withRadiology(env).ListPermissions(env.Ctx)
	require.NoError(t, err)
	ours := identity.PermissionInfo{Name: radiologyRead, Description: "See images", Host: true}
	require.Equal(t, append(plain, ours), own)
}
