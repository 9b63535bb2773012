package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// Whoever books finds whom to name: by a name or a speciality as people type them, and nobody who does
// not treat.
func TestService_ListPractitioners(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	hire := func(first, last, speciality string, roles ...string) identity.User {
		t.Helper()
		user, err := s.CreateUser(env.Ctx, identity.CreateUserInput{
			Profile: identity.Profile{
				Username: hmstype.NewID[hmstype.UserID]().String(), FirstName: first, LastName: last, Speciality: speciality,
			},
			Roles: roles,
		})
		require.NoError(t, err)
		return user
	}
	garcia := hire("José", "García", "Cardiology", identity.RoleDoctor, identity.RoleAdmin)
	li := hire("", "Li", "Paediatric Cardiology", identity.RoleDoctor)
	nurse := hire("Ann", "Garner", "", identity.RoleNurse)
	hire("Jo", "Garcia", "Cardiology", identity.RoleReceptionist)
	left := hire("Mo", "Garcia", "Surgery", identity.RoleDoctor)
	_, err := s.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: left.ID, Status: identity.UserDeactivated})
	require.NoError(t, err)

	desk := env.As(t, identity.RoleReceptionist)
	for name, tt := range map[string]struct {
		in   identity.ListPractitionersInput
		want []hmstype.UserID
	}{
		"all":               {identity.ListPractitionersInput{}, []hmstype.UserID{garcia.ID, li.ID, nurse.ID}},
		"without accents":   {identity.ListPractitionersInput{Search: "jose garc"}, []hmstype.UserID{garcia.ID}},
		"beginning":         {identity.ListPractitionersInput{Search: "Gar"}, []hmstype.UserID{garcia.ID, nurse.ID}},
		"no middle":         {identity.ListPractitionersInput{Search: "arcia"}, nil},
		"speciality":        {identity.ListPractitionersInput{Search: "cardio"}, []hmstype.UserID{garcia.ID, li.ID}},
		"both":              {identity.ListPractitionersInput{Search: "cardiology LI"}, []hmstype.UserID{li.ID}},
		"role":              {identity.ListPractitionersInput{Role: "nurse"}, []hmstype.UserID{nurse.ID}},
		"role without any":  {identity.ListPractitionersInput{Role: identity.RoleCashier}, nil},
		"with who left":     {identity.ListPractitionersInput{Search: "surg", Inactive: true}, []hmstype.UserID{left.ID}},
		"a sign of pattern": {identity.ListPractitionersInput{Search: "%"}, []hmstype.UserID{garcia.ID, li.ID, nurse.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := s.ListPractitioners(desk, tt.in)
			require.NoError(t, err)
			var got []hmstype.UserID
			for _, p := range list.Items {
				got = append(got, p.User)
			}
			require.Equal(t, tt.want, got)
		})
	}
	list, err := s.ListPractitioners(desk, identity.ListPractitionersInput{Search: "garcia", Inactive: true})
	require.NoError(t, err)
	require.Equal(t, []identity.Practitioner{
		{
			User: garcia.ID, FirstName: "José", LastName: "García", Speciality: "Cardiology",
			Roles: []string{identity.RoleAdmin, identity.RoleDoctor}, Active: true,
		},
		{User: left.ID, FirstName: "Mo", LastName: "Garcia", Speciality: "Surgery", Roles: []string{identity.RoleDoctor}},
	}, list.Items)

	changed := garcia.Profile
	changed.Speciality = "Neurology"
	_, err = s.UpdateUser(env.Ctx, identity.UpdateUserInput{ID: garcia.ID, Version: garcia.Version, Profile: changed})
	require.NoError(t, err)
	list, err = s.ListPractitioners(desk, identity.ListPractitionersInput{Search: "neuro"})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)

	_, err = s.ListPractitioners(env.As(t, identity.RoleCashier), identity.ListPractitionersInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	list, err = s.ListPractitioners(dbtest.New(t).Ctx, identity.ListPractitionersInput{})
	require.NoError(t, err)
	require.Empty(t, list.Items, "another tenant's")
}

// Two pages of a directory of three.
func TestService_ListPractitioners_Pages(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for range 3 {
		env.User(t, identity.RoleDoctor)
	}
	s, desk := env.Identity, env.As(t, identity.RoleReceptionist)
	page, err := s.ListPractitioners(desk, identity.ListPractitionersInput{Page: hmstype.Page{Limit: 2}})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	rest, err := s.ListPractitioners(desk, identity.ListPractitionersInput{
		Page: hmstype.Page{Limit: 2, Cursor: page.Next},
	})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
}
