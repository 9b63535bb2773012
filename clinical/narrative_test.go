package clinical_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// What is written about a patient lies sealed in its row and in the trail, comes back from every
// use case as it was written, and stays readable when the host no longer seals.
func TestNarrative_Sealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{ChiefComplaint: "canary complaint"},
	})
	require.NoError(t, err)
	rx, err := b.Prescribe(b.Ctx, clinical.PrescribeInput{
		Encounter: e.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: "Ibuprofen", Unit: "tablet", Dosage: "1", Frequency: "daily", Duration: "1 day", Quantity: 1,
			Instructions: "canary instructions",
		},
	})
	require.NoError(t, err)
	allergy, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient,
		AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: "Latex"}, Reaction: "canary reaction",
		},
	})
	require.NoError(t, err)
	e, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{
		ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home", Diagnosis: "canary diagnosis"},
	})
	require.NoError(t, err)

	for _, table := range []string{"encounter", "prescription", "allergy", "audit_event", "outbox", "idempotency_key"} {
		require.Zero(
			t,
			dbtest.Scalar[int](
				t,
				b.Env,
				`SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`,
				b.Tenant,
			),
			table,
		)
	}
	base := b.Base
	base.Crypt = fieldcrypt.New(b.Key) // without narrative
	plain := clinical.New(base, clinical.Ports{Patients: patient.NewPort(base), Appointments: scheduling.NewPort(base)})
	for _, s := range []*clinical.Service{b.Service, plain} {
		got, err := s.GetEncounter(b.Ctx, e.ID)
		require.NoError(t, err)
		require.Equal(t, e, got)
		require.Equal(t, []string{"canary complaint", "canary diagnosis"}, []string{got.ChiefComplaint, got.Diagnosis})
		list, err := s.ListPrescriptions(b.Ctx, clinical.ListPrescriptionsInput{Patient: b.patient})
		require.NoError(t, err)
		require.Equal(t, []clinical.Prescription{rx}, list.Items)
		allergies, err := s.ListAllergies(b.Ctx, b.patient)
		require.NoError(t, err)
		require.Equal(t, []clinical.Allergy{allergy}, allergies)
	}
}
