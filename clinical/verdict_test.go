package clinical_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// allergic records an allergy of the patient, or without a name that none is known.
func (b *bundle) allergic(t *testing.T, to string) clinical.Allergy {
	t.Helper()
	a, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: to}, NoneKnown: to == "", Criticality: map[bool]string{false: "high"}[to == ""],
		},
	})
	require.NoError(t, err)
	return a
}

// of is a prescription of a medicine by name.
func of(e clinical.Encounter, name string) clinical.PrescribeInput {
	in := tablets(e)
	in.MedicationName, in.GenericName, in.Dosage = name, name, "1"
	return in
}

// keysOf gives what a refusal found.
func keysOf(t *testing.T, err error) []string {
	t.Helper()
	var refused *hmstype.FindingsError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
	var keys []string
	for _, f := range refused.Findings {
		keys = append(keys, f.Key)
	}
	return keys
}

func (b *bundle) know(t *testing.T) {
	t.Helper()
	_, err := b.LoadKnowledge(b.Ctx, clinical.SampleKnowledge())
	require.NoError(t, err)
}

// Without knowledge names and codes tell an allergy to the substance itself, and of all else that it was not checked.
func TestVerdict_SaysWhatWasNotChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	rx, err := b.Prescribe(b.Ctx, of(e, "amoxicillin"))
	require.NoError(t, err)
	for _, kind := range hmstype.SafetyKinds() {
		check := rx.Verdict.Of(kind)
		want := hmstype.Check{Kind: kind, Outcome: hmstype.NotChecked, Why: hmstype.GapNoKnowledge}
		switch kind { //nolint:exhaustive // the others are as above
		case hmstype.SafetyAllergySubstance:
			want.Why, want.Source = hmstype.GapNeverAsked, "names and codes"
		case hmstype.SafetyAllergyClass, hmstype.SafetyCrossReactivity:
			want.Why = hmstype.GapNeverAsked
		case hmstype.SafetyDuplicate:
			want = hmstype.Check{Kind: kind, Outcome: hmstype.Checked, Source: "names and codes"}
		}
		require.Equal(t, want, check)
	}
	b.allergic(t, "Penicillin")
	rx, err = b.Prescribe(b.Ctx, of(e, "ampicillin"))
	require.NoError(t, err, "a class is not known by words")
	require.Equal(t, hmstype.Checked, rx.Verdict.Of(hmstype.SafetyAllergySubstance).Outcome)
	require.Equal(t, hmstype.GapNoKnowledge, rx.Verdict.Of(hmstype.SafetyAllergyClass).Why, "and it is said")
	got, err := b.GetPrescription(b.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, rx, got)
	_, err = b.Prescribe(b.Ctx, of(e, "Penicillins G"))
	require.Len(t, keysOf(t, err), 1)
}

func TestVerdict_WithKnowledge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.GetKnowledge(b.Ctx)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	b.know(t)
	known, err := b.GetKnowledge(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, "hms sample", known.Name)
	_, err = b.LoadKnowledge(b.As(t, identity.RoleDoctor), clinical.SampleKnowledge())
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	for name, tt := range map[string]struct {
		allergy, takes, gets string
		kind                 hmstype.SafetyKind
		severity             hmstype.Severity
	}{
		"Class":          {"penicillin", "", "Amoxicillin 500 mg", hmstype.SafetyAllergyClass, hmstype.SeverityHigh},
		"ClassOfABrand":  {"Penicillins", "", "Amoxil", hmstype.SafetyAllergyClass, hmstype.SeverityHigh},
		"Substance":      {"Penicillins G", "", "benzylpenicillin", hmstype.SafetyAllergySubstance, hmstype.SeverityHigh},
		"Synonym":        {"Aspirin", "", "acetylsalicylic acid", hmstype.SafetyAllergySubstance, hmstype.SeverityHigh},
		"WithinTheClass": {"Penicillin G", "", "amoxicillin", hmstype.SafetyCrossReactivity, hmstype.SeverityHigh},
		"Cross":          {"amoxicillin", "", "cephalexin", hmstype.SafetyCrossReactivity, hmstype.SeverityModerate},
		"CrossOfClass":   {"penicillin", "", "ceftriaxone", hmstype.SafetyCrossReactivity, hmstype.SeverityModerate},
		"Duplicate":      {"", "paracetamol", "Acetaminophen", hmstype.SafetyDuplicate, hmstype.SeverityModerate},
		"OfOneClass":     {"", "ibuprofen", "diclofenac", hmstype.SafetyDuplicate, hmstype.SeverityModerate},
		"Interaction":    {"", "warfarin", "aspirin", hmstype.SafetyInteraction, hmstype.SeverityHigh},
		"OtherWayRound":  {"", "aspirin", "warfarin", hmstype.SafetyInteraction, hmstype.SeverityHigh},
		"Nothing":        {"penicillin", "warfarin", "paracetamol", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := *b
			b.patient = b.newPatient(t)
			e := b.open(t, clinical.ClassAmbulatory)
			b.allergic(t, tt.allergy)
			if tt.takes != "" {
				_, err := b.Prescribe(b.Ctx, of(e, tt.takes))
				require.NoError(t, err)
			}
			in := of(e, tt.gets)
			rx, err := b.Prescribe(b.Ctx, in)
			if tt.kind == "" {
				require.NoError(t, err)
				for _, kind := range hmstype.SafetyKinds() {
					check := rx.Verdict.Of(kind)
					require.Empty(t, check.Findings)
					require.Equal(t, []string{"hms sample", "1"}, []string{check.Source, check.Edition})
					if kind != hmstype.SafetyDose {
						require.Equal(t, hmstype.Checked, check.Outcome, kind)
					}
				}
				return
			}
			var refused *hmstype.FindingsError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.kind, refused.Findings[0].Kind)
			require.Equal(t, tt.severity, refused.Findings[0].Severity)
			for _, f := range refused.Findings {
				in.Overrides = append(in.Overrides, hmstype.Override{Finding: f.Key, Reason: hmstype.OverrideMonitored})
			}
			in.OverrideReason = "words"
			rx, err = b.Prescribe(b.Ctx, in)
			require.NoError(t, err)
			require.Empty(t, rx.Verdict.Open())
			require.Equal(t, hmstype.OverrideMonitored, rx.Verdict.Findings()[0].Override)
			require.Equal(t, "words", rx.OverrideReason)
		})
	}
}

