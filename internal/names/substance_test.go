package names_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/names"
)

func TestSubstanceKey(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"penicillin", "Penicillins", "PENICILLIN", "Pénicillin", "Ｐenicillin"},
		{"penicillin g", "Penicillins G", "Penicillin-G"},
		{"co trimoxazole", "Co-Trimoxazole"},
		{"cefalexin", "Cephalexin", "cefalexin"},
		{"amoxicillin", "amoxycillin"},
		{"estradiol", "oestradiol"},
		{"sulfametoxazole", "Sulphamethoxazole"},
	} {
		for _, name := range same {
			require.Equal(t, same[0], names.SubstanceKey(name), name)
		}
	}
	for _, other := range [][2]string{
		{"cefalexin", "cefazolin"}, {"penicillin", "penicillamine"}, {"prednisone", "prednisolone"},
		{"chlorpromazine", "chlorpropamide"}, {"gas", "ga"}, {"หมี", "หมู"},
	} {
		require.NotEqual(t, names.SubstanceKey(other[0]), names.SubstanceKey(other[1]), other)
	}
	require.Empty(t, names.SubstanceKey(" - "))
}

func TestSubstanceTerms(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a b", "a", "b"}, names.SubstanceTerms("a b"))
	require.Empty(t, names.SubstanceTerms(""))
	require.True(t, names.ContainsWords("amoxicillin 500 mg", "500 mg"))
	require.False(t, names.ContainsWords("amoxicillin", "amoxi"))
	require.False(t, names.ContainsWords("amoxicillin", ""))
}

// A key is its own key, so what was stored compares with what is typed.
func TestSubstanceKey_IsItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Penicillinss", "aeaey", "ooee", "tth", "pph", "Straßen", "thhs", "ssss ss", "ÆØ"} {
		key := names.SubstanceKey(name)
		require.Equal(t, key, names.SubstanceKey(key), name)
	}
}
