package clinical_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

type bundle struct {
	*dbtest.Env
	*clinical.Service
	patient hmstype.PatientID
	doctor  hmstype.UserID
}

func setup(t *testing.T, guards ...clinical.FinishGuard) *bundle {
	t.Helper()
	return setupOn(t, dbtest.New(t), guards...)
}

func setupOn(t *testing.T, env *dbtest.Env, guards ...clinical.FinishGuard) *bundle {
	t.Helper()
	b := &bundle{Env: env, Service: clinical.New(env.Base, clinical.Ports{Patients: patient.NewPort(env.Base), FinishGuards: guards})}
	b.patient, b.doctor = b.newPatient(t), env.User(t, identity.RoleDoctor).ID
	return b
}

func (b *bundle) newPatient(t *testing.T) hmstype.PatientID {
	t.Helper()
	p, err := patient.New(b.Base).Register(b.Ctx, patient.RegisterInput{Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown}})
	require.NoError(t, err)
	return p.ID
}

func (b *bundle) at(from, to time.Duration) hmstype.Period {
	return hmstype.Period{Start: dbtest.Start.Add(from), End: dbtest.Start.Add(to)}
}

func (b *bundle) open(t *testing.T, class clinical.Class) clinical.Encounter {
	t.Helper()
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: class})
	require.NoError(t, err)
	return e
}

func TestService_Book(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.Book(b.Ctx, clinical.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		in    clinical.BookInput
		taken string
	}{
		"DoctorOverlaps":  {clinical.BookInput{Patient: b.newPatient(t), Practitioner: b.doctor, Period: b.at(90*time.Minute, 3*time.Hour)}, "practitioner"},
		"PatientOverlaps": {clinical.BookInput{Patient: b.patient, Practitioner: b.User(t).ID, Period: b.at(0, 61*time.Minute)}, "patient"},
		"Adjacent":        {clinical.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(2*time.Hour, 3*time.Hour)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.Book(b.Ctx, tt.in)
			if tt.taken == "" {
				require.NoError(t, err)
				return
			}
			var taken *clinical.SlotTakenError
			require.ErrorAs(t, err, &taken)
			require.Equal(t, first.ID, taken.Appointment)
			require.Equal(t, tt.taken, taken.Of)
			require.Equal(t, first.Period, taken.Period)
		})
	}
	for name, period := range map[string]hmstype.Period{
		"Past": b.at(-2*time.Hour, -time.Hour), "Backwards": b.at(3*time.Hour, 2*time.Hour), "Endless": {Start: dbtest.Start}, "TooLong": b.at(0, 25*time.Hour),
	} {
		_, err := b.Book(b.Ctx, clinical.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: period})
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = b.Book(b.As(t, identity.RolePharmacist), clinical.BookInput{})
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
			_, err := b.Book(b.Ctx, clinical.BookInput{Patient: who, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)})
			if err != nil && !errors.Is(err, clinical.ErrSlotTaken) {
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
		_, err := b.Book(b.Ctx, clinical.BookInput{Patient: b.patient, Practitioner: b.doctor,
			Period: b.at(time.Duration(start)*time.Minute, time.Duration(start+length)*time.Minute)})
		if err != nil && !errors.Is(err, clinical.ErrSlotTaken) {
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
	for table, pairs := range map[string][]string{
		"appointment": clinical.AppointmentTransitions.Pairs(), "encounter": clinical.EncounterTransitions.Pairs(),
		"prescription": clinical.PrescriptionTransitions.Pairs(), "allergy": clinical.AllergyTransitions.Pairs(),
		"clinical_note": clinical.NoteTransitions.Pairs(), "condition": clinical.ConditionTransitions.Pairs(),
		"vitals": clinical.VitalsTransitions.Pairs(),
	} {
		dbtest.RequireTransitions(t, b.Env, table, pairs)
	}
	a, err := b.Book(b.Ctx, clinical.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)})
	require.NoError(t, err)
	_, err = b.MarkNoShow(b.Ctx, clinical.MarkNoShowInput{ID: a.ID, Grace: 15 * time.Minute})
	require.ErrorIs(t, err, clinical.ErrTooEarly)
	moved, err := b.Reschedule(b.Ctx, clinical.RescheduleInput{ID: a.ID, Period: b.at(90*time.Minute, 150*time.Minute)})
	require.NoError(t, err, "the new time may overlap the old one")
	require.Equal(t, a.ID, moved.Replaces)
	_, err = b.CheckIn(b.Ctx, a.ID)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	other, err := b.Book(b.Ctx, clinical.BookInput{Patient: b.newPatient(t), Practitioner: b.doctor, Period: b.at(4*time.Hour, 5*time.Hour)})
	require.NoError(t, err)
	_, err = b.Reschedule(b.Ctx, clinical.RescheduleInput{ID: moved.ID, Period: other.Period})
	require.ErrorIs(t, err, clinical.ErrSlotTaken)
	_, err = b.CheckIn(b.Ctx, moved.ID)
	require.NoError(t, err, "the old appointment stands where the new time is taken")

	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: moved.ID, Class: clinical.ClassAmbulatory})
	require.NoError(t, err)
	require.Equal(t, b.patient, e.Patient)
	_, err = b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: moved.ID, Class: clinical.ClassAmbulatory})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	day, err := b.ListAppointments(b.Ctx, clinical.ListAppointmentsInput{Practitioner: b.doctor, During: b.at(0, 10*time.Hour)})
	require.NoError(t, err)
	require.Len(t, day.Items, 3)

	b.Clock.Advance(5 * time.Hour)
	_, err = b.MarkNoShow(b.Ctx, clinical.MarkNoShowInput{ID: other.ID, Grace: 15 * time.Minute})
	require.NoError(t, err)
}

