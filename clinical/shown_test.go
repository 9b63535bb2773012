package clinical_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// record is one of each of what is recorded of a patient, every text of it a canary.
type record struct {
	encounter clinical.Encounter
	note      clinical.Note
	vitals    clinical.Vitals
	condition clinical.Condition
	allergy   clinical.Allergy
	rx        clinical.Prescription
}

const canary = "CANARY"

func (b *bundle) record(t *testing.T, ctx context.Context) (r record) {
	t.Helper()
	var err error
	r.encounter, err = b.OpenEncounter(ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{ChiefComplaint: canary},
	})
	require.NoError(t, err)
	r.note, err = b.WriteNote(ctx, clinical.WriteNoteInput{
		Encounter: r.encounter.ID, NoteBody: clinical.NoteBody{Plan: canary},
	})
	require.NoError(t, err)
	r.vitals, err = b.RecordVitals(ctx, clinical.RecordVitalsInput{
		Encounter: r.encounter.ID, Measurements: clinical.Measurements{PulsePerMinute: new(231)},
	})
	require.NoError(t, err)
	r.condition, err = b.AddCondition(ctx, clinical.AddConditionInput{
		Encounter: r.encounter.ID, ConditionDetails: clinical.ConditionDetails{Code: hmstype.Code{Display: canary}},
	})
	require.NoError(t, err)
	r.allergy, err = b.RecordAllergy(ctx, clinical.RecordAllergyInput{
		Patient:        b.patient,
		AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: canary}, Reaction: canary},
	})
	require.NoError(t, err)
	in := tablets(r.encounter)
	in.Instructions = canary
	r.rx, err = b.Prescribe(ctx, in)
	require.NoError(t, err)
	return r
}

func (b *bundle) restrict(t *testing.T) {
	t.Helper()
	s := patient.New(b.Base, patient.Ports{})
	p, err := s.Get(b.Ctx, b.patient)
	require.NoError(t, err)
	_, err = s.SetRestricted(b.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(t, err)
}

// requireWithheld holds that nothing of what was written, nor a value measured, is in a result.
func requireWithheld(t *testing.T, name string, out any, err error) {
	t.Helper()
	require.NoError(t, err, name)
	text, err := json.Marshal(out)
	require.NoError(t, err, name)
	require.NotContains(t, string(text), canary, name)
	require.NotRegexp(t, `:231[,}]`, string(text), "%s: the value measured; an id may hold the digits", name)
	require.Contains(t, string(text), `"withheld":true`, name)
}

// The work on a restricted patient goes on, and its results say no more than that it is done.
func TestRestricted_CommandsWithhold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor := b.As(t, identity.RoleDoctor)
	r := b.record(t, doctor)
	b.restrict(t)
	why := clinical.PrescriptionStep{ID: r.rx.ID, Reason: canary}
	see := func(name string, run func() (any, error)) {
		out, err := run()
		requireWithheld(t, name, out, err)
	}
	see("OpenEncounter", func() (any, error) {
		return b.OpenEncounter(doctor, clinical.OpenEncounterInput{
			Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassEmergency,
			EncounterDetails: clinical.EncounterDetails{ChiefComplaint: canary},
		})
	})
	see("WriteNote", func() (any, error) {
		return b.WriteNote(doctor, clinical.WriteNoteInput{
			Encounter: r.encounter.ID, NoteBody: clinical.NoteBody{Plan: canary},
		})
	})
	see("SaveNote", func() (any, error) {
		return b.SaveNote(doctor, clinical.SaveNoteInput{
			ID: r.note.ID, Version: 1, NoteBody: clinical.NoteBody{Plan: canary},
		})
	})
	see("SignNote", func() (any, error) { return b.SignNote(doctor, r.note.ID) })
	see("AddAddendum", func() (any, error) {
		return b.AddAddendum(doctor, clinical.AddAddendumInput{Note: r.note.ID, NoteBody: clinical.NoteBody{Plan: canary}})
	})
	see("EnterNoteInError", func() (any, error) {
		return b.EnterNoteInError(doctor, clinical.EnterNoteInErrorInput{ID: r.note.ID, Reason: canary})
	})
	see("RecordVitals", func() (any, error) {
		return b.RecordVitals(doctor, clinical.RecordVitalsInput{
			Encounter: r.encounter.ID, Measurements: clinical.Measurements{PulsePerMinute: new(231)},
		})
	})
	see("EnterVitalsInError", func() (any, error) {
		return b.EnterVitalsInError(doctor, clinical.EnterVitalsInErrorInput{ID: r.vitals.ID, Reason: canary})
	})
	see("AddCondition", func() (any, error) {
		return b.AddCondition(doctor, clinical.AddConditionInput{
			Encounter: r.encounter.ID, ConditionDetails: clinical.ConditionDetails{Code: hmstype.Code{Display: canary}},
		})
	})
	see("ReviseCondition", func() (any, error) {
		return b.ReviseCondition(doctor, clinical.ReviseConditionInput{
			ID: r.condition.ID, Version: 1, Status: clinical.ConditionResolved,
		})
	})
	see("ReviseAllergy", func() (any, error) {
		return b.ReviseAllergy(doctor, clinical.ReviseAllergyInput{
			ID: r.allergy.ID, Version: 1, Status: clinical.AllergyInactive, Reason: canary,
		})
	})
	see("HoldPrescription", func() (any, error) { return b.HoldPrescription(doctor, clinical.HoldPrescriptionInput(why)) })
	see("ResumePrescription", func() (any, error) {
		return b.ResumePrescription(doctor, clinical.ResumePrescriptionInput(why))
	})
	see("StopPrescription", func() (any, error) { return b.StopPrescription(doctor, clinical.StopPrescriptionInput(why)) })
	see("FinishEncounter", func() (any, error) {
		return b.FinishEncounter(doctor, clinical.FinishEncounterInput{
			ID: r.encounter.ID, EncounterOutcome: clinical.EncounterOutcome{Diagnosis: canary, Disposition: "home"},
		})
	})
	see("EnterEncounterInError", func() (any, error) {
		return b.EnterEncounterInError(doctor, clinical.EnterEncounterInErrorInput{ID: r.encounter.ID, Reason: canary})
	})

	got, err := b.GetEncounter(b.Ctx, r.encounter.ID)
	require.NoError(t, err)
	require.Equal(t, []string{canary, canary}, []string{got.ChiefComplaint, got.Diagnosis}, "withheld is not lost")
}

