package names_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/internal/names"
)

func TestRelated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"Garcia", "GARCÍA", true},
		{"García López", "Ruiz García", true},
		{"O'Neill", "Oneill", true},
		{"Li", "Li", true},
		{"van der Berg", "Berg", true},
		{"van der Berg", "van der Meer", false},
		{"Li", "Liu", false},
		{"Smith", "Smithson", false},
		{"", "Smith", false},
		{"-", "-", false},
	} {
		require.Equal(t, tt.want, names.Related(tt.a, tt.b), "%s, %s", tt.a, tt.b)
		require.Equal(t, tt.want, names.Related(tt.b, tt.a), "%s, %s", tt.b, tt.a)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"anne", "annemarie", "marie", "neill", "o", "oneill"}, names.Words("Anne-Marie", "O'Neill"))
	require.Equal(t, []string{"cormier289", "zoe"}, names.Words("Zoë", "Cormier289"))
	require.Equal(t, names.Words("Müller", "Straße"), names.Words("MULLER", "strasse"))
	require.Empty(t, names.Words("", " - "))
}

// found tells whether a typed name finds a person's tokens.
func found(tokens []string, wanted [][]names.Range) bool {
	return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(ranges []names.Range) bool {
		return !slices.ContainsFunc(tokens, func(token string) bool {
			return slices.ContainsFunc(ranges, func(r names.Range) bool { return token >= r.From && token < r.To })
		})
	})
}

// cases reads a table of names: kind, family, given and what they are held against.
func cases(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var list [][]string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimRight(line, "\n"), "\t"); !strings.HasPrefix(line, "#") {
			require.GreaterOrEqual(t, len(fields), 4, line)
			list = append(list, fields)
		}
	}
	require.NotEmpty(t, list)
	return list
}

func TestNamesInEveryScript(t *testing.T) {
	t.Parallel()
	for _, c := range cases(t, "testdata/names.tsv") {
		kind, family, given, other := c[0], c[1], c[2], c[3]
		if kind == "find" {
			require.True(t, found(names.Tokens(family, given), names.Wanted(other)), "%s finds %s, %s: %q, %q", other, family,
				given, names.Tokens(family, given), names.Wanted(other))
			continue
		}
		otherFamily, otherGiven, _ := strings.Cut(other, "/")
		equal := names.Same(family) == names.Same(otherFamily) && names.Same(given) == names.Same(otherGiven)
		require.Equal(t, kind == "equal", equal, "%s, %s and %s: %q, %q, %q, %q", family, given, other, names.Same(family),
			names.Same(otherFamily), names.Same(given), names.Same(otherGiven))
	}
}

func TestTokens_AreBounded(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"ada", "lovelace"}, names.Tokens("Lovelace", "Ada"))
	require.Equal(t, []string{"mueller", "muller", "rei", "玲", "玲白", "白", "白玲"}, names.Tokens("白", "玲", "Müller Rei"))
	require.LessOrEqual(t, len(names.Tokens(strings.Repeat("王", 100), strings.Repeat("小", 100))), 60)
	require.Empty(t, names.Tokens("", " - "))
}

func TestWanted(t *testing.T) {
	t.Parallel()
	require.Empty(t, names.Wanted(" - "))
	require.Len(t, names.Wanted("J Smith"), 1, "a single letter beside a word does not count")
	require.Equal(t, [][]names.Range{{{"o", "o\x01"}}}, names.Wanted("O"), "alone it is a whole word")
	require.Equal(t, [][]names.Range{{{"王", "王\U0010FFFF"}}}, names.Wanted("王"))
	require.False(t, found(names.Tokens("Smith", "Otto"), names.Wanted("O")))
	require.False(t, found(names.Tokens("शर्मा", "हेमा"), names.Wanted("हुमा")), "vowels are letters")
	require.False(t, found(names.Tokens("Smith", "Jones"), names.Wanted("smith-jo ann")))
}

// Whoever types what is stored, in any case, either order, composed or not, finds it.
func TestWanted_FindsWhatIsStored(t *testing.T) {
	t.Parallel()
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("abzéöłøßıŞİ王小明김민수かナガहुเदाสุിക്Щйё' -")), 1, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		family, given := letters.Draw(t, "family"), letters.Draw(t, "given")
		tokens := names.Tokens(family, given)
		for _, typed := range []string{
			family, given, family + " " + given, given + " " + family, strings.ToUpper(family), strings.ToLower(given),
		} {
			if len(names.Wanted(typed)) > 0 && strings.ContainsFunc(names.Same(typed), func(rune) bool { return true }) {
				require.True(t, found(tokens, names.Wanted(typed)), "%q: %q, %q", typed, tokens, names.Wanted(typed))
			}
		}
	})
}
