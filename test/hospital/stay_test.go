package hospital_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
)

func TestHMS_EncounterStaysOpenWhileThePatientLiesInABed(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	encounter := env.Encounter(t, env.Patient(t).ID, clinical.ClassInpatient)
	stay, err := env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(t, "").ID})
	require.NoError(t, err)
	finish := clinical.FinishEncounterInput{ID: encounter.ID,
		EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"}}
	_, err = env.H.Clinical.FinishEncounter(env.Ctx, finish)
	require.ErrorIs(t, err, facility.ErrStillInBed)
	_, err = env.H.Facility.OrderDischarge(env.Ctx, stay.ID)
	require.NoError(t, err)
	_, err = env.H.Facility.Depart(env.Ctx, facility.DepartInput{Stay: stay.ID})
	require.NoError(t, err)
	_, err = env.H.Clinical.FinishEncounter(env.Ctx, finish)
	require.NoError(t, err)
}
