package patient

import (
	"slices"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nearlyEqual tells whether two forms of names have a near form in common.
func nearlyEqual(a, b string) bool {
	forms := near([]string{b})
	return slices.ContainsFunc(near([]string{a}), func(form string) bool { return slices.Contains(forms, form) })
}

// distance counts the letters by which two words differ: added, left out, mistaken or swapped with a neighbour.
func distance(a, b []rune) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
				table[i][j] = i + j
			case a[i-1] == b[j-1]:
				table[i][j] = table[i-1][j-1]
			default:
				table[i][j] = 1 + min(table[i-1][j], table[i][j-1], table[i-1][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				table[i][j] = min(table[i][j], table[i-2][j-2]+1)
			}
		}
	}
	return table[len(a)][len(b)]
}

// Near forms find every slip of one letter, and no two.
func TestNear_FindsExactlyOneSlip(t *testing.T) {
	t.Parallel()
	letters := rapid.RuneFrom([]rune("abжßनकา"))
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(letters, 5, 9).Draw(t, "a")
		b := slices.Clone(a)
		for range rapid.IntRange(0, 3).Draw(t, "slips") {
			at := rapid.IntRange(0, len(b)-2).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "slip") {
			case 0:
				b[at] = letters.Draw(t, "letter")
			case 1:
				if len(b) > 5 {
					b = slices.Delete(b, at, at+1)
				}
			case 2:
				b = slices.Insert(b, at, letters.Draw(t, "letter"))
			default:
				b[at], b[at+1] = b[at+1], b[at]
			}
		}
		if countLetters(a) < minEditLength || countLetters(b) < minEditLength {
			return
		}
		require.Equal(t, distance(a, b) <= 1, nearlyEqual(string(a), string(b)), "%q, %q", string(a), string(b))
		require.Equal(t, nearlyEqual(string(a), string(b)), nearlyEqual(string(b), string(a)))
	})
	require.True(t, nearlyEqual("jon", "john"))
	require.False(t, nearlyEqual("jan", "jon"), "short names differ in one letter from many")
	require.False(t, nearlyEqual("हेमा", "हुमा"), "vowels make no name longer")
	require.False(t, nearlyEqual("patient1", "patient2"), "digits number people")
}

func countLetters(word []rune) (n int) {
	for _, r := range word {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func TestNormalizePhone(t *testing.T) {
	t.Parallel()
	for country, numbers := range map[string][]string{
		"": {
			"+254 700 123-456", "00254700123456", "(254) 700.123.456", "＋２５４７００１２３４５６", "+٢٥٤٧٠٠١٢٣٤٥٦",
		},
		"KE": {"0700 123456", "+254 700 123 456", "254700123456", "+254 (0)700 123456", "000254700123456"},
		"TZ": {"+254 700 123-456", "000254700123456"},
	} {
		for _, number := range numbers {
			require.Equal(t, "254700123456", normalizePhone(number, country), "%s in %q", number, country)
		}
	}
	require.Equal(t, "390612345678", normalizePhone("06 1234 5678", "IT"), "Italy keeps the zero")
	require.Equal(t, "4930123456", normalizePhone("030/123456", "DE"))
	require.Equal(t, "12025550123", normalizePhone("(202) 555-0123", "US"))
	require.Equal(t, "112", normalizePhone("112", ""), "what no plan knows is its digits")
	require.Empty(t, normalizePhone("none", "DE"))
}
