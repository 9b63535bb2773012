package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
)

// CodeKey gives the normal form of what is typed off a label or out of a list: lot numbers, codes,
// numbers of beds, patients' identifiers, record numbers, e-mail addresses. Two texts are the
// same thing exactly where their keys are equal: they may differ in
//
//   - compatibility form (NFKC: full-width letters, ligatures, composed or decomposed accents),
//   - case (full folding: "ß" is "ss"),
//   - the script of their digits: "L١٢" and "L۱۲" are "L12",
//   - space of every kind, anywhere: "L 100" is "L100",
//   - the kind and the number of dashes that stand together: "A—1" is "A--1" is "A-1", but not "A1",
//   - characters that nobody sees: zero width, direction marks, soft hyphens, variation selectors,
//     controls.
//
// Accents count, and so do look-alikes: "O1" is not "01", for a person can tell them apart and a
// recall must not. Empty where nothing can be seen of the text.
func CodeKey(text string) string { return key(text, false) }

// NameKey gives the normal form of what people call something or somebody: wards, suppliers, stores,
// categories, roles, user names. It is [CodeKey] but for space, which parts words: a run of it is
// one space, and none stands at the ends, so "Ward  1" is "ward 1" but not "Ward1".
func NameKey(text string) string { return key(text, true) }

// keyRounds bounds the search for a text that its own key leaves as it is; two do for every
// text that the tests found.
const keyRounds = 8

func key(text string, spaced bool) string {
	for range keyRounds {
		next := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(visible(text, spaced))))
		if next == text {
			break
		}
		text = next
	}
	return text
}

// visible drops what is not seen, makes every run of dashes one hyphen, and every run of space
// one blank or nothing.
func visible(text string, spaced bool) string {
	var b strings.Builder
	space, dash := false, false
	for _, r := range text {
		switch {
		case isBlank(r):
			space = true
			continue
		case isUnseen(r):
			continue
		case isDash(r):
			if dash && (!space || !spaced) {
				continue
			}
			dash, r = true, '-'
		default:
			dash = false
			if value, ok := Digit(r); ok {
				r = '0' + value
			}
		}
		if space && spaced && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// isBlank tells of every kind of space; the empty Braille cell is shown as one.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Z, r) || r == '\u2800' }

// isUnseen tells of the characters without a shape of their own: Unicode's default ignorable
// ones, the other format characters but those that are drawn (the Arabic number signs), controls.
func isUnseen(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cc) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// moreDashes are those that Unicode counts among symbols, punctuation and modifiers.
const moreDashes = "\u2212\u2043\u02d7\u2796\u207b\u208b"

func isDash(r rune) bool { return unicode.Is(unicode.Pd, r) || strings.ContainsRune(moreDashes, r) }

// Check notes for a typed text that must be there what [hmstype.Validator.Text] does, and that its
// normal form, of [CodeKey] or [NameKey], is not empty and not much longer than the text may be: an index
// holds it. maxLen counts the characters of the text.
func Check(v *hmstype.Validator, keyOf func(string) string, text, path string, maxLen int) {
	v.Text(text, path, 1, maxLen)
	checkKey(v, keyOf, text, path, maxLen)
}

// CheckOptional is [Check] for a text that may be missing: an empty one is in order, one that only
// looks empty is not.
func CheckOptional(v *hmstype.Validator, keyOf func(string) string, text, path string, maxLen int) {
	v.Text(text, path, 0, maxLen)
	v.Check(text == "" || strings.TrimSpace(text) != "", path, "must not be blank")
	checkKey(v, keyOf, text, path, maxLen)
}

func checkKey(v *hmstype.Validator, keyOf func(string) string, text, path string, maxLen int) {
	if strings.TrimSpace(text) == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxLen {
		return // noted already
	}
	normal := keyOf(text)
	v.Check(normal != "", path, "must have a letter, digit or sign")
	v.Check(len(normal) <= utf8.UTFMax*maxLen, path, "is too long when its signs are written out")
}
