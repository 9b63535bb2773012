package patient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// keysOf counts a tenant's keys of a kind.
func keysOf(t *testing.T, env *dbtest.Env, kind string) int {
	t.Helper()
	return dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.patient_key WHERE tenant_id = ? AND kind = ?`, env.Tenant,
		kind)
}

// Who was registered before encryption was switched on is known again before, while and after his fields are sealed.
func TestService_Register_KnowsWhoWasInClear(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	sealed := env.Base
	clear := clearEnv(t)
	clear.Tenant, clear.Ctx = env.Tenant, env.Ctx
	in := person("Lovelace")
	in.PhoneNumber = "+254 700 000001"
	in.Identifiers = []patient.Identifier{{System: "urn:ahv", Value: "756.1234.5678.97"}}
	p, err := patient.New(clear.Base, patient.Ports{}).Register(env.Ctx, in)
	require.NoError(t, err)

	s := patient.New(sealed, patient.Ports{})
	like := person("Lovelase")
	like.PhoneNumber, like.BirthDate = "0700 000001", in.BirthDate
	known := func(when string) {
		_, err := s.Register(env.Ctx, like)
		var duplicate *patient.DuplicateError
		require.ErrorAs(t, err, &duplicate, when)
		require.Equal(t, []hmstype.PatientID{p.ID}, duplicate.Candidates, when)
	}
	known("before")
	e := encryption.New(sealed, encryption.Config{})
	for outdated := int64(1); outdated > 0; {
		progress, err := e.Reencrypt(env.Ctx, encryption.ReencryptInput{Limit: 1})
		require.NoError(t, err)
		outdated = progress.Outdated
		known("while")
	}
	known("after")
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.patient_key WHERE tenant_id = ?
		AND (key LIKE '%254700000001%' OR key LIKE '%7561234567897%')`, env.Tenant), "numbers are keyed now")
	for _, sought := range []patient.SearchInput{
		{PhoneNumber: "+254700000001"}, {Identifier: &patient.Identifier{Value: "7561234567897"}}, {Name: "lovelace"},
	} {
		list, err := s.Search(env.Ctx, sought)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
	}
}

// Nothing that was made of an erased patient's numbers is left to try them against.
func TestErase_ForgetsNumbers(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.PhoneNumber, in.EmergencyContactPhone = "+254 700 000001", "+254 700 000002"
	in.Identifiers = []patient.Identifier{{System: "urn:ahv", Value: "756.1234.5678.97"}}
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	for kind, n := range map[string]int{"phone": 2, "number": 2, "identifier": 2} {
		require.Equal(t, n, keysOf(t, env, kind), kind)
	}
	_, err = encryption.New(env.Base, encryption.Config{}).Erase(env.Ctx, encryption.EraseInput{
		Patient: p.ID, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "he asked for it"},
	})
	require.NoError(t, err)
	for _, kind := range []string{"phone", "number", "identifier"} {
		require.Zero(t, keysOf(t, env, kind), kind)
	}
	require.NotZero(t, keysOf(t, env, "match"), "names stay")
}
