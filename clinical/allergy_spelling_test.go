package clinical_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
)

// An allergy speaks against a medication however the one and the other are typed: what nobody sees in
// a text that was copied, and the case of a code, must not hide it.
func TestService_Prescribe_AnAllergyTypedDifferently(t *testing.T) {
	t.Parallel()
	atc := func(code, display string) hmstype.Code {
		return hmstype.Code{System: hmstype.SystemATC, Value: code, Display: display}
	}
	for name, tt := range map[string]struct {
		allergy  hmstype.Code
		code     hmstype.Code
		medicine string
	}{
		"Plain":             {hmstype.Code{Display: "Penicillin"}, hmstype.Code{}, "penicillin 500 mg"},
		"FullWidth":         {hmstype.Code{Display: "Penicillin"}, hmstype.Code{}, "Ｐenicillin"},
		"SoftHyphen":        {hmstype.Code{Display: "Penicillin"}, hmstype.Code{}, "Peni\u00adcillin"},
		"ZeroWidthSpace":    {hmstype.Code{Display: "Peni\u200bcillin"}, hmstype.Code{}, "Penicillin"},
		"VariationSelector": {hmstype.Code{Display: "Penicillin\ufe0f"}, hmstype.Code{}, "Penicillin"},
		"CodeInSmall":       {atc("J01CE01", "x"), atc("j01ce01", "y"), "z"},
		"CodeFullWidth":     {atc("J01CE01 ", "x"), atc("Ｊ01CE01", "y"), "z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			visit := b.open(t, clinical.ClassAmbulatory)
			_, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
				Patient: visit.Patient, AllergyDetails: clinical.AllergyDetails{Substance: tt.allergy},
			})
			require.NoError(t, err)
			in := clinical.PrescribeInput{Encounter: visit.ID, Code: tt.code}
			in.MedicationName, in.Unit, in.Dosage, in.Quantity = tt.medicine, "tablet", "1", 10
			in.Frequency, in.Duration, in.DaysSupply = "daily", "10 days", 10
			_, err = b.Prescribe(b.Ctx, in)
			require.ErrorIs(t, err, hmstype.ErrFindings)
			in.Code, in.MedicationName = hmstype.Code{}, "Ibuprofen"
			_, err = b.Prescribe(b.Ctx, in)
			require.NoError(t, err, "it speaks against nothing else")
		})
	}
}
