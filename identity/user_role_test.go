package identity_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func named(name string) identity.CreateUserInput {
	return identity.CreateUserInput{Profile: identity.Profile{Username: name, FirstName: "N", LastName: "N"}}
}

func TestProfile_Validate(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*identity.Profile){
		"username": func(p *identity.Profile) { p.Username = "somebody@else.example" },
		"email":    func(p *identity.Profile) { p.Email = "Name <a@example.org>" },
		"language": func(p *identity.Profile) { p.Language = "not a tag" },
		"lastName": func(p *identity.Profile) { p.FirstName, p.LastName = "", " " },
	} {
		in := named("fine")
		in.Email, in.Language = "fine@example.org", "sw-KE"
		require.NoError(t, in.Validate())
		change(&in.Profile)
		require.Equal(t, path, hmstype.Fields(in.Validate())[0].Path)
	}
}

func TestService_UpdateUser(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	one, two := env.User(t, identity.RoleNurse), env.User(t)
	in := identity.UpdateUserInput{ID: one.ID, Version: one.Version, Profile: identity.Profile{
		Username: "new name", Email: "n@example.org", FirstName: "New", LastName: "Name", PhoneNumber: "555",
		ProfileImage: "img/1", Language: "sw",
	}}
	changed, err := env.Identity.UpdateUser(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, "img/1", changed.ProfileImage)
	require.Equal(t, one.Roles, changed.Roles)
	_, err = env.Identity.UpdateUser(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	in.ID, in.Version = two.ID, two.Version
	_, err = env.Identity.UpdateUser(env.Ctx, in)
	require.ErrorIs(t, err, identity.ErrUsernameTaken)
	in.Username = "another"
	_, err = env.Identity.UpdateUser(env.Ctx, in)
	require.ErrorIs(t, err, identity.ErrEmailTaken)
}

func TestService_SetUserRoles(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := env.User(t, identity.RoleDoctor)
	ctx := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	require.NoError(t, env.Identity.Authorize(ctx, hmstype.HumanActor(env.Tenant, user.ID), hmstype.PermPrescribe))

	changed, err := env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
		ID: user.ID, Roles: []string{identity.RoleNurse, identity.RoleReceptionist},
	})
	require.NoError(t, err)
	require.Equal(t, []string{identity.RoleNurse, identity.RoleReceptionist}, changed.Roles)
	require.ErrorIs(t, env.Identity.Authorize(
		ctx, hmstype.HumanActor(env.Tenant, user.ID), hmstype.PermPrescribe,
	), hmstype.ErrPermissionDenied,
		"at once in this process")
	_, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: user.ID, Roles: []string{"Nobody"}})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: user.ID, Roles: []string{"A", "A"}})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

// Two administrators who remove each other at the same moment: one stays, whichever way
// they do it.
func TestService_LastAdministratorStays(t *testing.T) {
	t.Parallel()
	ways := map[string]func(env *dbtest.Env, id hmstype.UserID) error{
		"deactivate": func(env *dbtest.Env, id hmstype.UserID) error {
			_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: id, Status: identity.UserDeactivated})
			return err
		},
		"lock": func(env *dbtest.Env, id hmstype.UserID) error {
			_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: id, Status: identity.UserLocked})
			return err
		},
		"take the role": func(env *dbtest.Env, id hmstype.UserID) error {
			_, err := env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: id})
			return err
		},
	}
	for name, remove := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			admins := []identity.User{
				env.User(t, identity.RoleAdmin), env.User(t, identity.RoleAdmin), env.User(t, identity.RoleAdmin),
			}
			errs := make([]error, len(admins))
			var wg sync.WaitGroup
			for i, a := range admins {
				wg.Go(func() { errs[i] = remove(env, a.ID) })
			}
			wg.Wait()
			require.ErrorIs(t, errors.Join(errs...), identity.ErrLastAdministrator)
			require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_account AS u JOIN hms.user_role AS ur
				ON ur.tenant_id = u.tenant_id AND ur.user_id = u.id WHERE u.tenant_id = ? AND u.status = 'active'`, env.Tenant))
		})
	}
}

func TestService_UpdateRole(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.User(t, identity.RoleAdmin)
	nurse := env.User(t, identity.RoleNurse)
	actor := hmstype.HumanActor(env.Tenant, nurse.ID)
	ctx := hmstype.WithActor(t.Context(), actor)
	require.NoError(t, env.Identity.Authorize(ctx, actor, hmstype.PermVitalsWrite))
	roles, err := env.Identity.ListRoles(env.Ctx)
	require.NoError(t, err)
	for _, role := range roles {
		in := identity.UpdateRoleInput{
			ID: role.ID, Version: role.Version,
			RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermPatientRead}},
		}
		changed, err := env.Identity.UpdateRole(env.Ctx, in)
		if role.Name == identity.RoleAdmin {
			require.ErrorIs(t, err, identity.ErrLastAdministrator)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, in.Permissions, changed.Permissions)
		_, err = env.Identity.UpdateRole(env.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrStale)
	}
	require.ErrorIs(t, env.Identity.Authorize(ctx, actor, hmstype.PermVitalsWrite), hmstype.ErrPermissionDenied)
	_, err = env.Identity.UpdateRole(env.Ctx, identity.UpdateRoleInput{
		ID: roles[0].ID, Version: 1, RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{"no.such"}},
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
