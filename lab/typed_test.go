package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
)

// Codes of the catalogue have one case and no spaces; what still may differ is a doubled dash.
func TestService_CreateTest_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numericTest(t, "HB-A1C", "%")
	in := lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "HB--A1C", Name: "x", SpecimenType: "serum", TurnaroundMinutes: 60},
	}
	in.Analytes = []lab.AnalyteInput{{
		AnalyteDetails: lab.AnalyteDetails{Code: "A-1", Name: "x", ValueType: lab.ValueNumeric},
	}}
	_, err := b.lab.CreateTest(b.senior, in)
	require.ErrorIs(t, err, lab.ErrTestCodeTaken)
	in.Code, in.Analytes = "HB", append(in.Analytes, lab.AnalyteInput{
		AnalyteDetails: lab.AnalyteDetails{Code: "A--1", Name: "x", ValueType: lab.ValueNumeric},
	})
	_, err = b.lab.CreateTest(b.senior, in)
	require.ErrorIs(t, err, lab.ErrAnalyteCodeTaken)
	in.Code, in.ServiceCode = "HB2", "\u200b"
	_, err = b.lab.CreateTest(b.senior, in)
	require.Equal(
		t, []hmstype.FieldError{{Path: "serviceCode", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err),
	)
}

// In an answer's code case carries a meaning, so it has no normal form.
func TestService_CreateTest_AnswersDifferByCase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, err := b.lab.CreateTest(b.senior, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "RH", Name: "Rhesus phenotype", SpecimenType: "blood", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{{AnalyteDetails: lab.AnalyteDetails{
			Code: "RH", Name: "Rhesus phenotype", ValueType: lab.ValueCoded,
		}, Answers: []lab.Answer{
			{Code: "ccEe", Display: "R2r"}, {Code: "CcEe", Display: "R1R2"},
		}}},
	})
	require.NoError(t, err)
	require.Len(t, test.Analytes[0].Answers, 2)
}
