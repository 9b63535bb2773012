// Package names makes people's names comparable: when two are equal, the words by which patients are found, and
// whether two people may be of one family.
//
// There are two forms. [Same] is the stricter one: texts with one of it are one name, whatever keyboard, case or
// accents wrote it. [Fold] goes further, for finding only: it writes "ł" as "l" and "ß" as "ss", as people do who lack
// the letter, though Łoś and Los are two names.
package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Same gives the form in which equal names are equal: without case, space and punctuation, without accents of scripts
// where these are no letters of their own, and with one letter for those that keyboards write for each other.
// Empty where a text has neither letter nor digit.
func Same(text string) string {
	return strings.Map(func(r rune) rune {
		if isLetter(r) {
			return r
		}
		return -1
	}, plain(text, false))
}

// Fold makes text comparable for finding: the letters of [Same], those that a keyboard may lack written as people
// write them without (see without), katakana for hiragana; space and punctuation stay.
func Fold(text string) string { return fold(plain(text, true)) }

func fold(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch written, ok := without[r]; {
		case ok:
			b.WriteString(written)
		case r >= 'ぁ' && r <= 'ゖ':
			b.WriteRune(r + 'ァ' - 'ぁ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// without are the letters that no decomposition takes apart, as people write them who have only those of ASCII
// (the machine-readable zone of passports does the same: ICAO Doc 9303-3, section 6).
var without = map[rune]string{
	'ı': "i", 'ł': "l", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'ħ': "h", 'ŧ': "t",
	'ŋ': "n", 'ə': "e", 'ɓ': "b", 'ɗ': "d", 'ƙ': "k", 'ƴ': "y", 'ɛ': "e", 'ɔ': "o", 'ɣ': "g",
}

// expanded are the letters that German and Nordic names write as two where a keyboard lacks them: Mueller, Aase.
var expanded = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe",
	"Ä", "ae", "Ö", "oe", "Ü", "ue", "Å", "aa", "Ø", "oe")

// Spellings gives the forms under which a text is found: [Fold], and where it has letters that are also written as
// two, such as "ü", that too. None for an empty text.
func Spellings(text string) []string {
	list := []string{Fold(text), fold(plain(expanded.Replace(norm.NFC.String(text)), true))}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}

// plain gives the compatibility form without case, accents and what is not seen, and with one letter for several.
func plain(text string, finding bool) string {
	var b strings.Builder
	base := rune(0)
	for _, r := range norm.NFKD.String(text) {
		if unicode.Is(unicode.M, r) {
			if !isAccent(base, r, finding) {
				b.WriteRune(r)
			}
			continue
		}
		if r = oneLetter(base, r); r < 0 {
			continue
		}
		base = r
		b.WriteRune(r)
	}
	lower := strings.Map(func(r rune) rune {
		if r == 'ς' {
			return 'σ'
		}
		return r
	}, strings.ToLower(norm.NFKC.String(b.String())))
	return chillu.Replace(lower)
}

// chillu are the letters of Malayalam without a vowel, which older keyboards write as a letter and a virama (and a
// joiner, which nobody sees).
var chillu = strings.NewReplacer("\u0d7a", "\u0d23\u0d4d", "\u0d7b", "\u0d28\u0d4d", "\u0d7c", "\u0d30\u0d4d",
	"\u0d7d", "\u0d32\u0d4d", "\u0d7e", "\u0d33\u0d4d", "\u0d7f", "\u0d15\u0d4d")

// nuktas are the dots of Indic scripts that make another letter and that many leave out.
const nuktas = "\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc"

// isAccent tells of a mark that may be left out. It may in Latin, Greek, Hebrew and Arabic; in Cyrillic only the
// stress, and the dots of ё; the nukta only for finding. Elsewhere marks are letters: the vowels of Devanagari, Thai
// or Malayalam, the voicing of kana.
func isAccent(base, mark rune, finding bool) bool {
	switch {
	case unicode.Is(unicode.Cyrillic, base):
		return mark == '\u0300' || mark == '\u0301' || mark == '\u0308' && (base == 'е' || base == 'Е')
	case unicode.In(base, unicode.Latin, unicode.Greek, unicode.Arabic, unicode.Hebrew, unicode.Syriac):
		return unicode.Is(unicode.Mn, mark)
	case unicode.In(base, unicode.Common, unicode.Inherited) || base == 0:
		return unicode.In(mark, unicode.Inherited, unicode.Latin, unicode.Arabic, unicode.Hebrew) &&
			mark != '\u3099' && mark != '\u309a'
	default:
		return isUnseen(mark) || finding && strings.ContainsRune(nuktas, mark)
	}
}

// oneLetter gives one letter for several: in Arabic, Persian and Urdu the forms of yeh, kaf and heh, of which each
// keyboard has its own, ta marbuta for heh, and no tatweel, which only stretches a word. What is not seen is left
// out, but for the zero width non-joiner, which parts the words of a Persian name.
func oneLetter(before, r rune) rune {
	switch r {
	case '\u0649', '\u06cc', '\u06d2': // alef maksura, Farsi yeh, yeh barree
		return '\u064a'
	case '\u06a9': // keheh
		return '\u0643'
	case '\u0629', '\u06be', '\u06c1', '\u06c3', '\u06d5': // ta marbuta, heh doachashmee, heh goal with its marbuta, ae
		return '\u0647'
	case '\u0640': // tatweel
		return -1
	case '\u200c':
		if unicode.Is(unicode.Arabic, before) {
			return r
		}
		return -1
	}
	if isUnseen(r) && !unicode.IsControl(r) {
		return -1
	}
	return r
}

// isLetter tells of what names are made of: letters, the marks that are letters, digits.
func isLetter(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.Nd) }

// Letters counts the letters of a form, marks left out: those that can be told apart at a glance.
func Letters(form string) (n int) {
	for _, r := range form {
		if unicode.In(r, unicode.L, unicode.Nd) {
			n++
		}
	}
	return n
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
			words = append(words, partsOf(field)...)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// partsOf gives what punctuation parts of a folded word, and where that is several, all of it run together.
func partsOf(field string) []string {
	parts := strings.FieldsFunc(field, func(r rune) bool { return !isLetter(r) })
	if len(parts) > 1 {
		parts = append(parts, strings.Join(parts, ""))
	}
	return parts
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
