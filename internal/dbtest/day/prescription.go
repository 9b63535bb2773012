package day

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

// Prescribe gives an active prescription of an item for a new patient.
func Prescribe(
	tb testing.TB, env *hmstest.Env, item pharmacy.Item, quantity hmstype.Quantity, refills int,
) clinical.Prescription {
	tb.Helper()
	encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassAmbulatory)
	rx, err := env.H.Clinical.Prescribe(env.Ctx, clinical.PrescribeInput{
		Encounter: encounter.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			Medication: item.ID, MedicationName: item.Name, Dosage: "1", Frequency: "daily", Duration: "10 days",
			Quantity: quantity, RefillsAllowed: refills,
		},
	})
	require.NoError(tb, err)
	return rx
}
