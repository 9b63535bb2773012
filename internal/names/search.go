package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unspaced are the scripts that write names without space between family and given name.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer,
	unicode.Myanmar,
}

// syllabic are the scripts of which one sign says as much as a few letters of an alphabet.
var syllabic = []*unicode.RangeTable{unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana}

// maxSuffixes bounds the words that one unspaced name gives.
const maxSuffixes = 12

// Tokens gives the words by which a person is found, folded, distinct and sorted: those of the names in every
// spelling (see [Spellings]); where a script writes names without space, family and given name run together, in both
// orders, and what each name ends with: 金民秀 is found by 民秀. Others are further names, such as a reading.
func Tokens(family, given string, others ...string) []string {
	var words []string
	for _, name := range append([]string{family, given}, others...) {
		for _, spelling := range Spellings(name) {
			words = append(words, Words(spelling)...)
		}
	}
	whole := func(first, second string) {
		if joined := Same(Fold(first + second)); first != "" && second != "" && isOf(joined, unspaced) {
			words = append(words, joined)
		}
	}
	whole(family, given)
	whole(given, family)
	for _, word := range slices.Clone(words) {
		if !isOf(word, syllabic) {
			continue
		}
		runes := []rune(word)
		for i := max(1, len(runes)-maxSuffixes); i < len(runes); i++ {
			words = append(words, string(runes[i:]))
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// isOf tells whether every letter of a text is of one of the scripts.
func isOf(text string, scripts []*unicode.RangeTable) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, scripts...) && !unicode.In(r, unicode.Inherited, unicode.Common)
	})
}

// Range is a range of tokens: From is the first, To the first behind it, by the order of their bytes.
type Range struct{ From, To string }

// Wanted gives what a typed name wants of a person's [Tokens]: of each list, one range must hold a token. Words are
// beginnings of words. A single letter of an alphabet, which half of all people have somewhere, counts only where
// nothing else was typed, and is then a whole word; a single sign of Han, Hangul or kana is a beginning.
func Wanted(typed string) [][]Range {
	var list, letters [][]Range
	for _, field := range strings.Fields(typed) {
		spellings := Spellings(field)
		for i := range longest(spellings) {
			var ranges []Range
			single := false
			for _, spelling := range spellings {
				for _, word := range alternatives(partsOf(spelling), i) {
					alone := utf8.RuneCountInString(word) == 1 && !isOf(word, syllabic)
					single = single || alone
					ranges = append(ranges, rangeOf(word, alone))
				}
			}
			if single {
				letters = append(letters, ranges)
			} else {
				list = append(list, ranges)
			}
		}
	}
	if len(list) == 0 {
		return letters
	}
	return list
}

// alternatives gives the i-th of a word's parts and, behind it, all of them run together, where they are several.
func alternatives(parts []string, i int) []string {
	switch {
	case len(parts) <= 1:
		return parts
	case i < len(parts)-1:
		return []string{parts[i], parts[len(parts)-1]}
	default:
		return parts[len(parts)-1:]
	}
}

// longest gives in how many parts punctuation parts a word, in whichever spelling.
func longest(spellings []string) (n int) {
	for _, s := range spellings {
		parts := len(partsOf(s))
		if parts > 1 {
			parts-- // the last is all of them
		}
		n = max(n, parts)
	}
	return n
}

func rangeOf(word string, whole bool) Range {
	if whole {
		return Range{word, word + "\x01"}
	}
	return Range{word, word + "\U0010FFFF"}
}
