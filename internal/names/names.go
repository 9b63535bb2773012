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

// Fold makes text comparable: compatibility form, no diacritics, no case.
func Fold(text string) string {
	stripped, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFKC), text)
	if err != nil { // only for text that is not UTF-8, which validation refuses
		stripped = text
	}
	return cases.Fold().String(stripped)
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
