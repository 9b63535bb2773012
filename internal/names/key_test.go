package names_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, code, spaced string }{
		{"Plain", "L100", "l100", "l100"},
		{"OuterSpace", "\t L100 \u00a0", "l100", "l100"},
		{"InnerSpace", "Ward \u2003 1", "ward1", "ward 1"},
		{"BrailleBlank", "L\u2800100", "l100", "l 100"},
		{"FullWidth", "Ｌ１００", "l100", "l100"},
		{"Decomposed", "Cafe\u0301", "café", "café"},
		{"SharpS", "STRAẞE Straße", "strassestrasse", "strasse strasse"},
		{"FinalSigma", "ΟΔΟΣ", "οδοσ", "οδοσ"},
		{"DottedI", "İ", "i\u0307", "i\u0307"},
		{"Ligature", "ﬁne", "fine", "fine"},
		{"Dashes", "A–1—2−3‑4－5", "a-1-2-3-4-5", "a-1-2-3-4-5"},
		{"RunOfDashes", "A--1", "a-1", "a-1"},
		{"DashesApart", "A- -1", "a-1", "a- -1"},
		{"SpacedDash", "A - 1", "a-1", "a - 1"},
		{"HiddenBetweenDashes", "A-\u200b-1", "a-1", "a-1"},
		{"ZeroWidth", "L\u200b1\u200d0\u20600\ufeff", "l100", "l100"},
		{"SoftHyphen", "L1\u00ad00", "l100", "l100"},
		{"Direction", "\u202eL100\u202c", "l100", "l100"},
		{"VariationSelector", "L100\ufe0f", "l100", "l100"},
		{"HangulFiller", "L100\u3164", "l100", "l100"},
		{"Joiner", "e\u034f\u0301", "é", "é"},
		{"Nothing", " \u200b\u00ad\u3164\ufe0f ", "", ""},
		{"Sign", "+", "+", "+"},
		{"Dash", "—", "-", "-"},
		{"LookAlikesDiffer", "O0I1l", "o0i1l", "o0i1l"},
		{"AccentsCount", "é", "é", "é"},
		{"ArabicNumberSign", "\u0600\u0661", "\u06001", "\u06001"},
		{"DigitsOfOtherScripts", "L\u0661\u06f2\u0969\U0001d7d2", "l1234", "l1234"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.code, names.CodeKey(tt.text))
			require.Equal(t, tt.spaced, names.NameKey(tt.text))
		})
	}
}

// Every single character of the planes that hold signs (the others are ideographs, private or
// empty): its key is its own key, a name's key keeps what a code's does, and no code's has a blank.
func TestKeys_EveryCharacter(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		if r >= 0xd800 && r <= 0xdfff || r >= 0x20000 && r < 0xe0000 || r >= 0xe1000 {
			continue
		}
		for _, text := range []string{string(r), "a" + string(r) + "b", string(r) + "\u0301" + string(r)} {
			code, spaced := names.CodeKey(text), names.NameKey(text)
			if names.CodeKey(code) != code || names.NameKey(spaced) != spaced || names.CodeKey(spaced) != code ||
				strings.Contains(code, " ") {
				require.Fail(t, "the key is not its own key", "%q: %q, %q", text, code, spaced)
			}
		}
	}
}

// variants are spellings of one thing: what a keyboard, a scanner, a word processor make of it.
var variants = []func(*rapid.T, string) string{
	func(_ *rapid.T, s string) string { return strings.ToUpper(s) },
	func(_ *rapid.T, s string) string { return strings.ToLower(s) },
	func(_ *rapid.T, s string) string { return " " + s + "\t" },
	func(_ *rapid.T, s string) string { return strings.ReplaceAll(s, " ", " \u00a0") },
	func(_ *rapid.T, s string) string { return strings.ReplaceAll(s, "-", "–") },
	func(_ *rapid.T, s string) string { return strings.ReplaceAll(s, "-", "--") },
	func(t *rapid.T, s string) string {
		runes := []rune(s)
		at := rapid.IntRange(0, len(runes)).Draw(t, "at")
		unseen := rapid.SampledFrom([]string{"\u200b", "\u200d", "\u00ad", "\ufeff", "\ufe0f", "\u034f"}).Draw(t, "unseen")
		return string(runes[:at]) + unseen + string(runes[at:])
	},
	func(_ *rapid.T, s string) string {
		return strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f {
				return r + 0xfee0 // full width
			}
			return r
		}, s)
	},
}

func TestKeys_Properties(t *testing.T) {
	t.Parallel()
	t.Run("Idempotent", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9 ._\-ßſİΣéµﬃ½ͅ]*`)).Draw(t, "text")
			code, spaced := names.CodeKey(text), names.NameKey(text)
			require.Equal(t, code, names.CodeKey(code))
			require.Equal(t, spaced, names.NameKey(spaced))
			require.Equal(t, code, names.CodeKey(spaced), "a name's key keeps what a code's does")
		})
	})
	t.Run("VariantsAreOne", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(`[A-Z0-9]{1,4}( [A-Za-z]{1,3}|-[0-9]{1,3}|/[a-z]){0,3}`).Draw(t, "text")
			typed := text
			for range rapid.IntRange(1, 4).Draw(t, "changes") {
				typed = rapid.SampledFrom(variants).Draw(t, "variant")(t, typed)
			}
			require.Equal(t, names.CodeKey(text), names.CodeKey(typed))
			require.Equal(t, names.NameKey(text), names.NameKey(typed))
			require.Equal(t, names.CodeKey(text), names.CodeKey(strings.ReplaceAll(typed, " ", "")))
		})
	})
	t.Run("OtherSignsAreOthers", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			signs := rapid.StringMatching(`[a-z0-9./]{1,8}`)
			a, b := signs.Draw(t, "a"), signs.Draw(t, "b")
			require.Equal(t, a == b, names.CodeKey(a) == names.CodeKey(b))
		})
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	check := func(text string) (required, optional []hmstype.FieldError) {
		var v, o hmstype.Validator
		names.Check(&v, names.CodeKey, text, "code", 10)
		names.CheckOptional(&o, names.CodeKey, text, "code", 10)
		return hmstype.Fields(v.Err()), hmstype.Fields(o.Err())
	}
	broken := func(rule string) []hmstype.FieldError { return []hmstype.FieldError{{Path: "code", Rule: rule}} }
	for _, tt := range []struct {
		text               string
		required, optional []hmstype.FieldError
	}{
		{"L 100", nil, nil},
		{"", broken("required"), nil},
		{" ", broken("required"), broken("must not be blank")},
		{"\u200b", broken("must have a letter, digit or sign"), broken("must have a letter, digit or sign")},
		{strings.Repeat("x", 11), broken("must have at most 10 characters"), broken("must have at most 10 characters")},
		{
			strings.Repeat("\ufdfa", 10), broken("is too long when its signs are written out"),
			broken("is too long when its signs are written out"),
		},
	} {
		required, optional := check(tt.text)
		require.Equal(t, tt.required, required, "%q", tt.text)
		require.Equal(t, tt.optional, optional, "%q", tt.text)
	}
}
