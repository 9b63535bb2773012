package patient_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// inCountry gives the actor of a new tenant of a country.
func inCountry(t *testing.T, env *dbtest.Env, country string) context.Context {
	t.Helper()
	ctx := hmstype.WithActor(t.Context(), hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "test"))
	_, err := env.Identity.CreateTenant(ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Abroad", Country: country},
	})
	require.NoError(t, err)
	return ctx
}

// A number that is told in the tenant's own form finds the international one, and the other way round, whichever of a
// patient's numbers it is.
func TestService_Search_PhoneInNationalForm(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	ctx := inCountry(t, env, "KE")
	in := person("Lovelace")
	in.PhoneNumber, in.SecondPhoneNumber, in.EmergencyContactPhone = "0700 000001", "+254 700 000002", "254700000003"
	p, err := s.Register(ctx, in)
	require.NoError(t, err)
	for _, typed := range []string{
		"+254700000001", "0700000001", "000254700000001", "0700-000 002", "0700 000003", "+254 (0)700 000003",
	} {
		list, err := s.Search(ctx, patient.SearchInput{PhoneNumber: typed})
		require.NoError(t, err, typed)
		require.Len(t, list.Items, 1, typed)
		require.Equal(t, p.ID, list.Items[0].ID)
	}
	list, err := s.Search(ctx, patient.SearchInput{PhoneNumber: "+255 700 000001"})
	require.NoError(t, err)
	require.Empty(t, list.Items, "another country's")

	again := person("Lovelace")
	again.PhoneNumber = "+254700000001"
	_, err = s.Register(ctx, again)
	var duplicate *patient.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.Equal(t, []int{8}, duplicate.Scores, "one number in two forms is one")

	foreign := inCountry(t, env, "DE")
	in.PhoneNumber = "0700 000001"
	_, err = s.Register(foreign, in)
	require.NoError(t, err)
	list, err = s.Search(foreign, patient.SearchInput{PhoneNumber: "+254700000001"})
	require.NoError(t, err)
	require.Empty(t, list.Items, "a national number is of the tenant's own country")
}

// An identifier is found as people copy it, and stays another one where it is another.
func TestService_Search_IdentifierWithoutHyphens(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.Identifiers = []patient.Identifier{{System: "urn:ahv", Value: "756.1234.5678-97"}}
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	for _, i := range []patient.Identifier{
		{Value: "7561234567897"}, {Value: "756 1234 5678 97"}, {System: "URN:AHV", Value: "756-1234-5678-97"},
	} {
		list, err := s.Search(env.Ctx, patient.SearchInput{Identifier: &i})
		require.NoError(t, err)
		require.Len(t, list.Items, 1, i)
		require.Equal(t, p.ID, list.Items[0].ID)
	}
	list, err := s.Search(env.Ctx, patient.SearchInput{
		Identifier: &patient.Identifier{System: "urn:x", Value: "7561234567897"},
	})
	require.NoError(t, err)
	require.Empty(t, list.Items, "of another system")
	other := person("Babbage")
	other.FirstName, other.Identifiers = "Charles", []patient.Identifier{{System: "urn:ahv", Value: "7561234567897"}}
	_, err = s.Register(env.Ctx, other)
	require.NoError(t, err, "found is not equal")
}
