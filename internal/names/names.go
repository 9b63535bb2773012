// Package names makes people's names comparable: the words by which patients are found, and
// whether two people may be of one family.
package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Fold makes text comparable: compatibility form, no diacritics, no case, nothing that is not seen,
// and one letter for those that keyboards and documents write for each other.
func Fold(text string) string {
	stripped, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFKC), text)
	if err != nil { // only for text that is not UTF-8, which validation refuses
		stripped = text
	}
	return strings.Map(oneLetter, cases.Fold().String(stripped))
}

// oneLetter gives one letter for several: the Turkish dotless i, which a passport writes as I; in
// Arabic, Persian and Urdu the forms of yeh, kaf and heh, of which each keyboard has its own, ta
// marbuta for heh, and no tatweel, which only stretches a word. What is not seen is left out, but for
// the zero width non-joiner, which parts the words of a Persian name.
func oneLetter(r rune) rune {
	switch r {
	case 'ı':
		return 'i'
	case '\u0649', '\u06cc', '\u06d2': // alef maksura, Farsi yeh, yeh barree
		return '\u064a'
	case '\u06a9': // keheh
		return '\u0643'
	case '\u0629', '\u06be', '\u06c1', '\u06c3', '\u06d5': // ta marbuta, heh doachashmee, heh goal with its marbuta, ae
		return '\u0647'
	case '\u0640': // tatweel
		return -1
	case '\u200c':
		return r
	}
	if isUnseen(r) && !unicode.IsControl(r) {
		return -1
	}
	return r
}

// Digit gives the value of a decimal digit of any script, and whether r is one.
func Digit(r rune) (value rune, ok bool) {
	if r < utf8.RuneSelf {
		return r - '0', r >= '0' && r <= '9'
	}
	for _, ranges := range unicode.Nd.R16 {
		if r >= rune(ranges.Lo) && r <= rune(ranges.Hi) {
			return (r - rune(ranges.Lo)) % 10, true
		}
	}
	for _, ranges := range unicode.Nd.R32 {
		if r >= rune(ranges.Lo) && r <= rune(ranges.Hi) {
			return (r - rune(ranges.Lo)) % 10, true
		}
	}
	return 0, false
}

// Words gives the distinct words of names, folded and sorted: "Anne-Marie O'Neill" has anne,
// marie, o and neill, and also the run-together oneill and annemarie.
func Words(names ...string) []string {
	var words []string
	for _, name := range names {
		for _, field := range strings.Fields(Fold(name)) {
			parts := strings.FieldsFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			words = append(words, parts...)
			if len(parts) > 1 {
				words = append(words, strings.Join(parts, ""))
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// particle is the length in letters up to which a shared word alone says nothing: "van der
// Berg" and "van der Meer" are no family, "García López" and "Ruiz García" may be one.
const particle = 3

// Related tells whether two surnames are like those of one family: they share a word of four
// letters or more, or every word of the one is among the other's.
func Related(a, b string) bool {
	first, second := Words(a), Words(b)
	if len(first) == 0 || len(second) == 0 {
		return false
	}
	shared := 0
	for _, word := range first {
		if !slices.Contains(second, word) {
			continue
		}
		if shared++; utf8.RuneCountInString(word) > particle {
			return true
		}
	}
	return shared == min(len(first), len(second))
}
