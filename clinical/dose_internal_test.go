package clinical

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDose(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"500 mg": "500 mg", "500mg": "500 mg", "1": "1 ", "1/2 tablet": "0.5 tablet", "½ tablet": "0.5 tablet",
		"2,5 ml": "2.5 ml", "5-10 ml": "10 ml", "0.5 µg": "0.5 \u03bcg", "10 ml/h": "10 ml", "500 mg with food": "500 mg",
		"1 Kapsel": "1 kapsel", "1000 IU (max.)": "1000 iu", "100000000 IU": "100000000 iu", "２ tablets": "2 tablets",
	} {
		got, ok := parseDose(text, "Kapsel", "")
		require.True(t, ok, text)
		require.Equal(t, want, got.amount.String()+" "+got.unit, text)
	}
	for _, text := range []string{
		"banana", "1 banana", "0 mg", "-1 mg", "100000001 IU", "1/0 tablet", "10-5 ml", "", "NaN mg", "1e9 mg", "mg 500",
		"999999999999 mg", "1 mg2",
	} {
		_, ok := parseDose(text)
		require.False(t, ok, text)
	}
}

func TestDose_Milligrams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dosage, strength, unit, want string }{
		{"500 mg", "", "", "500"}, {"1 g", "500 mg", "tablet", "1000"}, {"50 mcg", "", "", "0.05"},
		{"2", "500 mg", "tablet", "1000"}, {"2 tablets", "0.5 g", "tablet", "1000"},
		{"5 ml", "500 mg", "tablet", ""}, {"1", "", "tablet", ""}, {"1", "500 mg/125 mg", "tablet", ""},
		{"1", "10 IU", "vial", ""}, {"1 kapsel", "5 mg", "Kapsel", "5"},
	} {
		d, ok := parseDose(tt.dosage, tt.unit)
		require.True(t, ok, tt.dosage)
		mass, ok := d.milligrams(tt.strength, tt.unit)
		require.Equal(t, tt.want != "", ok, tt)
		if ok {
			require.Equal(t, tt.want, mass.String(), tt)
		}
	}
}