type veto struct{ err error }

func (v *veto) BeforeFinish(context.Context, bun.IConn, hmstype.EncounterID) error { return v.err }

func TestService_FinishEncounter(t *testing.T) {
	t.Parallel()
	guard := &veto{err: hmstype.ErrPrecondition}
	b := setup(t, guard)
	e := b.open(t, clinical.ClassInpatient)
	_, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient})
	require.ErrorIs(t, err, clinical.ErrAlreadyInpatient)

	finish := clinical.FinishEncounterInput{ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home", Diagnosis: "better"}}
	_, err = b.FinishEncounter(b.Ctx, finish)
	require.ErrorIs(t, err, hmstype.ErrPrecondition, "the guard refuses")
	guard.err = nil
	done, err := b.FinishEncounter(b.Ctx, finish)
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterFinished, done.Status)
	_, err = b.FinishEncounter(b.Ctx, finish)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = b.RecordVitals(b.Ctx, clinical.RecordVitalsInput{Encounter: e.ID, Measurements: clinical.Measurements{PulsePerMinute: new(70)}})
	require.ErrorIs(t, err, clinical.ErrEncounterClosed)
	b.open(t, clinical.ClassInpatient)
}

func TestService_SignNote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	doctor := hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, b.doctor))
	note, err := b.WriteNote(doctor, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: clinical.NoteBody{Assessment: "well", Plan: "none"}})
	require.NoError(t, err)
	_, err = b.SignNote(b.Ctx, note.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "only the author signs")
	signed, err := b.SignNote(doctor, note.ID)
	require.NoError(t, err)
	require.Len(t, signed.Hash, 64)
	_, err = b.SignNote(doctor, note.ID)
	require.ErrorIs(t, err, clinical.ErrNotDraft)
	_, err = b.DB.NewRaw(`UPDATE hms.clinical_note SET plan = 'forged' WHERE id = ?`, note.ID).Exec(t.Context())
	require.Equal(t, "HM002", dbx.SQLState(err))
	addendum, err := b.WriteNote(doctor, clinical.WriteNoteInput{Encounter: e.ID, Amends: note.ID, NoteBody: clinical.NoteBody{Plan: "rest"}})
	require.NoError(t, err)
	require.Equal(t, note.ID, addendum.Amends)
	_, err = b.WriteNote(doctor, clinical.WriteNoteInput{Encounter: e.ID, Amends: addendum.ID, NoteBody: clinical.NoteBody{Plan: "x"}})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a draft has no addendum")
}

