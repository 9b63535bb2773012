package scheduling_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func TestService_Book_ConcurrentPatientAtTwoDoctors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctors := []hmstype.UserID{b.doctor, b.User(t, identity.RoleDoctor).ID}
	wins := countWins(t, 64, scheduling.ErrSlotTaken, func(i int) error {
		_, err := b.Book(
			b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: doctors[i%2], Period: b.at(time.Hour, 2*time.Hour)},
		)
		return err
	})
	require.Equal(t, 1, wins)
}

// countWins runs fn n times at once and counts those that succeed; the others must fail
// with the error that is expected of losers.
func countWins(t *testing.T, n int, lost error, fn func(int) error) int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	wins := 0
	for i := range n {
		wg.Go(func() {
			err := fn(i)
			if err != nil && !errors.Is(err, lost) {
				t.Errorf("want %v, got %v", lost, err)
			}
			if err == nil {
				mu.Lock()
				wins++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return wins
}

// TestService_Book_ConcurrentRandomNeverOverlaps lets many desks book few people and
// practitioners at random times, move and cancel, and then looks for two at one time.
func TestService_Book_ConcurrentRandomNeverOverlaps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	patients := []hmstype.PatientID{b.patient, b.newPatient(t), b.newPatient(t)}
	doctors := []hmstype.UserID{b.doctor, b.User(t, identity.RoleDoctor).ID, b.User(t, identity.RoleDoctor).ID}
	var wg sync.WaitGroup
	for desk := range 16 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(desk), 1))
			for range 12 {
				start := time.Duration(random.IntN(12*60)) * time.Minute
				period := b.at(start, start+time.Duration(1+random.IntN(90))*time.Minute)
				a, err := b.Book(
					b.Ctx,
					scheduling.BookInput{Patient: patients[random.IntN(3)], Practitioner: doctors[random.IntN(3)], Period: period},
				)
				if err == nil && random.IntN(3) == 0 {
					_, err = b.Reschedule(
						b.Ctx, scheduling.RescheduleInput{ID: a.ID, Period: b.at(start+time.Hour, start+2*time.Hour)},
					)
				}
				if err != nil && !errors.Is(err, scheduling.ErrSlotTaken) {
					t.Errorf("book: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, column := range []string{"practitioner_id", "patient_id"} {
		require.Zero(t, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.appointment AS x JOIN hms.appointment AS y
			ON x.tenant_id = y.tenant_id AND x.id < y.id AND x.`+column+` = y.`+column+`
			AND x.starts_at < y.ends_at AND y.starts_at < x.ends_at
			WHERE x.tenant_id = ? AND x.status = 'booked' AND y.status = 'booked'`, b.Tenant), column)
	}
	require.Positive(
		t,
		dbtest.Scalar[int](
			t,
			b.Env,
			`SELECT count(*) FROM hms.appointment WHERE tenant_id = ? AND status = 'booked'`,
			b.Tenant,
		),
	)
	require.Equal(
		t,
		dbtest.Scalar[int](
			t,
			b.Env,
			`SELECT count(*) FROM hms.appointment WHERE tenant_id = ? AND status = 'cancelled'`,
			b.Tenant,
		),
		dbtest.Scalar[int](
			t,
			b.Env,
			`SELECT count(*) FROM hms.appointment WHERE tenant_id = ? AND replaces_id IS NOT NULL`,
			b.Tenant,
		),
		"every cancelled one was replaced, or the reschedule left it booked",
	)
}

func TestService_Book_Details(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := scheduling.BookInput{
		Patient:      b.patient,
		Practitioner: b.doctor,
		Period:       b.at(time.Hour, 2*time.Hour),
		AppointmentDetails: scheduling.AppointmentDetails{
			Type: "follow-up", Reason: "cough", Room: "12", Notes: "brings films",
		},
		IdempotencyKey: "k",
	}
	first, err := b.Book(b.Ctx, in)
	require.NoError(t, err)
	again, err := b.Book(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, first, again, "the same key books once")
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.appointment WHERE tenant_id = ?`, b.Tenant))
	in.Room = "13"
	_, err = b.Book(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
	got, err := b.GetAppointment(b.Ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, first, got)

	t.Run("UnknownPractitioner", func(t *testing.T) {
		t.Parallel()
		_, err := b.Book(
			b.Ctx,
			scheduling.BookInput{
				Patient: b.patient, Practitioner: hmstype.NewID[hmstype.UserID](), Period: b.at(5*time.Hour, 6*time.Hour),
			},
		)
		require.ErrorIs(t, err, hmstype.ErrNotPractitioner)
	})
	t.Run("Deceased", func(t *testing.T) {
		t.Parallel()
		who := b.newPatient(t)
		unknown := patient.MarkDeceasedInput{ID: who, Version: 1} // nobody knows when
		_, err := patient.New(b.Base, patient.Ports{}).MarkDeceased(b.Ctx, unknown)
		require.NoError(t, err)
		_, err = b.Book(
			b.Ctx, scheduling.BookInput{Patient: who, Practitioner: b.doctor, Period: b.at(5*time.Hour, 6*time.Hour)},
		)
		require.ErrorIs(t, err, patient.ErrDeceased)
	})
	t.Run("Inactive", func(t *testing.T) {
		t.Parallel()
		who := b.newPatient(t)
		_, err := b.DB.NewRaw(`UPDATE hms.patient SET status = 'inactive' WHERE tenant_id = ? AND id = ?`, b.Tenant, who).
			Exec(t.Context())
		require.NoError(t, err)
		_, err = b.Book(
			b.Ctx, scheduling.BookInput{Patient: who, Practitioner: b.doctor, Period: b.at(5*time.Hour, 6*time.Hour)},
		)
		require.ErrorIs(t, err, patient.ErrInactive)
	})
}

func TestService_CancelAppointment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)}
	a, err := b.Book(b.Ctx, in)
	require.NoError(t, err)
	clerk := b.As(t, identity.RoleReceptionist)
	_, err = b.CancelAppointment(clerk, scheduling.CancelAppointmentInput{ID: a.ID, Code: "no-such", Reason: "x"})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.CancelAppointment(clerk, scheduling.CancelAppointmentInput{ID: a.ID})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is required")
	gone, err := b.CancelAppointment(
		clerk, scheduling.CancelAppointmentInput{ID: a.ID, Code: "pat-fb", Reason: "feels better"},
	)
	require.NoError(t, err)
	require.Equal(t, scheduling.AppointmentCancelled, gone.Status)
	require.Equal(t, scheduling.CancelCode("pat-fb"), gone.CancelCode)
	require.Equal(t, hmstype.ActorHuman, gone.CancelledBy.Kind)
	history, err := b.GetAppointmentHistory(b.Ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{
		{From: "booked", To: "cancelled", At: b.Clock.Now(), By: gone.CancelledBy, Reason: "feels better"},
	}, history.Steps)
	_, err = b.CancelAppointment(clerk, scheduling.CancelAppointmentInput{ID: a.ID, Reason: "again"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	next, err := b.Book(b.Ctx, in)
	require.NoError(t, err, "the time is free again")
	wrong, err := b.EnterAppointmentInError(
		clerk, scheduling.EnterAppointmentInErrorInput{ID: next.ID, Reason: "another patient"},
	)
	require.NoError(t, err)
	require.Equal(t, scheduling.AppointmentEnteredInError, wrong.Status)
	require.Equal(t, "another patient", wrong.CancelReason)

	third, err := b.Book(b.Ctx, in)
	require.NoError(t, err)
	_, err = b.CheckIn(clerk, third.ID)
	require.NoError(t, err)
	e, err := b.clinic.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Appointment: third.ID, Class: clinical.ClassAmbulatory},
	)
	require.NoError(t, err)
	_, err = b.EnterAppointmentInError(clerk, scheduling.EnterAppointmentInErrorInput{ID: third.ID, Reason: "x"})
	require.ErrorIs(t, err, scheduling.ErrAppointmentUsed)
	_, err = b.clinic.EnterEncounterInError(
		b.Ctx, clinical.EnterEncounterInErrorInput{ID: e.ID, Reason: "another patient"},
	)
	require.NoError(t, err)
	_, err = b.EnterAppointmentInError(clerk, scheduling.EnterAppointmentInErrorInput{ID: third.ID, Reason: "x"})
	require.NoError(t, err)
}

