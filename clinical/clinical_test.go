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

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

type bundle struct {
	*dbtest.Env
	*clinical.Service
	calendar *scheduling.Service
	patient  hmstype.PatientID
	doctor   hmstype.UserID
}

func setup(t *testing.T, guards ...clinical.FinishGuard) *bundle {
	t.Helper()
	return setupOn(t, dbtest.New(t), guards...)
}

func setupOn(t *testing.T, env *dbtest.Env, guards ...clinical.FinishGuard) *bundle {
	t.Helper()
	b := &bundle{
		Env: env,
		Service: clinical.New(env.Base, clinical.Ports{
			Patients: patient.NewPort(env.Base), Appointments: scheduling.NewPort(env.Base), FinishGuards: guards,
		}),
		calendar: scheduling.New(env.Base, scheduling.Ports{
			Patients: patient.NewPort(env.Base), Encounters: clinical.NewPort(env.Base),
		}),
	}
	b.patient, b.doctor = b.newPatient(t), env.User(t, identity.RoleDoctor).ID
	return b
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

func (b *bundle) open(t *testing.T, class clinical.Class) clinical.Encounter {
	t.Helper()
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: class})
	require.NoError(t, err)
	return e
}

func TestTransitions_AreTheDatabases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for table, pairs := range map[string][]string{
		"prescription": clinical.PrescriptionTransitions.Pairs(), "allergy": clinical.AllergyTransitions.Pairs(),
		"clinical_note": clinical.NoteTransitions.Pairs(), "condition": clinical.ConditionTransitions.Pairs(),
		"vitals": clinical.VitalsTransitions.Pairs(),
	} {
		dbtest.RequireTransitions(t, b.Env, table, pairs)
	}
}

type veto struct{ err error }

func (v *veto) BeforeFinish(context.Context, bun.IConn, hmstype.EncounterID) error { return v.err }

func TestService_FinishEncounter(t *testing.T) {
	t.Parallel()
	guard := &veto{err: hmstype.ErrPrecondition}
	b := setup(t, guard)
	e := b.open(t, clinical.ClassInpatient)
	_, err := b.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient},
	)
	require.ErrorIs(t, err, clinical.ErrAlreadyInpatient)

	finish := clinical.FinishEncounterInput{
		ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home", Diagnosis: "better"},
	}
	_, err = b.FinishEncounter(b.Ctx, finish)
	require.ErrorIs(t, err, hmstype.ErrPrecondition, "the guard refuses")
	guard.err = nil
	done, err := b.FinishEncounter(b.Ctx, finish)
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterFinished, done.Status)
	_, err = b.FinishEncounter(b.Ctx, finish)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = b.RecordVitals(
		b.Ctx, clinical.RecordVitalsInput{Encounter: e.ID, Measurements: clinical.Measurements{PulsePerMinute: new(70)}},
	)
	require.ErrorIs(t, err, clinical.ErrEncounterClosed)
	b.open(t, clinical.ClassInpatient)
}

func TestService_SignNote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	doctor := hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, b.doctor))
	note, err := b.WriteNote(
		doctor, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: clinical.NoteBody{Assessment: "well", Plan: "none"}},
	)
	require.NoError(t, err)
	_, err = b.SignNote(b.Ctx, note.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "only the author signs")
	signed, err := b.SignNote(doctor, note.ID)
	require.NoError(t, err)
	require.Len(t, signed.Hash, 64)
	_, err = b.SignNote(doctor, note.ID)
	require.ErrorIs(t, err, clinical.ErrNotDraft)
	_, err = b.DB.NewRaw(`UPDATE hms.clinical_note SET plan = 'hms1:forged' WHERE id = ?`, note.ID).Exec(t.Context())
	require.Equal(t, "HM002", dbx.SQLState(err))
	addendum, err := b.WriteNote(
		doctor, clinical.WriteNoteInput{Encounter: e.ID, Amends: note.ID, NoteBody: clinical.NoteBody{Plan: "rest"}},
	)
	require.NoError(t, err)
	require.Equal(t, note.ID, addendum.Amends)
	_, err = b.WriteNote(
		doctor, clinical.WriteNoteInput{Encounter: e.ID, Amends: addendum.ID, NoteBody: clinical.NoteBody{Plan: "x"}},
	)
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
	v, err := b.RecordVitals(
		b.Ctx,
		clinical.RecordVitalsInput{
			Encounter:    e.ID,
			Measurements: clinical.Measurements{HeightCm: dec("170"), WeightKg: dec("65"), PulsePerMinute: new(0)},
		},
	)
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
	_, err = b.RecordAllergy(
		b.Ctx, clinical.RecordAllergyInput{Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true}},
	)
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
		require.Equal(
			t,
			1,
			dbtest.Scalar[int](
				t,
				b.Env,
				`SELECT count(*) FROM hms.allergy WHERE tenant_id = ? AND patient_id = ?`,
				b.Tenant,
				who,
			),
		)
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
			MedicationName: "AMOXICILLIN 500 mg", Unit: "tablet", Dosage: "500 mg",
			Frequency: "3x", Duration: "7 days", Quantity: 21, RefillsAllowed: 1,
		},
	}
	_, err = b.Prescribe(b.Ctx, in)
	var conflict *hmstype.FindingsError
	require.ErrorAs(t, err, &conflict)
	require.Len(t, conflict.Findings, 1)
	in.Overrides = []hmstype.Override{{Finding: conflict.Findings[0].Key, Reason: hmstype.OverrideTolerated}}
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
