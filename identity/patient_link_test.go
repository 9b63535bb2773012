package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_LinkPatient(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, p := env.User(t, identity.RoleNurse), restrictedPatient(t, env)
	in := identity.LinkPatientInput{User: user.ID, Version: user.Version, Patient: p}
	link, err := env.Identity.LinkPatient(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, identity.PatientLink{User: user.ID, Patient: p, Version: user.Version + 1}, link)
	_, err = env.Identity.LinkPatient(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	trail, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: p, Actions: []audit.Action{"link"}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1, "the patient is told")
	require.Equal(t, user.ID.String(), trail.Items[0].EntityID)

	stored := func() string {
		return dbtest.Scalar[string](
			t, env, `SELECT coalesce(patient_id::text, '') FROM hms.user_account WHERE id = ?`, user.ID,
		)
	}
	_, err = env.Identity.UpdateUser(env.Ctx,
		identity.UpdateUserInput{ID: user.ID, Version: link.Version, Profile: identity.Profile{
			Username: user.Username, FirstName: "New", LastName: "Name",
		}})
	require.NoError(t, err)
	require.Equal(t, p.String(), stored(), "a change of the profile keeps the link")
	_, err = env.Identity.LinkPatient(env.Ctx, identity.LinkPatientInput{User: user.ID, Version: link.Version + 1})
	require.NoError(t, err)
	require.Empty(t, stored())
}

func TestService_LinkPatientRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := env.User(t)
	in := identity.LinkPatientInput{User: user.ID, Version: user.Version, Patient: restrictedPatient(t, dbtest.New(t))}
	_, err := env.Identity.LinkPatient(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid, "another tenant's patient")
	in.Patient = restrictedPatient(t, env)
	_, err = env.Identity.LinkPatient(env.As(t, identity.RoleReceptionist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	in.User = hmstype.NewID[hmstype.UserID]()
	_, err = env.Identity.LinkPatient(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = env.Identity.LinkPatient(env.Ctx, identity.LinkPatientInput{User: user.ID})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
