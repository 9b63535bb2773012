package hospital_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// A death ends what it has made pointless, in its own transaction: what was to come, and no bill.
func TestHMS_DeathEndsWhatWasToCome(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 100, "")
	rx := fixture.Prescription(t, env, stock.Item, 20, 1)
	who, err := env.H.Patient.Get(env.Ctx, rx.Patient)
	require.NoError(t, err)
	held := fixture.Prescription(t, env, env.Stock(t, 1, "").Item, 20, 1)
	doctor := env.User(t, identity.RoleDoctor)
	book := func(patient hmstype.PatientID, in time.Duration) scheduling.Appointment {
		start := env.Now().Add(in)
		a, err := env.H.Scheduling.Book(env.Ctx, scheduling.BookInput{
			Patient: patient, Practitioner: doctor, Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
		})
		require.NoError(t, err)
		return a
	}
	begin := beginnings(t, env, who.ID)
	past, today, later := book(who.ID, time.Hour), book(who.ID, 5*time.Hour), book(who.ID, 48*time.Hour)
	others := book(held.Patient, 72*time.Hour)
	env.Advance(4 * time.Hour)

	dead, err := env.H.Patient.MarkDeceased(env.As(t, identity.RoleReceptionist),
		patient.MarkDeceasedInput{ID: who.ID, Version: who.Version, At: env.Now().Add(-2 * time.Hour)})
	require.NoError(t, err)
	for id, want := range map[hmstype.AppointmentID]scheduling.AppointmentStatus{
		past.ID: scheduling.AppointmentBooked, today.ID: scheduling.AppointmentCancelled,
		later.ID: scheduling.AppointmentCancelled, others.ID: scheduling.AppointmentBooked,
	} {
		a, err := env.H.Scheduling.GetAppointment(env.Ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, a.Status)
		if want == scheduling.AppointmentCancelled {
			require.EqualValues(t, "pat-dec", a.CancelCode)
		}
	}
	stopped, err := env.H.Clinical.GetPrescription(env.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionCancelled, stopped.Status)
	standing, err := env.H.Clinical.GetPrescription(env.Ctx, held.ID)
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionActive, standing.Status, "somebody else's")

	// A correction of the instant ends what the first one left.
	_, err = env.H.Patient.MarkDeceased(env.Ctx,
		patient.MarkDeceasedInput{ID: who.ID, Version: dead.Version, At: env.Now().Add(-4 * time.Hour)})
	require.NoError(t, err)
	gone, err := env.H.Scheduling.GetAppointment(env.Ctx, past.ID)
	require.NoError(t, err)
	require.Equal(t, scheduling.AppointmentCancelled, gone.Status)

	for name, begin := range begin {
		require.ErrorIs(t, begin(env.H, env.Ctx), patient.ErrDeceased, name)
	}
}

// Whoever begins something while a death is being noted waits for it, and is refused.
func TestHMS_NothingBeginsBesideADeath(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	for name := range beginnings(t, env, env.Patient(t).ID) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := env.Patient(t)
			begin := beginnings(t, env, who.ID)[name]
			tx, err := env.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { _ = tx.Rollback() }() // a failed test leaves it open
			var holder int
			require.NoError(t, tx.NewRaw(`SELECT pg_backend_pid()`).Scan(t.Context(), &holder))
			p, err := env.H.Patient.Get(env.Ctx, who.ID)
			require.NoError(t, err)
			dead, err := env.H.WithTx(tx).Patient.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: p.Version})
			require.NoError(t, err)

			outcome := make(chan error, 1)
			go func() { outcome <- begin(env.H, env.Ctx) }()
			for waiting := 0; waiting == 0; {
				require.Empty(t, outcome, "it does not wait")
				require.NoError(t, env.DB.NewRaw(
					`SELECT count(*) FROM pg_stat_activity WHERE ? = ANY(pg_blocking_pids(pid))`, holder,
				).Scan(t.Context(), &waiting))
			}
			require.NoError(t, tx.Commit())
			require.ErrorIs(t, <-outcome, patient.ErrDeceased)
			_, err = env.H.Patient.RevokeDeath(env.Ctx,
				patient.RevokeDeathInput{ID: p.ID, Version: dead.Version, Reason: "of the test"})
			require.NoError(t, err)
			require.NoError(t, begin(env.H, env.Ctx), "and the living are treated")
		})
	}
}

