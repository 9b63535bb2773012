package clinical_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_CancelEncounter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassAmbulatory, Status: clinical.EncounterArrived,
	})
	require.NoError(t, err)
	_, err = b.CancelEncounter(b.Ctx, clinical.CancelEncounterInput{ID: e.ID})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is required")
	got, err := b.CancelEncounter(b.Ctx, clinical.CancelEncounterInput{ID: e.ID, Reason: "left"})
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterCancelled, got.Status)
	require.Equal(t, dbtest.Start, got.Period.End)
	history, err := b.GetEncounterHistory(b.Ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, "left", history.Steps[len(history.Steps)-1].Reason)

	_, err = b.CancelEncounter(b.Ctx, clinical.CancelEncounterInput{
		ID: b.open(t, clinical.ClassAmbulatory).ID, Reason: "left",
	})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "treatment has begun")
}

// What the database's guards should have kept out is found where somebody took them off.
func TestService_Verify(t *testing.T) {
	t.Parallel()
	b := setupOn(t, dbtest.NewOwn(t))
	b.open(t, clinical.ClassInpatient)
	report, err := b.Service.Verify(b.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean())

	_, err = b.DB.ExecContext(t.Context(), `DROP INDEX hms.encounter_open_inpatient_key`)
	require.NoError(t, err)
	b.open(t, clinical.ClassInpatient)
	report, err = b.Service.Verify(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, clinical.Report{OpenInpatientTwice: 1}, report)
}
