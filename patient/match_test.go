package patient

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
)

func details(first, last, birth string, gender Gender) Details {
	d := Details{FirstName: first, LastName: last, Gender: gender, BirthDatePrecision: PrecisionDay}
	switch len(birth) {
	case len("2006"):
		birth, d.BirthDatePrecision = birth+"-01-01", PrecisionYear
	case len("2006-01"):
		birth, d.BirthDatePrecision = birth+"-01", PrecisionMonth
	}
	if err := d.BirthDate.UnmarshalText([]byte(birth)); err != nil {
		panic(err)
	}
	return d
}

func TestLikeness(t *testing.T) {
	t.Parallel()
	known := details("Maria José", "García-López", "1980-05-07", GenderFemale)
	tests := []struct {
		name string
		in   Details
		same bool
	}{
		{"Same", known, true},
		{"CaseDiacriticsPunctuation", details("MARIA JOSE", "Garcia Lopez", "1980-05-07", GenderFemale), true},
		{"GenderUnknown", details("Maria José", "García-López", "1980-05-07", GenderUnknown), true},
		{"OtherGender", details("Maria José", "García-López", "1980-05-07", GenderMale), false},
		{"Swapped", details("García-López", "Maria José", "1980-05-07", GenderFemale), true},
		{"OneLetterInFamily", details("Maria José", "Garzía-López", "1980-05-07", GenderFemale), true},
		{"OneLetterLessInGiven", details("Mara José", "García-López", "1980-05-07", GenderFemale), true},
		{"NeighboursSwapped", details("Mraia José", "García-López", "1980-05-07", GenderFemale), true},
		{"FirstGivenNameOnly", details("Maria", "García-López", "1980-05-07", GenderFemale), true},
		{"Initial", details("M.", "García-López", "1980-05-07", GenderFemale), true},
		{"Twin", details("Lucía", "García-López", "1980-05-07", GenderFemale), false},
		{"OtherFamily", details("Maria José", "Fernández", "1980-05-07", GenderFemale), false},
		{"DayAndMonthSwapped", details("Maria José", "García-López", "1980-07-05", GenderFemale), true},
		{"YearKnown", details("Maria José", "García-López", "1980", GenderFemale), true},
		{"MonthKnown", details("Maria José", "García-López", "1980-05", GenderFemale), true},
		{"OtherMonthKnown", details("Maria José", "García-López", "1980-06", GenderFemale), false},
		{"OtherDay", details("Maria José", "García-López", "1980-05-08", GenderFemale), false},
		{"TwoDoubts", details("Maria", "García-López", "1980-07-05", GenderFemale), false},
		{"BirthUnknown", Details{FirstName: "Maria José", LastName: "García-López", Gender: GenderFemale}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.same, likeness(known, tt.in) >= matchThreshold)
			require.Equal(t, likeness(known, tt.in), likeness(tt.in, known), "likeness is mutual")
		})
	}
	require.Zero(
		t,
		likeness(
			details("Ada", "Patient 1", "1980-05-07", GenderFemale), details("Ada", "Patient 2", "1980-05-07", GenderFemale),
		),
	)
	require.Zero(
		t, likeness(details("Jan", "Bos", "1980-05-07", GenderMale), details("Jon", "Bos", "1980-05-07", GenderMale)),
	)
}

// Every slip of one letter is found, and every date under which the matcher would accept
// a person is a date that the search for candidates looks up.
func TestNearlyEqual_FindsEverySlip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.RuneFrom([]rune("abcdéжß")), 5, 12).Draw(t, "word")
		at := rapid.IntRange(0, len(word)-2).Draw(t, "at")
		other := slices.Clone(word)
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0:
			other[at] = 'z'
		case 1:
			other = slices.Delete(other, at, at+1)
		case 2:
			other = slices.Insert(other, at, 'z')
		default:
			other[at], other[at+1] = other[at+1], other[at]
		}
		if !nearlyEqual(string(word), string(other)) || !nearlyEqual(string(other), string(word)) {
			t.Fatalf("%q and %q", string(word), string(other))
		}
	})
	require.False(t, nearlyEqual("abcdef", "azcdez"))
	require.False(t, nearlyEqual("abcdef", "abcdefgh"))
}

func TestLikeBirthDates_HoldEveryLikeDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := Details{BirthDate: hmstype.NewDate(1980, 1, 1).AddDays(rapid.IntRange(0, 365).Draw(t, "day"))}
		stored := Details{BirthDate: hmstype.NewDate(1980, 1, 1).AddDays(rapid.IntRange(0, 365).Draw(t, "other"))}
		switch rapid.IntRange(0, 2).Draw(t, "precision") {
		case 1:
			stored.BirthDatePrecision = PrecisionMonth
			stored.BirthDate = hmstype.NewDate(1980, stored.BirthDate.Month(), 1)
		case 2:
			stored.BirthDatePrecision, stored.BirthDate = PrecisionYear, hmstype.NewDate(1980, 1, 1)
		}
		if birthLikeness(in, stored) > 0 && !slices.Contains(likeBirthDates(in), stored.BirthDate) {
			t.Fatalf("%v is not sought for %v", stored, in)
		}
	})
}

func TestNormalizePhone(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"+254 700 123-456", "00254700123456", "(254) 700.123.456", "＋２５４７００１２３４５６"} {
		require.Equal(t, "254700123456", normalizePhone(number))
	}
	require.Empty(t, normalizePhone("none"))
}
