package scheduling_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// What is written of an appointment lies sealed in its row and in the trail, comes back from every use case as it
// was written, and stays readable when the host no longer seals.
func TestNarrative_Sealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.Book(b.Ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour),
		AppointmentDetails: scheduling.AppointmentDetails{Reason: "canary reason", Notes: "canary notes"},
	})
	require.NoError(t, err)
	move := scheduling.RescheduleInput{ID: a.ID, Period: b.at(3*time.Hour, 4*time.Hour), IdempotencyKey: "move"}
	moved, err := b.Reschedule(b.Ctx, move)
	require.NoError(t, err)
	again, err := b.Reschedule(b.Ctx, move)
	require.NoError(t, err)
	require.Equal(t, moved, again, "the key's result as well")
	_, err = b.CheckIn(b.Ctx, moved.ID)
	require.NoError(t, err)
	_, err = b.clinic.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Appointment: moved.ID, Class: clinical.ClassAmbulatory,
	})
	require.NoError(t, err)

	for _, table := range []string{"appointment", "audit_event", "outbox", "idempotency_key"} {
		require.Zero(t, dbtest.Scalar[int](t, b.Env,
			`SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`, b.Tenant), table)
	}
	base := b.Base
	base.Crypt = fieldcrypt.New(b.Key) // without narrative
	for _, s := range []*scheduling.Service{b.Service, newService(base)} {
		visit, err := s.GetAppointment(b.Ctx, moved.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"canary reason", "canary notes"}, []string{visit.Reason, visit.Notes})
		day, err := s.ListAppointments(b.Ctx, scheduling.ListAppointmentsInput{During: b.at(0, 12*time.Hour)})
		require.NoError(t, err)
		require.Len(t, day.Items, 2)
		for _, item := range day.Items {
			require.Equal(t, "canary reason", item.Reason)
		}
	}
}