func TestMeasurements_BMI(t *testing.T) {
	t.Parallel()
	dec := func(s string) *decimal.Decimal { d := decimal.RequireFromString(s); return &d }
	for _, tt := range []struct{ height, weight, want string }{
		{"170", "65", "22.5"}, {"180", "81", "25"}, {"52.5", "3.45", "12.5"}, {"200", "0.2", "0.1"},
	} {
		got := clinical.Measurements{HeightCm: dec(tt.height), WeightKg: dec(tt.weight)}.BMI()
		require.True(t, got.Equal(*dec(tt.want)), "%s", got)
	}
	require.Nil(t, clinical.Measurements{HeightCm: dec("170")}.BMI())
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	v, err := b.RecordVitals(b.Ctx, clinical.RecordVitalsInput{Encounter: e.ID, Measurements: clinical.Measurements{HeightCm: dec("170"), WeightKg: dec("65"), PulsePerMinute: new(0)}})
	require.NoError(t, err)
	require.Equal(t, "22.5", v.BodyMassIndex.String())
	for name, m := range map[string]clinical.Measurements{
		"Nothing": {}, "Hot": {TemperatureCelsius: dec("98.6")}, "Places": {WeightKg: dec("65.0001")},
		"Pressure": {SystolicMmHg: new(80), DiastolicMmHg: new(120)}, "Saturation": {OxygenSaturationPercent: new(101)},
	} {
		_, err := b.RecordVitals(b.Ctx, clinical.RecordVitalsInput{Encounter: e.ID, Measurements: m})
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
}

func TestService_RecordAllergy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient,
		AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: "Penicillin"}, Criticality: "high",
		},
	})
	require.NoError(t, err)
	_, err = b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true}})
	require.ErrorIs(t, err, clinical.ErrAllergyContradiction)
	_, err = b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Latex"}},
	})
	require.NoError(t, err, "several allergies stand side by side")
	list, err := b.ListAllergies(b.Ctx, b.patient)
	require.NoError(t, err)
	require.Len(t, list, 2)

	t.Run("ConcurrentlyOneAnswerOnly", func(t *testing.T) {
		t.Parallel()
		who := b.newPatient(t)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				in := clinical.RecordAllergyInput{Patient: who, AllergyDetails: clinical.AllergyDetails{NoneKnown: i%2 == 0}}
				if !in.NoneKnown {
					in.Substance.Display = "Peanut"
				}
				_, err := b.RecordAllergy(b.Ctx, in)
				if err != nil && !errors.Is(err, clinical.ErrAllergyContradiction) && !errors.Is(err, clinical.ErrAllergyRecorded) {
					t.Errorf("record: %v", err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.allergy WHERE tenant_id = ? AND patient_id = ?`, b.Tenant, who))
	})
}

func TestService_Prescribe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	_, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Amoxicillin"}},
	})
	require.NoError(t, err)
	in := clinical.PrescribeInput{
		Encounter: e.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			Medication: hmstype.NewID[hmstype.MedicationItemID](), MedicationName: "AMOXICILLIN 500 mg", Dosage: "500 mg", Frequency: "3x", Duration: "7 days", Quantity: 21, RefillsAllowed: 1,
		},
	}
	_, err = b.Prescribe(b.Ctx, in)
	var conflict *clinical.AllergyConflictError
	require.ErrorAs(t, err, &conflict)
	require.Len(t, conflict.Allergies, 1)
	in.OverrideReason = "tolerated since"
	rx, err := b.Prescribe(b.Ctx, in)
	require.NoError(t, err)

	dispense := func(q hmstype.Quantity) error { return b.dispense(t, rx.ID, q) }
	require.NoError(t, dispense(21))
	require.ErrorIs(t, dispense(22), clinical.ErrOverDispensed)
	require.NoError(t, dispense(21))
	got, err := b.GetPrescription(b.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionCompleted, got.Status)
	require.NoError(t, dispense(-1))
	require.ErrorIs(t, dispense(-42), clinical.ErrOverDispensed)
	stopped, err := b.StopPrescription(b.Ctx, clinical.StopPrescriptionInput{ID: rx.ID, Reason: "rash"})
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionStopped, stopped.Status, "something was dispensed, so it is not cancelled")

	_, err = b.Prescribe(b.As(t, identity.RoleNurse), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}
