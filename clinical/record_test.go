package clinical_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestService_SaveNote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	doctor, colleague := b.As(t, identity.RoleDoctor), b.As(t, identity.RoleDoctor)
	draft, err := b.WriteNote(doctor, clinical.WriteNoteInput{
		Encounter: e.ID, NoteBody: clinical.NoteBody{Plan: "rest"}, IdempotencyKey: "k",
	})
	require.NoError(t, err)
	body := clinical.NoteBody{
		ChiefComplaint: "cough", HistoryOfPresentIllness: "3 days", PhysicalExamination: "clear", Assessment: "cold",
		Plan: "rest",
	}

	_, err = b.SaveNote(colleague, clinical.SaveNoteInput{ID: draft.ID, Version: 1, NoteBody: body})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "another's draft")
	saved, err := b.SaveNote(doctor, clinical.SaveNoteInput{ID: draft.ID, Version: 1, NoteBody: body})
	require.NoError(t, err)
	require.Equal(t, body, saved.NoteBody)
	_, err = b.SaveNote(doctor, clinical.SaveNoteInput{
		ID: draft.ID, Version: 1, NoteBody: clinical.NoteBody{Plan: "lost"},
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = b.AddAddendum(doctor, clinical.AddAddendumInput{Note: draft.ID, NoteBody: body})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a draft has no addendum")

	signed, err := b.SignNote(doctor, draft.ID)
	require.NoError(t, err)
	require.NoError(t, signed.Verify())
	_, err = b.SaveNote(doctor, clinical.SaveNoteInput{ID: draft.ID, Version: signed.Version, NoteBody: body})
	require.ErrorIs(t, err, clinical.ErrNotDraft)

	_, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{
		ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
	require.NoError(t, err)
	_, err = b.WriteNote(doctor, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: body})
	require.ErrorIs(t, err, clinical.ErrEncounterClosed)
	addendum, err := b.AddAddendum(colleague, clinical.AddAddendumInput{
		Note: draft.ID, NoteBody: clinical.NoteBody{Assessment: "pneumonia"},
	})
	require.NoError(t, err, "an addendum comes late")
	_, err = b.SignNote(colleague, addendum.ID)
	require.NoError(t, err)
	notes, err := b.ListEncounterNotes(b.As(t, identity.RoleNurse), e.ID)
	require.NoError(t, err)
	require.Len(t, notes, 2)
	require.Equal(t, signed.NoteBody, notes[0].NoteBody)
	require.Equal(t, draft.ID, notes[1].Amends)
	list, err := b.ListNotes(b.Ctx, clinical.ListNotesInput{Patient: b.patient})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
}

func TestService_SignNote_BodyIsImmutable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	note, err := b.WriteNote(b.Ctx, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: clinical.NoteBody{Plan: "rest"}})
	require.NoError(t, err)
	signed, err := b.SignNote(b.Ctx, note.ID)
	require.NoError(t, err)
	for _, change := range []string{
		"plan = 'hms1:forged'", "assessment = 'hms1:x'", "chief_complaint = 'hms1:x'",
		"history_of_present_illness = 'hms1:x'",
		"physical_examination = 'hms1:x'",
		"body_hash = 'hms1:x'", "signed_at = now()", "created_by = 'x'", "created_at = now()",
		"status = 'draft', signed_at = NULL, body_hash = ''",
		"status = 'entered-in-error', error_reason = 'x', plan = 'hms1:forged'",
	} {
		_, err := b.DB.NewRaw(`UPDATE hms.clinical_note SET `+change+` WHERE id = ?`, note.ID).Exec(t.Context())
		require.Equal(t, "HM002", dbx.SQLState(err), change)
	}
	got, err := b.GetNote(b.Ctx, note.ID)
	require.NoError(t, err)
	require.Equal(t, signed, got)

	wrong, err := b.EnterNoteInError(b.Ctx, clinical.EnterNoteInErrorInput{ID: note.ID, Reason: "another patient"})
	require.NoError(t, err)
	require.NoError(t, wrong.Verify(), "body and hash stay")
	_, err = b.EnterNoteInError(b.Ctx, clinical.EnterNoteInErrorInput{ID: note.ID, Reason: "again"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	wrong.Plan = "forged"
	require.ErrorIs(t, wrong.Verify(), clinical.ErrNoteTampered)
}

func TestService_SignNote_ConcurrentSignsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	note, err := b.WriteNote(b.Ctx, clinical.WriteNoteInput{
		Encounter: b.open(t, clinical.ClassAmbulatory).ID, NoteBody: clinical.NoteBody{Plan: "rest"},
	})
	require.NoError(t, err)
	wins := countWins(t, 16, clinical.ErrNotDraft, func(int) error { return second(b.SignNote(b.Ctx, note.ID)) })
	require.Equal(t, 1, wins)
}

