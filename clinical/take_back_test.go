package clinical_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// elsewhere is what another domain has on record of an encounter.
type elsewhere struct {
	standing []patient.Open
	taken    int
}

func (e *elsewhere) Standing(
	context.Context, bun.IConn, hmstype.EncounterID, hmstype.PatientID,
) ([]patient.Open, error) {
	return e.standing, nil
}

func (e *elsewhere) TakeBack(context.Context, bun.IConn, hmstype.EncounterID, hmstype.PatientID, string) error {
	e.taken++
	return nil
}

// What was recorded in an encounter of the wrong patient goes with it, but for what was done: that is reversed first.
func TestService_EnterEncounterInError_TakesBackWhatWasRecorded(t *testing.T) {
	t.Parallel()
	b, other := setup(t), &elsewhere{standing: []patient.Open{{Entity: "charge", ID: "billed"}}}
	b.Service = clinical.New(b.Base, clinical.Ports{
		Patients: patient.NewPort(b.Base), Appointments: scheduling.NewPort(b.Base),
		Records: []clinical.EncounterRecord{other},
	})
	r := b.record(t, b.Ctx)
	wrong := clinical.EnterEncounterInErrorInput{ID: r.encounter.ID, Reason: "wrong patient"}
	require.NoError(t, b.dispense(t, r.rx.ID, 1))
	_, err := b.EnterEncounterInError(b.Ctx, wrong)
	require.ErrorIs(t, err, clinical.ErrStanding)
	var standing *clinical.StandingError
	require.ErrorAs(t, err, &standing)
	require.Equal(t, []patient.Open{
		{Entity: "prescription", ID: r.rx.ID.String()}, {Entity: "charge", ID: "billed"},
	}, standing.Standing)
	require.Zero(t, other.taken)
	unchanged, err := b.GetEncounter(b.Ctx, r.encounter.ID)
	require.NoError(t, err)
	require.Equal(t, r.encounter.Status, unchanged.Status)

	other.standing = nil
	require.NoError(t, b.dispense(t, r.rx.ID, -1))
	done, err := b.EnterEncounterInError(b.Ctx, wrong)
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterEnteredInError, done.Status)
	require.Equal(t, 1, other.taken)
	for table, column := range map[string]string{
		"prescription": "status", "vitals": "status", "clinical_note": "status", "condition": "verification_status",
	} {
		n := dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.`+table+` WHERE tenant_id = ? AND encounter_id = ? AND `+
			column+` <> 'entered-in-error'`, b.Tenant, r.encounter.ID)
		require.Zero(t, n, table)
	}
	require.ErrorIs(t, b.dispense(t, r.rx.ID, 1), clinical.ErrNotActive)
	report, err := b.Verify(b.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), report.String())
}

// An encounter that was entered in error does not occupy its appointment.
func TestService_OpenEncounter_AppointmentOfOneInError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.calendar.Book(
		b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
	)
	require.NoError(t, err)
	_, err = b.calendar.CheckIn(b.Ctx, a.ID)
	require.NoError(t, err)
	open := func() (clinical.Encounter, error) {
		return b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: a.ID, Class: clinical.ClassAmbulatory})
	}
	first, err := open()
	require.NoError(t, err)
	_, err = open()
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = b.EnterEncounterInError(
		b.Ctx, clinical.EnterEncounterInErrorInput{ID: first.ID, Reason: "wrong patient"},
	)
	require.NoError(t, err)
	require.Equal(t, 1, countWins(t, 8, hmstype.ErrInvalidTransition, func(int) error {
		_, err := open()
		if hmstype.KindOf(err) == hmstype.KindOf(scheduling.ErrAppointmentUsed) {
			return hmstype.ErrInvalidTransition // whoever came too late for either
		}
		return err
	}))
}
