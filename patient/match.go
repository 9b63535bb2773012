package patient

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
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
	names, birth := nameLikeness(a, b), birthLikeness(a, b)
	if names == 0 || birth == 0 {
		return 0
	}
	if samePhone {
		return names + birth + 1
	}
	return names + birth
}

func nameLikeness(a, b Details) int {
	givenA, givenB := letters(a.FirstName), letters(b.FirstName)
	familyA, familyB := letters(a.LastName), letters(b.LastName)
	switch {
	case familyA == familyB && givenA == givenB:
		return 4
	case familyA == givenB && givenA == familyB:
		return 3
	case familyA == familyB && (nearlyEqual(givenA, givenB) || sharesFirstName(a.FirstName, b.FirstName)):
		return 2
	case givenA == givenB && nearlyEqual(familyA, familyB):
		return 2
	default:
		return 0
	}
}

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

// letters gives what is left of a name without case, diacritics, spaces and punctuation.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, names.Fold(name))
}

// sharesFirstName tells whether the first of several given names is the same, or the
// initial of the other.
func sharesFirstName(a, b string) bool {
	wordsA, wordsB := strings.Fields(names.Fold(a)), strings.Fields(names.Fold(b))
	if len(wordsA) == 0 || len(wordsB) == 0 {
		return false
	}
	x, y := letters(wordsA[0]), letters(wordsB[0])
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

// checkDuplicates makes desks take turns on (birth date, family name) and then looks for
// records that may be the same person's. Without a birth date or a given name too little is
// known to tell people apart.
func checkDuplicates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, in RegisterInput) error {
	if in.BirthDate.IsZero() || in.FirstName == "" {
		return nil
	}
	if err := db.LockName(ctx, registrationLock(in.Details)); err != nil {
		return err
	}
	candidates, err := findCandidates(ctx, db, keys, in.Details)
	if err != nil || len(candidates) == 0 {
		return err
	}
	if in.OverrideReason == "" {
		return &DuplicateError{Candidates: candidates}
	}
	overridden := make([]dbx.Access, len(candidates))
	for i, id := range candidates {
		overridden[i] = dbx.Access{Action: "duplicate_override", Entity: "patient", ID: id.String(), Patient: id}
	}
	return db.RecordAccess(ctx, overridden...)
}

// registrationLock names the turn; hashed, because locks outlive the use case and are nobody's
// record.
func registrationLock(d Details) string {
	sum := sha256.Sum256([]byte(d.BirthDate.String() + "/" + letters(d.LastName)))
	return "patient.register/" + hex.EncodeToString(sum[:16])
}

// findCandidates gives the patients who may be this person, the likeliest first.
func findCandidates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, d Details) ([]hmstype.PatientID, error) {
	phone, err := patientTexts.Token(keys, "phone_normalized", d.PhoneNumber)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[patientRow](ctx, db, dbx.OneOf("birth_date", likeBirthDates(d)),
		dbx.OneOf("status", []Status{StatusActive, StatusInactive}), dbx.OrderBy("p.id"))
	if err != nil {
		return nil, err
	}
	type candidate struct {
		id       hmstype.PatientID
		likeness int
	}
	var found []candidate
	for _, row := range rows {
		if n := likenessOf(d, row.Details, phone != "" && phone == row.PhoneNormalized); n >= matchThreshold {
			found = append(found, candidate{row.ID, n})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.likeness, a.likeness) })
	ids := make([]hmstype.PatientID, len(found))
	for i, c := range found {
		ids[i] = c.id
	}
	return ids, nil
}

// likeBirthDates gives the dates under which a person may have been registered: as given,
// with day and month swapped, and as the month or the year alone.
func likeBirthDates(d Details) []hmstype.Date {
	birth := d.BirthDate
	dates := []hmstype.Date{birth}
	if d.BirthDatePrecision == PrecisionYear {
		return dates
	}
	dates = append(dates, hmstype.NewDate(birth.Year(), time.January, 1), hmstype.NewDate(birth.Year(), birth.Month(), 1))
	if birth.Day() <= 12 {
		dates = append(dates, hmstype.NewDate(birth.Year(), time.Month(birth.Day()), int(birth.Month())))
	}
	return dates
}
