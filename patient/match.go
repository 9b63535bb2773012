package patient

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chelal/hms/internal/names"
)

// matchThreshold is the likeness from which two records may be one person's.
const matchThreshold = 5

// minEditLength keeps short names apart, of which many differ in one letter (Jan, Jon).
const minEditLength = 4

// likeness compares two people. From [matchThreshold] on they may be the same:
//
//	names   4 equal up to case, diacritics and punctuation; 3 given and family name swapped;
//	        2 one of the two equal and the other like it (one letter, an initial, a
//	          further given name)
//	birth   3 the same; 1 day and month swapped, or one of the two is known less exactly
//	phone   1 the same, where names and birth are alike
//
// Known genders that differ, and twins, whose given names differ, are never alike.
func likeness(a, b Details) int {
	phone := normalizePhone(a.PhoneNumber)
	return likenessOf(a, b, phone != "" && phone == normalizePhone(b.PhoneNumber))
}

// likenessOf is [likeness] for two of whom it is known whether their telephones are the
// same: stored numbers may be encrypted, and are then compared by their tokens.
func likenessOf(a, b Details, samePhone bool) int {
	if a.Gender != b.Gender && a.Gender != GenderUnknown && b.Gender != GenderUnknown {
		return 0
	}
	name, birth := nameLikeness(a, b), birthLikeness(a, b)
	if name == 0 || birth == 0 {
		return 0
	}
	if samePhone {
		return name + birth + 1
	}
	return name + birth
}

func nameLikeness(a, b Details) int {
	givenA, givenB := names.Same(a.FirstName), names.Same(b.FirstName)
	familyA, familyB := names.Same(a.LastName), names.Same(b.LastName)
	switch {
	case familyA == familyB && givenA == givenB:
		return 4
	case familyA == givenB && givenA == familyB:
		return 3
	case found(a.LastName) == found(b.LastName) && found(a.FirstName) == found(b.FirstName):
		return 3
	case familyA == familyB && (nearlyEqual(givenA, givenB) || sharesFirstName(a.FirstName, b.FirstName)):
		return 2
	case givenA == givenB && nearlyEqual(familyA, familyB):
		return 2
	default:
		return 0
	}
}

// found gives the form in which a name is found, without space and punctuation.
func found(name string) string { return names.Same(names.Fold(name)) }

func birthLikeness(a, b Details) int {
	x, y := a.BirthDate, b.BirthDate
	precisionA, precisionB := cmp.Or(a.BirthDatePrecision, PrecisionDay), cmp.Or(b.BirthDatePrecision, PrecisionDay)
	switch {
	case x.IsZero() || y.IsZero():
		return 0
	case precisionA == precisionB && x == y:
		return 3
	case precisionA == PrecisionDay && precisionB == PrecisionDay:
		if x.Year() == y.Year() && int(x.Month()) == y.Day() && x.Day() == int(y.Month()) {
			return 1
		}
		return 0
	case precisionA == PrecisionYear || precisionB == PrecisionYear:
		return alike(x.Year() == y.Year())
	default:
		return alike(x.Year() == y.Year() && x.Month() == y.Month())
	}
}

func alike(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// sharesFirstName tells whether the first of several given names is the same, or the
// initial of the other.
func sharesFirstName(a, b string) bool {
	wordsA, wordsB := strings.Fields(names.Fold(a)), strings.Fields(names.Fold(b))
	if len(wordsA) == 0 || len(wordsB) == 0 {
		return false
	}
	x, y := names.Same(wordsA[0]), names.Same(wordsB[0])
	if utf8.RuneCountInString(x) > utf8.RuneCountInString(y) {
		x, y = y, x
	}
	return x != "" && (x == y || utf8.RuneCountInString(x) == 1 && strings.HasPrefix(y, x))
}

// nearlyEqual tells whether one letter was added, left out, mistaken or swapped with its
// neighbour. Digits in a name number people (Cormier289, Patient 2): there a difference is
// no slip.
func nearlyEqual(a, b string) bool {
	if strings.ContainsFunc(a+b, unicode.IsDigit) {
		return false
	}
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) < minEditLength || len(y)-len(x) > 1 {
		return false
	}
	start := 0
	for start < len(x) && x[start] == y[start] {
		start++
	}
	restX, restY := x[start:], y[start:]
	if len(x) < len(y) {
		return slices.Equal(restX, restY[1:])
	}
	if len(restX) == 0 || slices.Equal(restX[1:], restY[1:]) {
		return true
	}
	return len(restX) >= 2 && restX[0] == restY[1] && restX[1] == restY[0] && slices.Equal(restX[2:], restY[2:])
}
