package scheduling_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// TestTransitions_EveryPair walks every pair of states in the database: it allows exactly what the
// table in Go does, for the superuser too.
func TestTransitions_EveryPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	allowed := map[string]bool{}
	for _, p := range scheduling.AppointmentTransitions.Pairs() {
		allowed[p] = true
	}
	states := scheduling.AppointmentTransitions.States()
	n := 0
	for _, from := range states {
		for _, to := range states {
			if from == to {
				continue
			}
			n++
			id := hmstype.NewID[hmstype.AppointmentID]()
			_, err := b.DB.NewRaw(`INSERT INTO hms.appointment (tenant_id, id, patient_id, status, practitioner_id,
					starts_at, ends_at, cancel_code, cancelled_by, created_by, created_at)
				VALUES (?0, ?1, ?2, ?3, ?4, now() + ?5 * interval '1 hour', now() + ?5 * interval '1 hour' + interval '1 minute',
					'pat', 'x', 'x', now())`, b.Tenant, id, b.patient, from, b.doctor, n).Exec(t.Context())
			require.NoError(t, err, "%s", from)
			_, err = b.DB.NewRaw(`UPDATE hms.appointment SET status = ? WHERE tenant_id = ? AND id = ?`,
				to, b.Tenant, id).Exec(t.Context())
			if step := string(from) + ">" + string(to); allowed[step] {
				require.NoError(t, err, step)
			} else {
				require.Contains(t, []string{"HM001", "HM002"}, dbx.SQLState(err), step)
			}
		}
	}
	require.Equal(t, len(states)*(len(states)-1), n)
}

// TestGuards tries by SQL, as superuser, what must never be.
func TestGuards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.Book(b.Ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour),
	})
	require.NoError(t, err)
	other := b.newPatient(t)
	beside := `INSERT INTO hms.appointment (tenant_id, id, patient_id, practitioner_id, starts_at, ends_at, status,
			created_by, created_at)
		SELECT tenant_id, gen_random_uuid(), ?, ?, starts_at + ?::interval, ends_at + ?::interval, 'booked',
			'x', created_at FROM hms.appointment WHERE id = ?`
	for name, tt := range map[string]struct {
		state string
		query string
		args  []any
	}{
		"PractitionerTwice": {"23P01", beside, []any{other, b.doctor, "59 minutes", "59 minutes", a.ID}},
		"PatientTwice": {"23P01", beside, []any{
			b.patient, b.User(t, identity.RoleDoctor).ID, "-59 minutes", "-59 minutes", a.ID,
		}},
		"Backwards":         {"23514", beside, []any{other, b.User(t, identity.RoleDoctor).ID, "0", "-2 hours", a.ID}},
		"LongerThanADay":    {"23514", beside, []any{other, b.User(t, identity.RoleDoctor).ID, "0", "24 hours", a.ID}},
		"CancelWithoutCode": {"23514", `UPDATE hms.appointment SET status = 'cancelled' WHERE id = ?`, []any{a.ID}},
		"UnknownPatient":    {"23503", `UPDATE hms.appointment SET patient_id = gen_random_uuid() WHERE id = ?`, []any{a.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.DB.NewRaw(tt.query, tt.args...).Exec(t.Context())
			require.Equal(t, tt.state, dbx.SQLState(err), "%v", err)
			require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(dbx.Map(err)))
		})
	}
	t.Run("AdjacentAllowed", func(t *testing.T) {
		t.Parallel()
		_, err := b.DB.NewRaw(beside, b.patient, b.doctor, "1 hour", "1 hour", a.ID).Exec(t.Context())
		require.NoError(t, err)
	})
}

// TestTenantIsolation asks for everything of another tenant by its id.
func TestTenantIsolation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.Book(b.Ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour),
	})
	require.NoError(t, err)
	env := dbtest.New(t)
	ctx, elsewhere := env.Ctx, env.User(t, identity.RoleDoctor).ID
	for name, err := range map[string]error{
		"GetAppointment":    second(b.GetAppointment(ctx, a.ID)),
		"CheckIn":           second(b.CheckIn(ctx, a.ID)),
		"CancelAppointment": second(b.CancelAppointment(ctx, scheduling.CancelAppointmentInput{ID: a.ID, Reason: "x"})),
		"Book": second(b.Book(ctx, scheduling.BookInput{
			Patient: b.patient, Practitioner: elsewhere, Period: b.at(4*time.Hour, 5*time.Hour),
		})),
	} {
		require.ErrorIs(t, err, hmstype.ErrNotFound, name)
	}
	_, err = b.Book(ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(4*time.Hour, 5*time.Hour),
	})
	require.ErrorIs(t, err, hmstype.ErrNotPractitioner, "the doctor treats nobody there")
}

func second[T any](_ T, err error) error { return err }

// What the database's guards should have kept out is found where somebody took them off.
func TestService_VerifyCalendar(t *testing.T) {
	t.Parallel()
	b := setupOn(t, dbtest.NewOwn(t))
	book := func(who hmstype.PatientID, doctor hmstype.UserID) {
		_, err := b.Book(b.Ctx, scheduling.BookInput{
			Patient: who, Practitioner: doctor, Period: b.at(time.Hour, 2*time.Hour),
		})
		require.NoError(t, err)
	}
	book(b.patient, b.doctor)
	report, err := b.VerifyCalendar(b.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean())

	_, err = b.DB.ExecContext(t.Context(), `ALTER TABLE hms.appointment
		DROP CONSTRAINT appointment_practitioner_excl, DROP CONSTRAINT appointment_patient_excl`)
	require.NoError(t, err)
	book(b.newPatient(t), b.doctor)
	book(b.patient, b.User(t, identity.RoleDoctor).ID)
	report, err = b.VerifyCalendar(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, scheduling.CalendarReport{PractitionerOverlaps: 1, PatientOverlaps: 1}, report)
}