// Every way of reading a restricted patient's record is refused, and the refusal is on the trail.
func TestRestricted_ReadsRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor := b.As(t, identity.RoleDoctor)
	r := b.record(t, doctor)
	b.restrict(t)
	of := clinical.OfPatient{Patient: b.patient}
	for name, read := range map[string]func(ctx context.Context) error{
		"GetEncounter": func(ctx context.Context) error { return second(b.GetEncounter(ctx, r.encounter.ID)) },
		"Encounters": func(ctx context.Context) error {
			return second(b.ListEncounters(ctx, clinical.ListEncountersInput(of)))
		},
		"EncounterHistory": func(ctx context.Context) error { return second(b.GetEncounterHistory(ctx, r.encounter.ID)) },
		"GetNote":          func(ctx context.Context) error { return second(b.GetNote(ctx, r.note.ID)) },
		"Notes":            func(ctx context.Context) error { return second(b.ListNotes(ctx, clinical.ListNotesInput(of))) },
		"EncounterNotes":   func(ctx context.Context) error { return second(b.ListEncounterNotes(ctx, r.encounter.ID)) },
		"NoteHistory":      func(ctx context.Context) error { return second(b.GetNoteHistory(ctx, r.note.ID)) },
		"Vitals": func(ctx context.Context) error {
			return second(b.Service.ListVitals(ctx, clinical.ListVitalsInput(of)))
		},
		"EncounterVitals": func(ctx context.Context) error { return second(b.ListEncounterVitals(ctx, r.encounter.ID)) },
		"VitalsHistory":   func(ctx context.Context) error { return second(b.GetVitalsHistory(ctx, r.vitals.ID)) },
		"Conditions": func(ctx context.Context) error {
			return second(b.ListConditions(ctx, clinical.ListConditionsInput(of)))
		},
		"ConditionHistory": func(ctx context.Context) error { return second(b.GetConditionHistory(ctx, r.condition.ID)) },
		"Allergies":        func(ctx context.Context) error { return second(b.ListAllergies(ctx, b.patient)) },
		"AllergyHistory":   func(ctx context.Context) error { return second(b.GetAllergyHistory(ctx, r.allergy.ID)) },
		"GetPrescription":  func(ctx context.Context) error { return second(b.GetPrescription(ctx, r.rx.ID)) },
		"Prescriptions": func(ctx context.Context) error {
			return second(b.ListPrescriptions(ctx, clinical.ListPrescriptionsInput(of)))
		},
		"PrescriptionHistory": func(ctx context.Context) error { return second(b.GetPrescriptionHistory(ctx, r.rx.ID)) },
	} {
		before := b.accesses(t, "denied")
		require.ErrorIs(t, read(doctor), patient.ErrRestricted, name)
		require.Equal(t, before+1, b.accesses(t, "denied"), name)
		before = b.accesses(t, "read")
		require.NoError(t, read(b.Ctx), name)
		require.Equal(t, before+1, b.accesses(t, "read"), name)
	}
}

