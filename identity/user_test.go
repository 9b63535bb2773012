package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_CreateUser(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)

	user := env.User(t, identity.RoleDoctor, identity.RoleNurse)
	require.Equal(t, []string{identity.RoleDoctor, identity.RoleNurse}, user.Roles)
	require.Equal(t, identity.UserActive, user.Status)

	found, err := env.Identity.GetUser(env.Ctx, user.ID)
	require.NoError(t, err)
	require.Equal(t, user, found)

	t.Run("UsernameTakenUpToCaseAndUnicodeForm", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"Zoë", "ZOE\u0308", "ｚoë", " zoë "} {
			_, err := env.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
				Profile: identity.Profile{Username: name, FirstName: "Z", LastName: "Z"},
			})
			if name == "Zoë" {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, identity.ErrUsernameTaken, name)
		}
	})

	t.Run("UnknownRole", func(t *testing.T) {
		t.Parallel()
		_, err := env.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
			Profile: identity.Profile{Username: "x", FirstName: "X", LastName: "X"}, Roles: []string{"None"},
		})
		require.ErrorIs(t, err, hmstype.ErrNotFound)
		require.Zero(
			t,
			dbtest.Scalar[int](
				t, env, `SELECT count(*) FROM hms.user_account WHERE tenant_id = ? AND username = 'x'`, env.Tenant,
			),
		)
	})
}

func TestService_Authorize(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)

	nurse := env.As(t, identity.RoleNurse)
	_, err := env.Identity.ListUsers(nurse, hmstype.Page{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.Equal(t, 1, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.audit_event WHERE tenant_id = ? AND action = 'denied'`, env.Tenant),
		"a refusal is recorded")

	admin := env.As(t, identity.RoleAdmin)
	list, err := env.Identity.ListUsers(admin, hmstype.Page{Limit: 1})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.NotEmpty(t, list.Next)
	rest, err := env.Identity.ListUsers(admin, hmstype.Page{Cursor: list.Next})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	require.Empty(t, rest.Next)

	_, err = env.Identity.ListUsers(t.Context(), hmstype.Page{})
	require.ErrorIs(t, err, hmstype.ErrUnauthenticated)
}

func TestService_SetUserStatus(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	dbtest.RequireTransitions(t, env, "user_account", identity.UserTransitions.Pairs())

	admin := env.User(t, identity.RoleAdmin)
	_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{
		ID: admin.ID, Status: identity.UserDeactivated,
	})
	require.ErrorIs(t, err, identity.ErrLastAdministrator)

	env.User(t, identity.RoleAdmin)
	gone, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{
		ID: admin.ID, Status: identity.UserDeactivated,
	})
	require.NoError(t, err)
	require.Equal(t, identity.UserDeactivated, gone.Status)

	_, err = env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: admin.ID, Status: identity.UserActive})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	_, err = env.DB.NewRaw(`UPDATE hms.user_account SET status = 'active' WHERE id = ?`, admin.ID).Exec(t.Context())
	require.Error(t, err, "the database's guard holds against raw SQL too")
}

func TestService_GetUserHistory(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := env.User(t, identity.RoleNurse)
	admin, adminID := person(t, env, identity.RoleAdmin)
	for _, to := range []identity.UserStatus{identity.UserLocked, identity.UserActive} {
		env.Clock.Advance(time.Minute)
		_, err := env.Identity.SetUserStatus(admin, identity.SetUserStatusInput{ID: user.ID, Status: to})
		require.NoError(t, err)
	}
	history, err := env.Identity.GetUserHistory(admin, user.ID)
	require.NoError(t, err)
	by := hmstype.HumanActor(env.Tenant, adminID).Ref()
	require.Equal(t, hmstype.History{Entity: "user_account", ID: user.ID.String(), Steps: []hmstype.StatusChange{
		{From: "active", To: "locked", At: env.Clock.Now().Add(-time.Minute), By: by},
		{From: "locked", To: "active", At: env.Clock.Now(), By: by},
	}}, history)
	_, err = env.Identity.GetUserHistory(admin, hmstype.NewID[hmstype.UserID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}
