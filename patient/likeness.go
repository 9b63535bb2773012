package patient

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// Names that are shorter differ in one letter from many: Jan, Jon. One letter more or less tells less apart: Jon, John.
const (
	minEditLength    = 4
	minShorterLength = 3
)

// likeness is what of a person's names the matcher compares, each form as a hash, so that it may be stored where
// fields are encrypted. In SQL: findCandidates.
type likeness struct {
	IsKeyed    bool
	SameNames  int64
	WholeNames []int64 `bun:",array"`
	Family     []int64 `bun:",array"`
	Given      []int64 `bun:",array"`
	NearFamily []int64 `bun:",array"`
	NearGiven  []int64 `bun:",array"`
	FirstGiven int64
	Initial    int64
}

// hasher hashes forms of names; the first error stays.
type hasher struct {
	keys fieldcrypt.Keys
	err  error
}

// nameField is under which field the forms are hashed.
const nameField fieldcrypt.Field = "patient.names"

// of gives the hash of a form of a kind, never 0, which stands for none.
func (h *hasher) of(kind, form string) int64 {
	sum := h.sum(kind, form)
	return int64(binary.BigEndian.Uint64(sum[:])) | 1
}

// key gives the hash of a form of a kind as a text.
func (h *hasher) key(kind, form string) string {
	sum := h.sum(kind, form)
	return hex.EncodeToString(sum[:8])
}

func (h *hasher) sum(kind, form string) [sha256.Size]byte {
	token, err := h.keys.Index(nameField, kind+"/"+form)
	if err != nil && h.err == nil {
		h.err = err
	}
	return sha256.Sum256([]byte(token))
}

func (h *hasher) all(kind string, forms ...string) []int64 {
	list := make([]int64, 0, len(forms))
	for _, form := range forms {
		list = append(list, h.of(kind, form))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (h *hasher) likeness(d Details) likeness {
	families, givens := written(d.LastName), written(d.FirstName)
	l := likeness{
		IsKeyed:   h.keys.On(),
		SameNames: h.of("same", names.Same(d.LastName)+"/"+names.Same(d.FirstName)),
		Family:    h.all("family", families...), Given: h.all("given", givens...),
		NearFamily: h.all("near family", near(families)...), NearGiven: h.all("near given", near(givens)...),
		WholeNames: h.all("whole", wholes(d)...),
	}
	if words := strings.Fields(names.Fold(d.FirstName)); len(words) > 0 {
		if first := names.Same(words[0]); first != "" {
			l.FirstGiven = h.of("first", first)
			l.Initial = h.of("first", initial(first))
		}
	}
	return l
}

// written gives the spellings of a name without space and punctuation.
func written(name string) []string {
	forms := names.Spellings(name)
	for i := range forms {
		forms[i] = names.Same(forms[i])
	}
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(form string) bool { return form == "" })
}

// wholes gives both names in forms that do not tell which is which: as their words, and as the two names, in every
// spelling, sorted: "Tan, Wei Ming" is "Ming, Wei Tan", and "O'Neill, Sean" is "Sean, Oneill".
func wholes(d Details) []string {
	var forms []string
	for _, spelling := range names.Spellings(d.LastName + "\n" + d.FirstName) {
		family, given, _ := strings.Cut(spelling, "\n")
		words := strings.FieldsFunc(spelling, func(r rune) bool { return names.Same(string(r)) == "" })
		parts := []string{names.Same(family), names.Same(given)}
		for _, list := range [][]string{words, parts} {
			slices.Sort(list)
			forms = append(forms, strings.TrimSpace(strings.Join(list, " ")))
		}
	}
	return forms
}

// initial gives the first letter of a word of an alphabet; a sign of Han, Hangul or kana is no initial.
func initial(word string) string {
	first, _ := utf8.DecodeRuneInString(word)
	if unicode.In(first, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) {
		return word
	}
	return string(first)
}

// near gives forms of which two names have one in common exactly where one letter was added, left out, mistaken or
// swapped with its neighbour, or none. Digits in a name number people (Cormier289, Patient 2): there a difference is
// no slip.
func near(spellings []string) []string {
	var forms []string
	for _, word := range spellings {
		length := names.Letters(word)
		if length < minShorterLength || strings.ContainsFunc(word, unicode.IsDigit) {
			continue
		}
		runes := []rune(word)
		for i := range len(runes) + 1 { // a letter that is missing here
			forms = append(forms, fmt.Sprintf("%d:%s", i, word))
		}
		if length < minEditLength {
			continue
		}
		for i, r := range runes { // without this letter: one too many, or another
			forms = append(forms, fmt.Sprintf("%d:%s%s", i, string(runes[:i]), string(runes[i+1:])))
			if i > 0 {
				first, second := min(runes[i-1], r), max(runes[i-1], r)
				forms = append(forms, fmt.Sprintf("%d~%s%c%c%s", i, string(runes[:i-1]), first, second, string(runes[i+1:])))
			}
		}
	}
	return forms
}

// matchKeys gives the keys of which two people whom the matcher may take for one have one in common: the year of
// birth with any name that is the same in both, and each telephone number with both names.
func (h *hasher) matchKeys(d Details, l likeness, phones []string) (match, number []string) {
	if !d.BirthDate.IsZero() {
		parts := slices.Concat(l.WholeNames, l.Family, l.Given)
		if len(l.Given) == 0 { // nothing but the name itself can be the same
			parts = append(parts, l.NearFamily...)
		}
		for _, part := range parts {
			match = append(match, h.key("match", fmt.Sprint(d.BirthDate.Year(), part)))
		}
	}
	for _, phone := range phones {
		for _, whole := range l.WholeNames {
			number = append(number, h.key("number", fmt.Sprint(phone, whole)))
		}
	}
	slices.Sort(match)
	slices.Sort(number)
	return slices.Compact(match), slices.Compact(number)
}