func (b *bundle) accesses(t *testing.T, action string) int {
	t.Helper()
	return dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = ? AND patient_id = ?`, b.Tenant, action, b.patient)
}

// A repeated key shows the first answer again: that is recorded, and withheld where the record has
// become restricted since.
func TestReplay_RecordsAndAsksAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor := b.As(t, identity.RoleDoctor)
	in := clinical.WriteNoteInput{
		Encounter: b.open(t, clinical.ClassAmbulatory).ID, NoteBody: clinical.NoteBody{Plan: canary}, IdempotencyKey: "k",
	}
	first, err := b.WriteNote(doctor, in)
	require.NoError(t, err)
	before := b.accesses(t, "read")
	again, err := b.WriteNote(doctor, in)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, before+1, b.accesses(t, "read"))
	b.restrict(t)
	hidden, err := b.WriteNote(doctor, in)
	requireWithheld(t, "replay", hidden, err)
	require.Equal(t, first.ID, hidden.ID)
}

// Every entity with states tells how it went from one to another.
func TestHistories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(t, b.Ctx)
	b.Clock.Advance(time.Minute)
	require.NoError(t, second(b.EnterNoteInError(b.Ctx, clinical.EnterNoteInErrorInput{ID: r.note.ID, Reason: "why"})))
	require.NoError(
		t, second(b.EnterVitalsInError(b.Ctx, clinical.EnterVitalsInErrorInput{ID: r.vitals.ID, Reason: "why"})),
	)
	revised, err := b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: r.condition.ID, Version: 1, Verification: clinical.Provisional,
	})
	require.NoError(t, err)
	require.NoError(t, second(b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: r.condition.ID, Version: revised.Version, Status: clinical.ConditionResolved,
		Verification: clinical.EnteredInError, Reason: "why",
	})))
	require.NoError(t, second(b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: r.allergy.ID, Version: 1, Status: clinical.AllergyInactive, Reason: "why",
	})))
	require.NoError(t, second(b.HoldPrescription(b.Ctx, clinical.HoldPrescriptionInput{ID: r.rx.ID, Reason: "why"})))
	held, err := b.GetPrescriptionHistory(b.Ctx, r.rx.ID) // the encounter takes it along
	require.NoError(t, err)
	require.NoError(
		t, second(b.EnterEncounterInError(b.Ctx, clinical.EnterEncounterInErrorInput{ID: r.encounter.ID, Reason: "why"})),
	)
	for name, tt := range map[string]struct {
		read     func() (hmstype.History, error)
		from, to string
	}{
		"clinical_note": {
			func() (hmstype.History, error) { return b.GetNoteHistory(b.Ctx, r.note.ID) }, "draft", "entered-in-error",
		},
		"vitals": {
			func() (hmstype.History, error) { return b.GetVitalsHistory(b.Ctx, r.vitals.ID) }, "final", "entered-in-error",
		},
		"condition": {
			func() (hmstype.History, error) { return b.GetConditionHistory(b.Ctx, r.condition.ID) }, "active", "resolved",
		},
		"allergy": {
			func() (hmstype.History, error) { return b.GetAllergyHistory(b.Ctx, r.allergy.ID) }, "active", "inactive",
		},
		"prescription": {
			func() (hmstype.History, error) { return held, nil }, "active", "on-hold",
		},
		"encounter": {
			func() (hmstype.History, error) { return b.GetEncounterHistory(b.Ctx, r.encounter.ID) }, "in-progress",
			"entered-in-error",
		},
	} {
		got, err := tt.read()
		require.NoError(t, err, name)
		require.Equal(t, name, got.Entity)
		require.Equal(t, b.patient, got.Patient, name)
		by := hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"}
		require.Equal(
			t, []hmstype.StatusChange{{From: tt.from, To: tt.to, At: b.Clock.Now(), By: by, Reason: "why"}}, got.Steps, name,
		)
	}
}

// Who did it keeps its kind, its person and its name.
func TestCreatedBy_KeepsWhoItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	program := hmstype.Actor{Kind: hmstype.ActorService, Tenant: b.Tenant, User: b.doctor, Person: b.doctor}
	r := b.record(t, hmstype.WithActor(t.Context(), program))
	for _, by := range []hmstype.ActorRef{
		r.encounter.CreatedBy, r.note.CreatedBy, r.vitals.CreatedBy, r.condition.CreatedBy, r.allergy.CreatedBy,
		r.rx.PrescribedBy,
	} {
		require.Equal(t, program.Ref(), by)
		require.True(t, by.SamePerson(hmstype.HumanActor(b.Tenant, b.doctor).Ref()))
	}
	_, err := b.SignNote(hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, b.doctor)), r.note.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "a program's draft is not what its person has seen")
	got, err := b.GetEncounter(b.Ctx, b.open(t, clinical.ClassAmbulatory).ID)
	require.NoError(t, err)
	require.Equal(t, "system:test", got.CreatedBy.String())
}