// TestNoteBody_HashTellsParts: text that moves from one part to the next is another body.
func TestNoteBody_HashTellsParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	hashes := map[string]bool{}
	for _, body := range []clinical.NoteBody{{Assessment: "ab"}, {Plan: "ab"}, {Assessment: "a", Plan: "b"}, {
		Assessment: "ab", Plan: " ",
	}} {
		note, err := b.WriteNote(b.Ctx, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: body})
		require.NoError(t, err)
		signed, err := b.SignNote(b.Ctx, note.ID)
		require.NoError(t, err)
		hashes[signed.Hash] = true
	}
	require.Len(t, hashes, 4)
}

func dec(text string) *decimal.Decimal {
	d := decimal.RequireFromString(text)
	return &d
}

func TestMeasurements_Unusual(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		m    clinical.Measurements
		want []string
	}{
		"Adult": {
			clinical.Measurements{
				TemperatureCelsius: dec("36.8"), PulsePerMinute: new(70), BreathsPerMinute: new(14), SystolicMmHg: new(120),
				DiastolicMmHg: new(80), OxygenSaturationPercent: new(98), HeightCm: dec("170"), WeightKg: dec("65"),
				PainScore: new(10),
			},
			nil,
		},
		"Newborn": {
			clinical.Measurements{
				TemperatureCelsius: dec("37"), PulsePerMinute: new(160), BreathsPerMinute: new(50), HeightCm: dec("50"),
				WeightKg: dec("3.4"),
			},
			nil,
		},
		"Edges": {clinical.Measurements{TemperatureCelsius: dec("33"), PulsePerMinute: new(220)}, nil},
		"BothSides": {
			clinical.Measurements{TemperatureCelsius: dec("32.9"), PulsePerMinute: new(221)},
			[]string{"temperatureCelsius", "pulsePerMinute"},
		},
		"Saturation":          {clinical.Measurements{OxygenSaturationPercent: new(79)}, []string{"oxygenSaturationPercent"}},
		"MetresKeyedAsInches": {clinical.Measurements{HeightCm: dec("67"), WeightKg: dec("80")}, []string{"bodyMassIndex"}},
	} {
		var got []string
		for _, w := range tt.m.Unusual() {
			got = append(got, w.Path)
		}
		require.Equal(t, tt.want, got, name)
	}
}