func TestVerdict_Dose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.know(t)
	for name, tt := range map[string]struct {
		dosage, strength string
		perDay           int
		why              hmstype.SafetyGap
		found            string
	}{
		"Fine":      {"500 mg", "", 4, "", ""},
		"TooMuch":   {"5 g", "", 1, "", "dose:paracetamol:single"},
		"ByTablets": {"3", "500 mg", 2, "", "dose:paracetamol:single"},
		"TooOften":  {"1 g", "", 6, "", "dose:paracetamol:daily"},
		"NotTold":   {"500 mg", "", 0, hmstype.GapNoDose, ""},
		"Unclear":   {"5 ml", "", 2, hmstype.GapNoDose, ""},
	} {
		b := *b
		b.patient = b.newPatient(t)
		b.allergic(t, "")
		in := of(b.open(t, clinical.ClassAmbulatory), "paracetamol")
		in.Dosage, in.Strength, in.DosesPerDay = tt.dosage, tt.strength, tt.perDay
		rx, err := b.Prescribe(b.Ctx, in)
		if tt.found != "" {
			require.Contains(t, keysOf(t, err), tt.found, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tt.why, rx.Verdict.Of(hmstype.SafetyDose).Why, name)
	}
}

// What the knowledge does not have is said, and so is what an old prescription does.
func TestVerdict_Gaps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.know(t)
	e := b.open(t, clinical.ClassAmbulatory)
	b.allergic(t, "Moonshine")
	rx, err := b.Prescribe(b.Ctx, of(e, "unobtainium"))
	require.NoError(t, err)
	require.Equal(t, hmstype.GapUnknownMedicine, rx.Verdict.Of(hmstype.SafetyInteraction).Why)
	require.Equal(t, hmstype.GapUnknownMedicine, rx.Verdict.Of(hmstype.SafetyAllergyClass).Why)
	rx, err = b.Prescribe(b.Ctx, of(e, "warfarin"))
	require.NoError(t, err)
	require.Equal(t, hmstype.GapUnknownAllergy, rx.Verdict.Of(hmstype.SafetyAllergyClass).Why)
	require.Equal(t, hmstype.GapUnknownTaken, rx.Verdict.Of(hmstype.SafetyInteraction).Why)
	require.Equal(t, hmstype.GapNoLimit, rx.Verdict.Of(hmstype.SafetyDose).Why)
	require.Positive(t, rx.Verdict.MedicationVersion)

	twice := of(e, "Warfarin 5 mg")
	_, err = b.Prescribe(b.Ctx, twice)
	require.Equal(t, []string{"duplicate-therapy:" + rx.ID.String()}, keysOf(t, err))
	require.NoError(t, b.dispense(t, rx.ID, 20))
	_, err = b.Prescribe(b.Ctx, twice)
	require.Len(t, keysOf(t, err), 1, "what was handed out is taken")
	b.Clock.Advance(31 * 24 * time.Hour)
	_, err = b.Prescribe(b.Ctx, twice)
	require.NoError(t, err, "until it is used up")
}

var one = decimal.NewFromInt(1)

func TestLoadKnowledge_Validates(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*clinical.LoadKnowledgeInput){
		"name":                  func(in *clinical.LoadKnowledgeInput) { in.Name = "" },
		"terms[0].term":         func(in *clinical.LoadKnowledgeInput) { in.Terms[0].Term = "-" },
		"relations[0].kind":     func(in *clinical.LoadKnowledgeInput) { in.Relations[0].Kind = "x" },
		"relations[0].severity": func(in *clinical.LoadKnowledgeInput) { in.Relations[0].Severity = "high" },
		"relations[0].other":    func(in *clinical.LoadKnowledgeInput) { in.Relations[0].Other = "" },
		"relations[0].maxSingleMg": func(in *clinical.LoadKnowledgeInput) {
			in.Relations[0].MaxSingleMg = in.Relations[0].MaxSingleMg.Add(one)
		},
		"terms": func(in *clinical.LoadKnowledgeInput) { in.Terms = make([]clinical.DrugTerm, 20_001) },
	} {
		in := clinical.SampleKnowledge()
		in.Terms[0].System = ""
		change(&in)
		require.Equal(t, path, hmstype.Fields(in.Validate())[0].Path)
	}
}