func TestService_Reschedule_ConcurrentMovesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.Book(
		b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
	)
	require.NoError(t, err)
	wins := countWins(t, 16, hmstype.ErrInvalidTransition, func(i int) error {
		start := time.Duration(3+i) * time.Hour
		_, err := b.Reschedule(b.Ctx, scheduling.RescheduleInput{ID: a.ID, Period: b.at(start, start+time.Minute)})
		return err
	})
	require.Equal(t, 1, wins)
	require.Equal(t, 2, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.appointment WHERE tenant_id = ?`, b.Tenant))
}

func TestService_MarkNoShows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []hmstype.AppointmentID
	for i := range 5 {
		start := time.Duration(i) * time.Hour
		a, err := b.Book(
			b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(start, start+time.Hour)},
		)
		require.NoError(t, err)
		ids = append(ids, a.ID)
	}
	_, err := b.CheckIn(b.Ctx, ids[1])
	require.NoError(t, err)
	b.Clock.Advance(3*time.Hour + 10*time.Minute)
	_, err = b.MarkNoShows(b.Ctx, scheduling.MarkNoShowsInput{AsOf: b.Clock.Now().Add(time.Hour)})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "nobody has missed the future")
	sweep := scheduling.MarkNoShowsInput{AsOf: b.Clock.Now(), Grace: 15 * time.Minute, Limit: 1}
	var marked []hmstype.AppointmentID
	for range 4 {
		some, err := b.MarkNoShows(b.Ctx, sweep)
		require.NoError(t, err)
		marked = append(marked, some...)
	}
	require.Equal(
		t, []hmstype.AppointmentID{ids[0], ids[2]}, marked, "not those who came, nor within the grace, nor to come",
	)
	_, err = b.MarkNoShows(b.As(t, identity.RoleNurse), sweep)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

// TestService_Calendar_DaysOfClockChanges books in the hours around the changes of the
// clock: the day has 23 or 25 hours, the repeated hour holds two appointments, and a day's
// list neither loses one nor shows one of the next day.
func TestService_ListAppointments_DaysOfClockChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.DB.NewRaw(`UPDATE hms.tenant SET time_zone = 'Europe/Berlin' WHERE tenant_id = ?`, b.Tenant).
		Exec(t.Context())
	require.NoError(t, err)
	b.Clock.Advance(2 * time.Minute) // the tenant's settings are kept for a minute
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, tt := range []struct {
		day   hmstype.Date
		hours int
	}{
		{hmstype.NewDate(2026, time.March, 29), 23},
		{hmstype.NewDate(2026, time.October, 25), 25},
		{hmstype.NewDate(2026, time.June, 1), 24},
	} {
		doctor := b.User(t, identity.RoleDoctor).ID
		first := tt.day.In(zone)
		// An appointment in each hour, from the one before midnight to the one after the next.
		for h := -1; h <= tt.hours; h++ {
			start := first.Add(time.Duration(h) * time.Hour)
			_, err := b.Book(b.Ctx, scheduling.BookInput{Patient: b.newPatient(t), Practitioner: doctor,
				Period: hmstype.Period{Start: start, End: start.Add(time.Hour)}})
			require.NoError(t, err, "%s", start)
		}
		in := scheduling.ListAppointmentsInput{Practitioner: doctor, Day: tt.day, Page: hmstype.Page{Limit: 7}}
		seen := 0
		for {
			list, err := b.ListAppointments(b.Ctx, in)
			require.NoError(t, err)
			for _, a := range list.Items {
				require.Equal(t, tt.day, hmstype.DateOf(a.Period.Start, zone))
			}
			seen += len(list.Items)
			if list.Next == "" {
				break
			}
			in.Page.Cursor = list.Next
		}
		require.Equal(t, tt.hours, seen, "%s", tt.day)
	}
	_, err = b.ListAppointments(
		b.Ctx, scheduling.ListAppointmentsInput{Day: hmstype.NewDate(2026, time.June, 1), During: b.at(0, time.Hour)},
	)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.ListAppointments(b.Ctx, scheduling.ListAppointmentsInput{})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func TestService_Book_InTheHostsTransaction(t *testing.T) {
	t.Parallel()
	for _, way := range dbtest.WaysToJoin {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			in := scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)}
			_, err := b.Book(b.Ctx, in)
			require.NoError(t, err)
			host := way.Begin(t, b.DB, b.DSN)
			base := b.Base
			base.DB = host.Bind(base.DB)
			bound := newService(base)
			_, err = bound.Book(b.Ctx, in)
			require.ErrorIs(t, err, scheduling.ErrSlotTaken)
			in.Period = b.at(2*time.Hour, 3*time.Hour)
			_, err = bound.Book(b.Ctx, in)
			require.NoError(t, err, "the host goes on after a refusal")
			require.NoError(t, host.Commit())
			list, err := b.ListAppointments(
				b.Ctx, scheduling.ListAppointmentsInput{Patient: b.patient, During: b.at(0, 24*time.Hour)},
			)
			require.NoError(t, err)
			require.Len(t, list.Items, 2)
		})
	}
}

func TestSlotTakenError_SaysNothingOfThePatient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.Book(
		b.Ctx,
		scheduling.BookInput{
			Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour),
			AppointmentDetails: scheduling.AppointmentDetails{Reason: "CANARY", Notes: "CANARY"},
		},
	)
	require.NoError(t, err)
	_, err = b.Book(
		b.Ctx,
		scheduling.BookInput{
			Patient: b.newPatient(t), Practitioner: b.doctor, Period: a.Period,
			AppointmentDetails: scheduling.AppointmentDetails{Reason: "CANARY"},
		},
	)
	require.ErrorIs(t, err, scheduling.ErrSlotTaken)
	require.NotContains(t, fmt.Sprintf("%+v", err), "CANARY")
	require.NotContains(t, err.Error(), b.patient.String())
	require.Equal(t, hmstype.KindAlreadyExists, hmstype.KindOf(err))
	_, err = b.Book(context.Background(), scheduling.BookInput{})
	require.ErrorIs(t, err, hmstype.ErrUnauthenticated)
}
