package hospital_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

// advisor is a host's own knowledge.
type advisor struct {
	asked  []hmstype.SafetyQuestion
	answer hmstype.SafetyAnswer
	err    error
	during func() // what comes between the question and the use case; nil for nothing
}

func (a *advisor) Advise(_ context.Context, q hmstype.SafetyQuestion) (hmstype.SafetyAnswer, error) {
	a.asked = append(a.asked, q)
	if a.during != nil {
		a.during()
	}
	return a.answer, a.err
}

// all answers every kind, with nothing found.
func all() hmstype.SafetyAnswer {
	answer := hmstype.SafetyAnswer{Source: "acme", Edition: "7"}
	for _, kind := range hmstype.SafetyKinds() {
		answer.Checks = append(answer.Checks, hmstype.Check{Kind: kind, Outcome: hmstype.Checked})
	}
	return answer
}

type advised struct {
	*hmstest.Env
	*advisor
	h     *hms.HMS
	who   hmstype.PatientID
	visit hmstype.EncounterID
}

func newAdvised(t *testing.T) *advised {
	t.Helper()
	a := &advised{advisor: &advisor{answer: all()}}
	a.Env = hmstest.New(t, func(c *hms.Config) { c.Safety = a.advisor })
	a.h, a.who = a.H, a.Patient(t).ID
	a.visit = a.Encounter(t, a.who, clinical.ClassAmbulatory).ID
	return a
}

func (a *advised) prescribe(name string, overrides ...hmstype.Override) (clinical.Prescription, error) {
	return a.h.Clinical.Prescribe(a.Ctx, clinical.PrescribeInput{
		Encounter: a.visit, Overrides: overrides, PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: name, Unit: "tablet", Dosage: "1", Frequency: "daily", Duration: "10 days", Quantity: 10,
		},
	})
}

func (a *advised) allergic(t *testing.T, to string) {
	t.Helper()
	_, err := a.h.Clinical.RecordAllergy(a.Ctx, clinical.RecordAllergyInput{
		Patient: a.who, AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: to}, NoneKnown: to == "",
		},
	})
	require.NoError(t, err)
}

func TestAdvisor_IsAskedWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	a := newAdvised(t)
	rx, err := a.prescribe("first")
	require.NoError(t, err)
	require.Equal(t, hmstype.GapNeverAsked, rx.Verdict.Of(hmstype.SafetyAllergyClass).Why,
		"no knowledge makes up for that")
	require.Equal(t, hmstype.Check{
		Kind: hmstype.SafetyInteraction, Outcome: hmstype.Checked, Source: "acme", Edition: "7",
	}, rx.Verdict.Of(hmstype.SafetyInteraction))

	a.allergic(t, "Latex")
	a.answer.Checks[4].Findings = []hmstype.Finding{{Key: "x-y", Severity: hmstype.SeverityHigh, Text: "harm"}}
	_, err = a.prescribe("second")
	var found *hmstype.FindingsError
	require.ErrorAs(t, err, &found)
	require.Equal(t, "interaction:x-y", found.Findings[0].Key)
	q := a.asked[1]
	require.Equal(t, "second", q.Medicine.Name)
	require.Equal(t, a.who, q.Patient)
	require.Equal(t, "Latex", q.Allergies[0].Substance.Display)
	require.Equal(t, rx.ID, q.Taken[0].Prescription)
	got, err := a.prescribe("second", hmstype.Override{Finding: "interaction:x-y", Reason: hmstype.OverrideMonitored})
	require.NoError(t, err)
	require.Equal(t, q.AllergyVersion, got.Verdict.AllergyVersion)

	stock := a.Stock(t, 10, "")
	_, err = a.h.Pharmacy.Dispense(a.Ctx, pharmacy.DispenseInput{
		Patient: a.who, Item: stock.Item.ID, Location: stock.Location, Quantity: 1,
	})
	require.ErrorIs(t, err, hmstype.ErrFindings, "at the hand-over it is asked as well")
	require.Equal(t, stock.Item.Name, a.asked[len(a.asked)-1].Medicine.Name)
}

// An outage is a check that failed, and never one that found nothing; what names tell stays found.
func TestAdvisor_OutageIsFailed(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]advisor{
		"Error":    {answer: all(), err: errors.New("down")},
		"NoSource": {answer: hmstype.SafetyAnswer{Checks: all().Checks}},
		"Twice":    {answer: hmstype.SafetyAnswer{Source: "acme", Checks: append(all().Checks, all().Checks[0])}},
		"NoKind":   {answer: hmstype.SafetyAnswer{Source: "acme", Checks: []hmstype.Check{{Outcome: hmstype.Checked}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAdvised(t)
			a.answer, a.err = broken.answer, broken.err
			a.allergic(t, "Penicillin")
			rx, err := a.prescribe("Ibuprofen")
			require.NoError(t, err, "a hospital works on")
			for _, kind := range hmstype.SafetyKinds() {
				require.Equal(t, hmstype.Check{Kind: kind, Outcome: hmstype.CheckFailed, Why: hmstype.GapUnavailable},
					rx.Verdict.Of(kind))
			}
			_, err = a.prescribe("penicillin")
			require.ErrorIs(t, err, hmstype.ErrFindings)
		})
	}
	a := newAdvised(t)
	a.answer = hmstype.SafetyAnswer{Source: "acme"}
	rx, err := a.prescribe("Ibuprofen")
	require.NoError(t, err)
	require.Equal(t, hmstype.GapNotAnswered, rx.Verdict.Of(hmstype.SafetyDose).Why)
}

// What came between the question and the use case makes the answer stale.
func TestAdvisor_AnswerOfOtherListsIsStale(t *testing.T) {
	t.Parallel()
	a := newAdvised(t)
	once := func(between func()) func() {
		return func() { a.during = nil; between() }
	}
	a.during = once(func() { a.allergic(t, "Latex") })
	_, err := a.prescribe("first")
	require.ErrorIs(t, err, hmstype.ErrStale)
	a.during = once(func() { _, err := a.prescribe("between"); require.NoError(t, err) })
	_, err = a.prescribe("first")
	require.ErrorIs(t, err, hmstype.ErrStale)
	rx, err := a.prescribe("first")
	require.NoError(t, err)

	stock := a.Stock(t, 10, "")
	sale := pharmacy.DispenseInput{Patient: a.who, Item: stock.Item.ID, Location: stock.Location, Quantity: 1}
	a.during = once(func() {
		_, err := a.h.Clinical.StopPrescription(a.Ctx, clinical.StopPrescriptionInput{ID: rx.ID, Reason: "rash"})
		require.NoError(t, err)
	})
	_, err = a.h.Pharmacy.Dispense(a.Ctx, sale)
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = a.h.Pharmacy.Dispense(a.Ctx, sale)
	require.NoError(t, err)
	sale.Item = hmstype.NewID[hmstype.MedicationItemID]()
	_, err = a.h.Pharmacy.Dispense(a.Ctx, sale)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "nothing to ask of")
}
