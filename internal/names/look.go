package names

import (
	"slices"
	"strings"
	"unicode"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
)

// Rules of [CheckLook].
const (
	ruleUnseen  = "must not hold characters that nobody sees"
	ruleScripts = "must not mix scripts that look alike"
	ruleSigns   = "must be of letters, digits and plain punctuation"
)

// CheckLook notes that a text by which people are told apart holds characters that nobody sees (Unicode's
// Default_Ignorable_Code_Point), others than letters of today's alphabets, marks, digits, space, dashes and
// the punctuation of ASCII, or a mixture of scripts above the level "moderately restrictive" (UTS #39,
// section 5.2). What is looked at is the compatibility form (NFKC): full-width and mathematical letters are
// the letters.
func CheckLook(v *hmstype.Validator, text, path string) {
	if strings.ContainsFunc(text, isIgnorable) {
		v.Check(false, path, ruleUnseen)
		return
	}
	text = norm.NFKC.String(text)
	v.Check(!strings.ContainsFunc(text, isOddSign), path, ruleSigns)
	v.Check(isModeratelyRestrictive(text), path, ruleScripts)
}

// isIgnorable tells of the characters without a shape of their own, controls apart, which
// [hmstype.Validator.Text] refuses.
func isIgnorable(r rune) bool { return isUnseen(r) && !unicode.IsControl(r) }

// technical are letters of phonetics and of scholars, small capitals among them (UTS #39, section 3.1:
// Identifier_Type Technical). alphabets are those of them that languages of today write.
var technical = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0250, Hi: 0x02b8, Stride: 1}, {Lo: 0x1d00, Hi: 0x1dbf, Stride: 1}, {Lo: 0x2c60, Hi: 0x2c7f, Stride: 1},
	{Lo: 0xa720, Hi: 0xa7ff, Stride: 1}, {Lo: 0xab30, Hi: 0xab6f, Stride: 1},
}}

const alphabets = "ɓɔɖɗəɛɠɣɨɩɲʉʋʒ"

func isOddSign(r rune) bool {
	if unicode.Is(technical, r) {
		return !strings.ContainsRune(alphabets, r)
	}
	return !(r >= ' ' && r <= '~') && !isBlank(r) && !isDash(r) && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) &&
		!strings.ContainsRune("’·・׳״", r) // UAX #31, table 3a: stand inside words of some languages
}

// recommended are the scripts of UAX #31, table 5: all others are of limited use, and some, such
// as Cherokee and Lisu, are made of letters that look like Latin ones.
var recommended = []string{
	"Latin", "Arabic", "Armenian", "Bengali", "Bopomofo", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek",
	"Gujarati", "Gurmukhi", "Han", "Hangul", "Hebrew", "Hiragana", "Kannada", "Katakana", "Khmer", "Lao", "Malayalam",
	"Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan",
}

// together are the sets of scripts that one way of writing needs (UTS #39, section 5.1), beside
// which Latin may stand.
var together = [][]string{
	{"Han", "Hiragana", "Katakana"}, {"Han", "Bopomofo"}, {"Han", "Hangul"},
}

// isModeratelyRestrictive tells whether a text is of one recommended script, of one way of writing,
// or of one of these and Latin; but never of Latin with Cyrillic or Greek, whose letters look alike.
func isModeratelyRestrictive(text string) bool {
	var found []string
	for _, r := range text {
		if isBlank(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		i := slices.IndexFunc(recommended, func(name string) bool { return unicode.Is(unicode.Scripts[name], r) })
		if i < 0 {
			return false
		}
		if !slices.Contains(found, recommended[i]) {
			found = append(found, recommended[i])
		}
	}
	if len(found) <= 1 {
		return true
	}
	others := slices.DeleteFunc(found, func(name string) bool { return name == "Latin" })
	if len(others) == 1 {
		return others[0] != "Cyrillic" && others[0] != "Greek"
	}
	return slices.ContainsFunc(together, func(set []string) bool {
		return !slices.ContainsFunc(others, func(name string) bool { return !slices.Contains(set, name) })
	})
}

// Looks gives what a user name may be taken for: the skeletons (UTS #39, section 4) of the name as it
// is typed, of its normal form and of that in capitals, where I, l and 1 are one. Accents and
// strokes do not count, nor does what stands between letters: "á.dmin" looks like "admin". Between digits
// something counts as one hyphen: "lab-1-12" is not "lab-11-2". Two names look alike exactly where
// they have a look in common. Sorted; none where the text has neither letter nor digit.
func Looks(text string) []string {
	typed := bare(text)
	folded := NameKey(typed)
	return distinct(stripped(skeleton(typed)), stripped(skeleton(folded)), stripped(skeleton(strings.ToUpper(folded))))
}

// EmailLooks gives what an e-mail address may be taken for: the skeletons of it as it is typed and of
// its normal form, of the part before the sign and of the domain. Sorted; none for an empty one.
func EmailLooks(address string) []string {
	of := func(address string) string {
		at := strings.LastIndexByte(address, '@')
		if at < 0 {
			return skeleton(address)
		}
		return skeleton(address[:at]) + "@" + skeleton(address[at+1:])
	}
	return distinct(of(norm.NFKC.String(address)), of(CodeKey(address)))
}

// skeleton gives what a text looks like, whatever its case: the skeleton of a capital is looked at
// again in lower case.
func skeleton(text string) string {
	return confusable.Skeleton(cases.Fold().String(confusable.Skeleton(text)))
}

func distinct(looks ...string) []string {
	slices.Sort(looks)
	return slices.DeleteFunc(slices.Compact(looks), func(look string) bool { return look == "" })
}

// stripped leaves out the marks that any letter may carry. Those that make another letter stay: the
// vowel signs of a script, the voicing of kana.
func stripped(skeleton string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) && unicode.Is(unicode.Inherited, r) && r != '\u3099' && r != '\u309a' {
			return -1
		}
		return r
	}, norm.NFD.String(skeleton))
}

// bare leaves out what is no letter, mark or digit, but for one hyphen between digits, and but for
// the bar, which looks like a letter.
func bare(text string) string {
	var b strings.Builder
	before, between := false, false // a digit stood before; something since
	for _, r := range norm.NFKC.String(text) {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && r != '|' {
			between = true
			continue
		}
		digit := unicode.IsDigit(r)
		if before && between && digit {
			b.WriteByte('-')
		}
		before, between = digit, false
		b.WriteRune(r)
	}
	return b.String()
}
