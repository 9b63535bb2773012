package scheduling_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

type bundle struct {
	*dbtest.Env
	*scheduling.Service
	clinic  *clinical.Service
	patient hmstype.PatientID
	doctor  hmstype.UserID
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupOn(t, dbtest.New(t))
}

func setupOn(t *testing.T, env *dbtest.Env) *bundle {
	t.Helper()
	b := &bundle{
		Env: env, Service: newService(env.Base),
		clinic: clinical.New(env.Base, clinical.Ports{
			Patients: patient.NewPort(env.Base), Appointments: scheduling.NewPort(env.Base),
		}),
	}
	b.patient, b.doctor = b.newPatient(t), env.User(t, identity.RoleDoctor).ID
	return b
}

func newService(base usecase.Base) *scheduling.Service {
	return scheduling.New(base, scheduling.Ports{
		Patients: patient.NewPort(base), Encounters: clinical.NewPort(base),
	})
}

func (b *bundle) newPatient(t *testing.T) hmstype.PatientID {
	t.Helper()
	p, err := patient.New(b.Base, patient.Ports{}).
		Register(b.Ctx, patient.RegisterInput{Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown}})
	require.NoError(t, err)
	return p.ID
}

func (b *bundle) at(from, to time.Duration) hmstype.Period {
	return hmstype.Period{Start: dbtest.Start.Add(from), End: dbtest.Start.Add(to)}
}

func TestService_Book(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.Book(
		b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
	)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		patient hmstype.PatientID
		doctor  hmstype.UserID
		period  hmstype.Period
		taken   string
	}{
		"DoctorOverlaps":  {b.newPatient(t), b.doctor, b.at(90*time.Minute, 3*time.Hour), "practitioner"},
		"PatientOverlaps": {b.patient, b.User(t, identity.RoleDoctor).ID, b.at(0, 61*time.Minute), "patient"},
		"Adjacent":        {b.patient, b.doctor, b.at(2*time.Hour, 3*time.Hour), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.Book(b.Ctx, scheduling.BookInput{Patient: tt.patient, Practitioner: tt.doctor, Period: tt.period})
			if tt.taken == "" {
				require.NoError(t, err)
				return
			}
			var taken *scheduling.SlotTakenError
			require.ErrorAs(t, err, &taken)
			require.Equal(t, first.ID, taken.Appointment)
			require.Equal(t, tt.taken, taken.Of)
			require.Equal(t, first.Period, taken.Period)
		})
	}
	for name, period := range map[string]hmstype.Period{
		"Past": b.at(-2*time.Hour, -time.Hour), "Backwards": b.at(3*time.Hour, 2*time.Hour),
		"Endless": {Start: dbtest.Start}, "TooLong": b.at(0, 25*time.Hour),
	} {
		_, err := b.Book(b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: period})
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = b.Book(b.As(t, identity.RolePharmacist), scheduling.BookInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	stranger := dbtest.New(t)
	_, err = b.CheckIn(stranger.Ctx, first.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_Book_ConcurrentSlotGoesToOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	kinds := map[bool]int{}
	var wg sync.WaitGroup
	for i := range 64 {
		who := b.patient
		if i%2 == 0 {
			who = b.newPatient(t)
		}
		wg.Go(func() {
			_, err := b.Book(
				b.Ctx, scheduling.BookInput{Patient: who, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
			)
			if err != nil && !errors.Is(err, scheduling.ErrSlotTaken) {
				t.Errorf("book: %v", err)
			}
			mu.Lock()
			kinds[err == nil]++
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Equal(t, map[bool]int{true: 1, false: 63}, kinds)
}

func TestService_Book_NeverOverlaps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(rt *rapid.T) {
		start := rapid.IntRange(0, 24*60).Draw(rt, "start")
		length := rapid.IntRange(1, 120).Draw(rt, "length")
		_, err := b.Book(b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor,
			Period: b.at(time.Duration(start)*time.Minute, time.Duration(start+length)*time.Minute)})
		if err != nil && !errors.Is(err, scheduling.ErrSlotTaken) {
			rt.Fatalf("book: %v", err)
		}
	})
	require.Zero(t, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.appointment AS x JOIN hms.appointment AS y
		ON x.tenant_id = y.tenant_id AND x.id < y.id AND x.starts_at < y.ends_at AND y.starts_at < x.ends_at
		WHERE x.tenant_id = ? AND y.tenant_id = x.tenant_id`, b.Tenant))
}

func TestService_AppointmentLifecycle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "appointment", scheduling.AppointmentTransitions.Pairs())
	a, err := b.Book(
		b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
	)
	require.NoError(t, err)
	_, err = b.MarkNoShow(b.Ctx, scheduling.MarkNoShowInput{ID: a.ID, Grace: 15 * time.Minute})
	require.ErrorIs(t, err, scheduling.ErrTooEarly)
	moved, err := b.Reschedule(b.Ctx, scheduling.RescheduleInput{ID: a.ID, Period: b.at(90*time.Minute, 150*time.Minute)})
	require.NoError(t, err, "the new time may overlap the old one")
	require.Equal(t, a.ID, moved.Replaces)
	_, err = b.CheckIn(b.Ctx, a.ID)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	other, err := b.Book(
		b.Ctx,
		scheduling.BookInput{Patient: b.newPatient(t), Practitioner: b.doctor, Period: b.at(4*time.Hour, 5*time.Hour)},
	)
	require.NoError(t, err)
	_, err = b.Reschedule(b.Ctx, scheduling.RescheduleInput{ID: moved.ID, Period: other.Period})
	require.ErrorIs(t, err, scheduling.ErrSlotTaken)
	_, err = b.CheckIn(b.Ctx, moved.ID)
	require.NoError(t, err, "the old appointment stands where the new time is taken")

	e, err := b.clinic.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Appointment: moved.ID, Class: clinical.ClassAmbulatory},
	)
	require.NoError(t, err)
	require.Equal(t, b.patient, e.Patient)
	_, err = b.clinic.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Appointment: moved.ID, Class: clinical.ClassAmbulatory},
	)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	day, err := b.ListAppointments(
		b.Ctx, scheduling.ListAppointmentsInput{Practitioner: b.doctor, During: b.at(0, 10*time.Hour)},
	)
	require.NoError(t, err)
	require.Len(t, day.Items, 3)

	b.Clock.Advance(5 * time.Hour)
	_, err = b.MarkNoShow(b.Ctx, scheduling.MarkNoShowInput{ID: other.ID, Grace: 15 * time.Minute})
	require.NoError(t, err)
}
