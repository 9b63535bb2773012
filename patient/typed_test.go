package patient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func TestService_RecordNumber_TypedDifferently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.MRN = "Mr-7 a"
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, "Mr-7 a", p.MRN, "the text stays as typed")
	for _, typed := range []string{"mr-7a", " MR\u20137 A", "Ｍｒ-7a", "Mr\u200b-7a"} {
		found, err := s.GetByMRN(env.Ctx, typed)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, p.ID, found.ID)
		list, err := s.Search(env.Ctx, patient.SearchInput{MRN: typed})
		require.NoError(t, err)
		require.Len(t, list.Items, 1, "%q", typed)
	}
	other := person("Byron")
	other.MRN = "MR-7A"
	_, err = s.Register(env.Ctx, other)
	require.ErrorIs(t, err, patient.ErrMRNTaken)

	other.MRN = "\u200b"
	_, err = s.Register(env.Ctx, other)
	require.Equal(t, []hmstype.FieldError{{Path: "mrn", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err))
	_, err = s.GetByMRN(env.Ctx, "\u200b")
	require.Equal(t, "mrn", hmstype.Fields(err)[0].Path)

	elsewhere := dbtest.New(t)
	next, err := patient.New(elsewhere.Base, patient.Ports{}).Register(elsewhere.Ctx, person("First"))
	require.NoError(t, err)
	other.MRN = next.MRN[:4] + " " + next.MRN[4:] // what the counter is about to give
	_, err = s.Register(env.Ctx, other)
	require.NoError(t, err)
	allocated, err := s.Register(env.Ctx, person("Second"))
	require.NoError(t, err)
	require.NotEqual(t, next.MRN, allocated.MRN, "a number that was brought in another spelling is not given again")
	require.True(t, patient.ValidMRN(allocated.MRN))
	for _, column := range []string{"mrn", "mrn_key"} {
		_, err := env.DB.NewRaw(
			`UPDATE hms.patient SET `+column+` = 'x' WHERE tenant_id = ? AND id = ?`, env.Tenant, p.ID,
		).Exec(t.Context())
		require.ErrorContains(t, err, "HM601", column)
	}
}

func TestService_Identifier_TypedDifferently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.Identifiers = []patient.Identifier{{System: "urn:passport", Value: "AB-12 c"}}
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	in.Identifiers[0].ID = p.Identifiers[0].ID // given by the library
	require.Equal(t, in.Identifiers, p.Identifiers, "the text stays as typed")
	for i, typed := range []patient.Identifier{
		{System: "urn:passport", Value: "ab\u201112C"}, {System: " URN:Passport", Value: "AB-12c "},
		{System: "urn:pass\u200bport", Value: "ＡＢ-12c"},
	} {
		require.True(t, typed.Same(in.Identifiers[0]))
		other := person([]string{"Byron", "Keats", "Shelley"}[i])
		other.Identifiers = []patient.Identifier{typed}
		_, err := s.Register(env.Ctx, other)
		var taken *patient.IdentifierError
		require.ErrorAs(t, err, &taken, "%q", typed)
		require.Equal(t, p.ID, taken.Patient)
		list, err := s.Search(env.Ctx, patient.SearchInput{Identifier: &typed})
		require.NoError(t, err)
		require.Len(t, list.Items, 1, "%q", typed)
	}
	other := person("Byron")
	other.Identifiers = []patient.Identifier{{System: "urn:passport", Value: "AB12c"}, {System: "\u200b", Value: "1"}}
	_, err = s.Register(env.Ctx, other)
	require.Equal(
		t, []hmstype.FieldError{{Path: "identifiers[1].system", Rule: "must have a letter, digit or sign"}},
		hmstype.Fields(err),
	)
	other.Identifiers = other.Identifiers[:1]
	_, err = s.Register(env.Ctx, other)
	require.NoError(t, err, "a dash counts")
}