func TestService_RecordVitals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	nurse := b.As(t, identity.RoleNurse)
	in := clinical.RecordVitalsInput{
		Encounter: e.ID, Measurements: clinical.Measurements{PulsePerMinute: new(230)}, IdempotencyKey: "k",
	}
	first, err := b.RecordVitals(nurse, in)
	require.NoError(t, err, "a soft bound warns")
	require.Equal(t, []clinical.Warning{{Path: "pulsePerMinute", Rule: "usually 30 to 220"}}, first.Warnings)
	again, err := b.RecordVitals(nurse, in)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)

	b.Clock.Advance(time.Hour)
	late, err := b.RecordVitals(nurse, clinical.RecordVitalsInput{
		Encounter: e.ID, TakenAt: dbtest.Start.Add(-time.Minute),
		Measurements: clinical.Measurements{PulsePerMinute: new(80)},
	})
	require.NoError(t, err)
	require.NotEqual(t, late.TakenAt, late.CreatedAt, "both times are kept")
	_, err = b.RecordVitals(nurse, clinical.RecordVitalsInput{
		Encounter: e.ID, TakenAt: b.Clock.Now().Add(time.Second),
		Measurements: clinical.Measurements{PulsePerMinute: new(80)},
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.RecordVitals(nurse, clinical.RecordVitalsInput{
		Encounter: e.ID, Measurements: clinical.Measurements{HeightCm: dec("20"), WeightKg: dec("700")},
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "each is possible, together they are not")
	_, err = b.RecordVitals(b.As(t, identity.RoleReceptionist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	wrong, err := b.EnterVitalsInError(nurse, clinical.EnterVitalsInErrorInput{ID: first.ID, Reason: "typing error"})
	require.NoError(t, err)
	require.Equal(t, clinical.VitalsEnteredInError, wrong.Status)
	_, err = b.EnterVitalsInError(nurse, clinical.EnterVitalsInErrorInput{ID: first.ID, Reason: "again"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	list, err := b.ListVitals(nurse, clinical.ListVitalsInput{Patient: b.patient})
	require.NoError(t, err)
	require.Equal(
		t, []hmstype.VitalsID{first.ID, late.ID}, []hmstype.VitalsID{list.Items[0].ID, list.Items[1].ID}, "by the time taken",
	)
	require.Equal(t, "typing error", list.Items[0].ErrorReason)
	inOrder, err := b.ListEncounterVitals(nurse, e.ID)
	require.NoError(t, err)
	require.Len(t, inOrder, 2)
}

// TestMeasurements_BMI_Property holds the rule against whole numbers: 1 decimal place is
// tenths, and tenths of BMI are weight in grams times 100 by the square of millimetres.
func TestMeasurements_BMI_Property(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		millimetres := rapid.Int64Range(200, 2800).Draw(rt, "millimetres")
		grams := rapid.Int64Range(200, 700_000).Draw(rt, "grams")
		m := clinical.Measurements{HeightCm: new(decimal.New(millimetres, -1)), WeightKg: new(decimal.New(grams, -3))}
		// tenths = grams/1000 / (mm/1000)^2 * 10 = grams * 10000 / mm^2, half away from zero
		square := millimetres * millimetres
		tenths := (grams*10_000*2 + square) / (2 * square)
		if got := m.BMI(); !got.Equal(decimal.New(tenths, -1)) {
			rt.Fatalf("got %s, want %d tenths", got, tenths)
		}
	})
}

func TestService_ReviseCondition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	onset := hmstype.NewDate(2020, time.May, 1)
	c, err := b.AddCondition(b.Ctx, clinical.AddConditionInput{
		Encounter: e.ID,
		ConditionDetails: clinical.ConditionDetails{
			Code: hmstype.Code{System: hmstype.SystemICD10, Value: "J45", Display: "Asthma"}, OnsetDate: onset,
			Verification: clinical.Provisional,
		},
	})
	require.NoError(t, err)
	_, err = b.AddCondition(b.Ctx, clinical.AddConditionInput{
		Encounter: e.ID,
		ConditionDetails: clinical.ConditionDetails{
			Code: hmstype.Code{Display: "x"}, OnsetDate: hmstype.NewDate(2026, time.March, 3),
		},
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "onset tomorrow")
	_, err = b.AddCondition(b.As(t, identity.RoleNurse), clinical.AddConditionInput{
		Encounter: e.ID, ConditionDetails: clinical.ConditionDetails{Code: hmstype.Code{Display: "x"}},
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 1, Status: clinical.ConditionResolved, AbatementDate: onset.AddDays(-1),
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "over before it began")
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 1, Status: clinical.ConditionActive, AbatementDate: onset,
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	over, err := b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 1, Status: clinical.ConditionResolved, AbatementDate: onset.AddDays(9),
		Verification: clinical.Confirmed,
	})
	require.NoError(t, err)
	require.Equal(t, onset.AddDays(9), over.AbatementDate)
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 1, Status: clinical.ConditionRecurrence,
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 2, Status: clinical.ConditionRelapse,
	})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "relapse follows remission")
	back, err := b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 2, Status: clinical.ConditionRecurrence,
	})
	require.NoError(t, err)
	require.True(t, back.AbatementDate.IsZero())
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 3, Verification: clinical.EnteredInError,
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is required")
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 3, Verification: clinical.EnteredInError, Reason: "another patient",
	})
	require.NoError(t, err)
	_, err = b.ReviseCondition(b.Ctx, clinical.ReviseConditionInput{
		ID: c.ID, Version: 4, Verification: clinical.Confirmed,
	})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	list, err := b.ListConditions(b.Ctx, clinical.ListConditionsInput{Patient: b.patient})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, "J45", list.Items[0].Code.Value)
}
