package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// SubstanceKey gives the normal form of what a medicine, a substance or a class of them is called: words of letters
// and digits with one blank between them, by which "Co-Trimoxazole" is "co trimoxazole". On top of [NameKey] it folds
// what the same name is spelt with:
//
//   - accents: "pénicilline" is "penicilline";
//   - the plural: "Penicillins G" is "penicillin g";
//   - the older spellings that international names avoid (WHO, general principles for guidance in devising INNs:
//     f for ph, t for th, e for ae and oe, i for y): "sulphamethoxazole" is "sulfametoxazole".
//
// It is for comparing, not for showing. Empty where nothing is left.
func SubstanceKey(name string) string {
	words := strings.FieldsFunc(withoutAccents(NameKey(name)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for i, word := range words {
		words[i] = folded(word)
	}
	return strings.Join(words, " ")
}

var inn = strings.NewReplacer("ph", "f", "th", "t", "ae", "e", "oe", "e", "y", "i")

// folded replaces until nothing is left to replace: a key must be its own key. Each round makes the word shorter, or
// is the last but one.
func folded(word string) string {
	for {
		next := singular(inn.Replace(word))
		if next == word {
			return word
		}
		word = next
	}
}

// minPlural is the length of the shortest word whose last "s" counts as a plural.
const minPlural = 6

func singular(word string) string {
	if utf8.RuneCountInString(word) < minPlural || !strings.HasSuffix(word, "s") || strings.HasSuffix(word, "ss") {
		return word
	}
	return strings.TrimSuffix(word, "s")
}

// withoutAccents drops the marks on Latin, Greek and Cyrillic letters, where they are accents; in other scripts marks
// are vowels.
func withoutAccents(text string) string {
	var b strings.Builder
	isAccented := false
	for _, r := range norm.NFD.String(text) {
		if unicode.Is(unicode.Mn, r) && isAccented {
			continue
		}
		isAccented = unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		b.WriteRune(r)
		if unicode.Is(unicode.Mn, r) {
			isAccented = false
		}
	}
	return norm.NFC.String(b.String())
}

// SubstanceTerms gives every run of up to four words of a [SubstanceKey], the longest first: under what a medicine
// called so may be known. At most 200.
func SubstanceTerms(key string) []string {
	words := strings.Fields(key)
	var terms []string
	for n := min(4, len(words)); n >= 1; n-- {
		for i := 0; i+n <= len(words) && len(terms) < 200; i++ {
			terms = append(terms, strings.Join(words[i:i+n], " "))
		}
	}
	return terms
}

// ContainsWords tells whether the words of part stand in text, both of them keys, as whole words.
func ContainsWords(text, part string) bool {
	return part != "" && strings.Contains(" "+text+" ", " "+part+" ")
}
