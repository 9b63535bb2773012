package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
)

// The four ways in which a critical value is easily missed.

func TestCriticalValue_WithOnlyAnUpperBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.numericTest(t, "K", "mmol/L")
	b.forAll(t, test, bounds("", "", "", "6.5"))
	order := b.drawn(t, b.adult(t), test)

	out := b.enter(t, test, order.Items[0], number("9.9"))
	require.Equal(t, lab.FlagCriticalHigh, out.Results[0].Flag)
	require.True(t, out.Results[0].Critical)
	alerts := b.alerts(t)
	require.Len(t, alerts, 1, "a preliminary value is told already")
	require.Equal(t, lab.AlertOpen, alerts[0].Status)
	require.Equal(t, out.Results[0].ID, alerts[0].Result)
	require.Equal(t, 1, b.events(t, "lab.critical_found"))

	b.verify(t, out.Item)
	require.Len(t, b.alerts(t), 1, "verifying the same value does not tell it twice")
}

func TestCriticalValue_CorrectionIsEvaluatedAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	_, out := b.final(t, test, b.adult(t), number("4.2"))
	require.Equal(t, lab.FlagNormal, out.Results[0].Flag)
	require.Empty(t, b.alerts(t))

	correct := func(value, why string) {
		var err error
		out, err = b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
			ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number(value), Reason: why,
		})
		require.NoError(t, err)
	}
	correct("9.9", "transposed")
	require.Equal(t, lab.FlagCriticalHigh, out.Results[0].Flag)
	require.Len(t, b.alerts(t), 1)
	first := b.alerts(t)[0]

	correct("4.9", "read from another row")
	require.Equal(t, lab.FlagNormal, out.Results[0].Flag)
	require.Equal(t, 1, b.events(t, "lab.critical_corrected"), "correcting away is told too")
	alerts := b.alerts(t)
	require.Len(t, alerts, 1, "the case stays until somebody closes it")
	require.Equal(t, first.ID, alerts[0].ID)
	require.Equal(t, out.Results[0].ID, alerts[0].SupersededBy)

	correct("7.0", "repeated")
	correct("7.4", "repeated")
	alerts = b.alerts(t)
	require.Len(t, alerts, 3, "one case per version that says something new")
	require.Equal(t, 3, b.events(t, "lab.critical_found"))
	require.Equal(t, 2, b.events(t, "lab.critical_corrected"))
}

func TestCriticalValue_HighAgainstTheReferenceRange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("5.9"))
	require.Equal(t, lab.FlagHigh, out.Results[0].Flag)
	require.False(t, out.Results[0].Critical)
	require.Empty(t, b.alerts(t))
}

func TestCriticalValue_ItemOfAnotherOrderIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	mine, other := b.drawn(t, b.adult(t), test), b.drawn(t, b.adult(t), test)
	in := lab.EnterResultInput{ItemRef: ref(other.Items[0]), Values: []lab.EnteredValue{
		{Analyte: test.Analytes[0].ID, Value: number("4")},
	}}
	in.Order = mine.ID
	_, err := b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, lab.ErrItemMismatch)

	in.Order, in.Patient = other.ID, mine.Patient
	_, err = b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, lab.ErrItemMismatch)

	in.Patient = other.Patient
	in.Values[0].Analyte = b.numericTest(t, "NA", "mmol/L").Analytes[0].ID
	_, err = b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, lab.ErrAnalyteMismatch)

	in.Item = hmstype.NewID[hmstype.LabOrderItemID]()
	_, err = b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}
