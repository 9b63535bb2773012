package patient_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// A desk that tries names or numbers learns nothing of a restricted patient but that somebody who may see
// him has to look; and each try is on the patient's trail, though the registration was rolled back.
func TestService_Register_RefusedNamesNoRestrictedPatient(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, trail := patient.New(env.Base, patient.Ports{}), audit.New(env.Base)
	like := patient.RegisterInput{Details: patient.Details{
		FirstName: "Very", LastName: "Important", Gender: patient.GenderMale, BirthDate: hmstype.NewDate(1980, 5, 17),
	}}
	number := []patient.Identifier{{System: "urn:ssn", Value: "999-11-2222"}}
	vip := like
	vip.Restricted, vip.Identifiers, vip.PhoneNumber = true, number, "+254 700 000001"
	restricted, err := s.Register(env.Ctx, vip)
	require.NoError(t, err)
	double := like
	double.OverrideReason, double.PhoneNumber = "a namesake, passport seen", "+254 700 000002"
	open, err := s.Register(env.Ctx, double)
	require.NoError(t, err)
	numbered := patient.RegisterInput{
		Details: patient.Details{LastName: "Anybody", Gender: patient.GenderUnknown}, Identifiers: number,
	}

	desk := env.As(t, identity.RoleReceptionist)
	_, err = s.Register(desk, like)
	var duplicate *patient.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.Equal(t, []hmstype.PatientID{open.ID}, duplicate.Candidates)
	require.True(t, duplicate.Restricted)
	require.ErrorContains(t, err, "ask an administrator")
	require.NotContains(t, err.Error(), restricted.ID.String())
	require.Equal(t, 1, events(t, env, "matched", open.ID))
	require.Equal(t, 1, events(t, env, "matched", restricted.ID))

	_, err = s.Register(desk, numbered)
	var taken *patient.IdentifierError
	require.ErrorAs(t, err, &taken)
	require.Zero(t, taken.Patient)
	require.True(t, taken.Restricted)
	require.ErrorContains(t, err, "ask an administrator")
	require.Equal(t, 2, events(t, env, "matched", restricted.ID))

	known := patient.RegisterInput{
		Details: patient.Details{LastName: "Anybody", Gender: patient.GenderUnknown}, MRN: restricted.MRN,
	}
	_, err = s.Register(desk, known)
	var mrn *patient.MRNError
	require.ErrorAs(t, err, &mrn)
	require.Zero(t, mrn.Patient)
	require.ErrorIs(t, err, patient.ErrMRNTaken)
	require.ErrorContains(t, err, "ask an administrator")
	require.Equal(t, 3, events(t, env, "matched", restricted.ID))

	admin := env.As(t, identity.RoleAdmin) // who may see him is told, and on the trail as well
	_, err = s.Register(admin, like)
	require.ErrorAs(t, err, &duplicate)
	require.ElementsMatch(t, []hmstype.PatientID{restricted.ID, open.ID}, duplicate.Candidates)
	require.False(t, duplicate.Restricted)
	_, err = s.Register(admin, numbered)
	require.ErrorAs(t, err, &taken)
	require.Equal(t, restricted.ID, taken.Patient)
	require.Equal(t, 5, events(t, env, "matched", restricted.ID))

	list, err := trail.ListUnusual(env.Ctx, audit.ListUnusualInput{
		Suspicion: audit.SuspicionRegistration,
		// the trail has the database's clock
		During: hmstype.Period{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)},
	})
	require.NoError(t, err)
	counted := map[hmstype.PatientID]int64{}
	for _, u := range list.Items {
		counted[u.Patient] += u.Events
	}
	require.Equal(t, map[hmstype.PatientID]int64{restricted.ID: 5, open.ID: 2}, counted)
}
