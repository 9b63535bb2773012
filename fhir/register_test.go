package fhir_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// Every patient of the data set is registered, or refused for a number that somebody else
// in the set has (the driver's licences repeat), and reading the file again adds nobody.
func TestReadPatients_RegisterSharedData(t *testing.T) {
	t.Parallel()
	paths := shared(t, "synthea-patients-1144/Patient.000.ndjson")
	env := dbtest.New(t)
	service := patient.New(env.Base, patient.Ports{})
	register := func() (added, taken, alike int) {
		for record, err := range fhir.ReadPatients(open(t, paths[0]), paths[0]) {
			require.NoError(t, err)
			_, err = service.Register(env.Ctx, record.Input)
			var duplicate *patient.DuplicateError
			switch {
			case err == nil:
				added++
			case errors.Is(err, patient.ErrIdentifierTaken):
				taken++
			case errors.As(err, &duplicate):
				alike++
			default:
				t.Fatalf("register: %v", err)
			}
		}
		return added, taken, alike
	}
	added, taken, alike := register()
	t.Logf("added %d, number taken %d, alike %d", added, taken, alike)
	require.Equal(t, []int{1137, 7, 0}, []int{added, taken, alike})
	require.Equal(t, added, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.patient WHERE tenant_id = ?`, env.Tenant))
	again, _, _ := register()
	require.Zero(t, again)
}