// Many begin something for one patient while his death is noted: what was begun before is ended by it, nothing is begun
// after it, and nobody waits for another for ever.
func TestHMS_ADeathAmongManyBeginnings(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	who := env.Patient(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	do := func(call func() error) {
		wg.Go(func() {
			err := call()
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, patient.ErrDeceased) {
				refused++
				return
			}
			assert.NoError(t, err)
		})
	}
	visit := env.Encounter(t, who.ID, clinical.ClassAmbulatory)
	for i := range 24 {
		doctor, start := env.User(t, identity.RoleDoctor), env.Now().Add(time.Duration(i+1)*time.Hour)
		do(func() error {
			_, err := env.H.Scheduling.Book(env.Ctx, scheduling.BookInput{
				Patient: who.ID, Practitioner: doctor, Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
			})
			return err
		})
		do(func() error {
			_, err := env.H.Clinical.Prescribe(env.Ctx, clinical.PrescribeInput{
				Encounter: visit.ID, PrescriptionDetails: clinical.PrescriptionDetails{
					MedicationName: string(rune('A'+i)) + "quine", Unit: "tablet", Dosage: "500 mg", Frequency: "daily",
					Duration: "10 days", Quantity: 10,
				},
			})
			return err
		})
		if i == 12 {
			do(func() error {
				_, err := env.H.Patient.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: who.ID, Version: who.Version})
				return err
			})
		}
	}
	wg.Wait()
	count := func(query string) (n int) {
		require.NoError(t, env.DB.NewRaw(query, env.Tenant, who.ID).Scan(t.Context(), &n))
		return n
	}
	require.Zero(t, count(`SELECT count(*) FROM hms.appointment
		WHERE tenant_id = ? AND patient_id = ? AND status = 'booked'`))
	require.Zero(t, count(`SELECT count(*) FROM hms.prescription
		WHERE tenant_id = ? AND patient_id = ? AND status = 'active'`))
	begun := count(`SELECT (SELECT count(*) FROM hms.appointment WHERE tenant_id = ?0 AND patient_id = ?1)
		+ (SELECT count(*) FROM hms.prescription WHERE tenant_id = ?0 AND patient_id = ?1)`)
	require.Equal(t, 48, begun+refused)
}

// A record does not go out of use while somebody is still to do something for the patient.
func TestHMS_SetStatusListsWhatIsOpen(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	who := env.Patient(t)
	begin := beginnings(t, env, who.ID)
	for _, name := range []string{"Book", "OpenEncounter", "AddOrder"} {
		require.NoError(t, begin[name](env.H, env.Ctx), name)
	}
	for _, to := range []patient.Status{patient.StatusInactive, patient.StatusEnteredInError} {
		_, err := env.H.Patient.SetStatus(env.Ctx,
			patient.SetStatusInput{ID: who.ID, Version: who.Version, Status: to, Reason: "moved away"})
		var open *patient.OpenWorkError
		require.ErrorAs(t, err, &open)
		require.ErrorIs(t, err, patient.ErrOpenWork)
		entities := map[string]int{}
		for _, o := range open.Open {
			entities[o.Entity]++
			_, err := hmstype.ParseID[hmstype.PatientID](o.ID)
			require.NoError(t, err)
		}
		require.Equal(t, map[string]int{"appointment": 1, "encounter": 2, "lab_order": 1}, entities)
	}
	fresh := env.Patient(t)
	gone, err := env.H.Patient.SetStatus(env.Ctx, patient.SetStatusInput{
		ID: fresh.ID, Version: fresh.Version, Status: patient.StatusInactive, Reason: "moved away",
	})
	require.NoError(t, err)
	require.Equal(t, patient.StatusInactive, gone.Status)
}

// beginning calls a use case once.
type beginning func(*hms.HMS, context.Context) error

// beginnings are the use cases that begin something for a patient, each ready to be called once.
func beginnings(t *testing.T, env *hmstest.Env, who hmstype.PatientID) map[string]beginning {
	t.Helper()
	doctor := env.User(t, identity.RoleDoctor)
	start := env.Now().Add(30 * 24 * time.Hour)
	bed := env.Bed(t, "").ID
	code := strings.ToUpper(hmstype.NewID[hmstype.LabTestID]().String()[24:])
	test, err := env.H.Lab.CreateTest(env.Ctx, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: code, Name: "Note", SpecimenType: "blood", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: code, Name: "Note", ValueType: lab.ValueText}},
		},
	})
	require.NoError(t, err)
	visit := env.Encounter(t, who, clinical.ClassInpatient).ID
	return map[string]beginning{
		"Book": func(h *hms.HMS, ctx context.Context) error {
			_, err := h.Scheduling.Book(ctx, scheduling.BookInput{
				Patient: who, Practitioner: doctor, Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
			})
			return err
		},
		"OpenEncounter": func(h *hms.HMS, ctx context.Context) error {
			_, err := h.Clinical.OpenEncounter(ctx, clinical.OpenEncounterInput{
				Patient: who, Practitioner: doctor, Class: clinical.ClassEmergency,
			})
			return err
		},
		"Admit": func(h *hms.HMS, ctx context.Context) error {
			_, err := h.Facility.Admit(ctx, facility.AdmitInput{Encounter: visit, Bed: bed})
			return err
		},
		"AddOrder": func(h *hms.HMS, ctx context.Context) error {
			_, err := h.Lab.AddOrder(ctx, lab.AddOrderInput{
				Patient: who, Tests: []hmstype.LabTestID{test.ID}, OrderDetails: lab.OrderDetails{Requester: doctor},
			})
			return err
		},
	}
}
