package leak_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/patient"
)

func TestPatient_AnonymousCallersReadNothing(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	p := env.Patient(t)
	_, err := env.H.Patient.Get(t.Context(), p.ID)
	require.ErrorIs(t, err, hms.ErrUnauthenticated)
	_, err = env.H.Patient.Search(t.Context(), patient.SearchInput{Name: "Test"})
	require.ErrorIs(t, err, hms.ErrUnauthenticated)
	_, err = env.H.Patient.Get(env.As(t), p.ID)
	require.ErrorIs(t, err, hms.ErrPermissionDenied, "a user without a role reads nothing either")
}
