package clinical_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
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
	a, err := b.Book(b.Ctx, clinical.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour), AppointmentDetails: clinical.AppointmentDetails{Reason: "canary reason", Notes: "canary notes"},
	})
	require.NoError(t, err)
	moved, err := b.Reschedule(b.Ctx, clinical.RescheduleInput{ID: a.ID, Period: b.at(3*time.Hour, 4*time.Hour), IdempotencyKey: "move"})
	require.NoError(t, err)
	again, err := b.Reschedule(b.Ctx, clinical.RescheduleInput{ID: a.ID, Period: b.at(3*time.Hour, 4*time.Hour), IdempotencyKey: "move"})
	require.NoError(t, err)
	require.Equal(t, moved, again, "the key's result as well")
	_, err = b.CheckIn(b.Ctx, moved.ID)
	require.NoError(t, err)
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Appointment: moved.ID, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{ChiefComplaint: "canary complaint"},
	})
	require.NoError(t, err)
	rx, err := b.Prescribe(b.Ctx, clinical.PrescribeInput{
		Encounter: e.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: "Ibuprofen", Dosage: "1", Frequency: "daily", Duration: "1 day", Quantity: 1, Instructions: "canary instructions",
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

	for _, table := range []string{"appointment", "encounter", "prescription", "allergy", "audit_event", "outbox", "idempotency_key"} {
		require.Zero(t, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`, b.Tenant), table)
	}
	base := b.Base
	base.Crypt = fieldcrypt.New(b.Key) // without narrative
	plain := clinical.New(base, clinical.Ports{Patients: patient.NewPort(base)})
	for _, s := range []*clinical.Service{b.Service, plain} {
		got, err := s.GetEncounter(b.Ctx, e.ID)
		require.NoError(t, err)
		require.Equal(t, e, got)
		require.Equal(t, []string{"canary complaint", "canary diagnosis"}, []string{got.ChiefComplaint, got.Diagnosis})
		visit, err := s.GetAppointment(b.Ctx, moved.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"canary reason", "canary notes"}, []string{visit.Reason, visit.Notes})
		day, err := s.ListAppointments(b.Ctx, clinical.ListAppointmentsInput{During: b.at(0, 12*time.Hour)})
		require.NoError(t, err)
		require.Len(t, day.Items, 2)
		for _, item := range day.Items {
			require.Equal(t, "canary reason", item.Reason)
		}
		list, err := s.ListPrescriptions(b.Ctx, clinical.ListPrescriptionsInput{Patient: b.patient})
		require.NoError(t, err)
		require.Equal(t, []clinical.Prescription{rx}, list.Items)
		allergies, err := s.ListAllergies(b.Ctx, b.patient)
		require.NoError(t, err)
		require.Equal(t, []clinical.Allergy{allergy}, allergies)
	}
}
