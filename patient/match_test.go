package patient_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// details gives a person by names, birth date of any precision and gender.
func details(first, last, birth string, gender patient.Gender) patient.Details {
	d := patient.Details{FirstName: first, LastName: last, Gender: gender, BirthDatePrecision: patient.PrecisionDay}
	switch len(birth) {
	case len("2006"):
		birth, d.BirthDatePrecision = birth+"-01-01", patient.PrecisionYear
	case len("2006-01"):
		birth, d.BirthDatePrecision = birth+"-01", patient.PrecisionMonth
	case 0:
		return d
	}
	if err := d.BirthDate.UnmarshalText([]byte(birth)); err != nil {
		panic(err)
	}
	return d
}

// changedBy gives a person with something changed.
func changedBy(d patient.Details, change func(*patient.Details)) patient.Details {
	change(&d)
	return d
}

const female, male = patient.GenderFemale, patient.GenderMale

// Shape of the table below.
type likeCase struct {
	name  string
	a, b  patient.Details
	score int // 0: two people
}

func withPhone(d patient.Details, number string) patient.Details {
	d.PhoneNumber = number
	return d
}

// likeCases are pairs of people: each class of likeness, and what only looks like one.
func likeCases() []likeCase { return append(likeNames(), likeFacts()...) }

func like(first, last, birth string) patient.Details { return details(first, last, birth, female) }

func likeNames() []likeCase {
	known := like("Maria José", "García-López", "1980-05-07")
	return []likeCase{
		{"Same", known, known, 7},
		{"SamePhone", withPhone(known, "+254 700 000001"), withPhone(known, "+254700000001"), 8},
		{"CaseDiacriticsPunctuation", known, like("MARIA JOSE", "Garcia Lopez", "1980-05-07"), 7},
		{"GenderUnknown", known, details("Maria José", "García-López", "1980-05-07", patient.GenderUnknown), 7},
		{"OtherGender", known, details("Maria José", "García-López", "1980-05-07", male), 0},
		{"Swapped", known, like("García-López", "Maria José", "1980-05-07"), 6},
		{"WordsElsewhere", like("Wei Ming", "Tan", "1980-05-07"), like("Ming Tan", "Wei", "1980-05-07"), 6},
		{"WithoutTheLetter", like("Łucja", "Weiß", "1980-05-07"), like("Lucja", "Weiss", "1980-05-07"), 6},
		{"TwoLettersForOne", like("Jörga", "Müller", "1980-05-07"), like("Joerga", "Mueller", "1980-05-07"), 6},
		{"OneLetterInFamily", known, like("Maria José", "Garzía-López", "1980-05-07"), 5},
		{"MeierMeyer", like("Hanna", "Meier", "1980-05-07"), like("Hanna", "Meyer", "1980-05-07"), 5},
		{"ShortGiven", like("Jon", "Smith", "1980-05-07"), like("John", "Smith", "1980-05-07"), 5},
		{"OneLetterLessInGiven", known, like("Mara José", "García-López", "1980-05-07"), 5},
		{"NeighboursSwapped", known, like("Mraia José", "García-López", "1980-05-07"), 5},
		{"OneLetterInEach", known, like("Mara José", "Garzía-López", "1980-05-07"), 0},
		{"FirstGivenNameOnly", known, like("Maria", "García-López", "1980-05-07"), 5},
		{"Initial", known, like("M.", "García-López", "1980-05-07"), 5},
		{"OtherInitial", known, like("L.", "García-López", "1980-05-07"), 0},
		{"OtherGiven", known, like("Lucía", "García-López", "1980-05-07"), 0},
		{"OtherFamily", known, like("Maria José", "Fernández", "1980-05-07"), 0},
		{"NumberedPeople", like("Ada", "Patient 1", "1980-05-07"), like("Ada", "Patient 2", "1980-05-07"), 0},
		{"ShortNames", details("Jan", "Bos", "1980-05-07", male), details("Jon", "Bos", "1980-05-07", male), 0},
		{"Devanagari", like("हेमा", "शर्मा", "1980-05-07"), like("हुमा", "शर्मा", "1980-05-07"), 0},
		{"Thai", like("สุริยา", "ดี", "1980-05-07"), like("สิริยา", "ดี", "1980-05-07"), 5},
		{"Kana", like("ケン", "ナカジマ", "1980-05-07"), like("ケン", "ナカシマ", "1980-05-07"), 5},
		{"ShortKana", like("ユキ", "バンノ", "1980-05-07"), like("ユキ", "ハンノ", "1980-05-07"), 0},
		{"HanIsNoInitial", like("明", "王", "1980-05-07"), like("明月", "王", "1980-05-07"), 0},
	}
}

// likeFacts are about what is known besides the names.
func likeFacts() []likeCase {
	known := like("Maria José", "García-López", "1980-05-07")
	return []likeCase{
		{"DayAndMonthSwapped", known, like("Maria José", "García-López", "1980-07-05"), 5},
		{"YearKnown", known, like("Maria José", "García-López", "1980"), 5},
		{"MonthKnown", known, like("Maria José", "García-López", "1980-05"), 5},
		{"YearOfBoth", like("Maria", "López", "1980"), like("Maria", "López", "1980"), 6},
		{"MonthOfBoth", like("Maria", "López", "1980-05"), like("Maria", "López", "1980-05"), 6},
		{"OtherMonthKnown", known, like("Maria José", "García-López", "1980-06"), 0},
		{"OtherDay", known, like("Maria José", "García-López", "1980-05-08"), 0},
		{"OtherYear", known, like("Maria José", "García-López", "1981-05-07"), 0},
		{
			"OneDigitOfTheYear", withPhone(known, "+254 700 000001"),
			withPhone(like("Maria José", "García-López", "1990-05-07"), "+254 700 000001"), 6,
		},
		{
			"OneDigitOfTheYearOtherPhone", withPhone(known, "+254 700 000001"),
			withPhone(like("Maria José", "García-López", "1990-05-07"), "+254 700 000002"), 0,
		},
		{
			"TwoDigitsOfTheYear", withPhone(known, "+254 700 000001"),
			withPhone(like("Maria José", "García-López", "1991-05-07"), "+254 700 000001"), 0,
		},
		{"TwoDoubts", known, like("Maria", "García-López", "1980-07-05"), 0},
		{"BirthUnknown", known, like("Maria José", "García-López", ""), 0},
		{
			"BirthUnknownSamePhone", withPhone(known, "+254 700 000001"),
			withPhone(like("Maria José", "García-López", ""), "+254 700 000001"), 6,
		},
		{"OneName", like("", "Suharto", "1980-05-07"), like("", "SUHARTO", "1980-05-07"), 7},
		{"OneNameOneLetter", like("", "Suharto", "1980-05-07"), like("", "Soharto", "1980-05-07"), 5},
		{"OneNameAndTwo", like("", "Suharto", "1980-05-07"), like("Ani", "Suharto", "1980-05-07"), 0},
		{
			"OneNameAndTwoSamePhone", withPhone(like("", "Suharto", "1980-05-07"), "+254 700 000001"),
			withPhone(like("Ani", "Suharto", "1980-05-07"), "+254 700 000001"), 5,
		},
		{"OtherPhone", withPhone(known, "+254 700 000001"), withPhone(known, "+254 700 000002"), 6},
		{"PhoneOfOne", withPhone(known, "+254 700 000001"), known, 7},
		{
			"EmergencyPhone", withPhone(known, "+254 700 000001"),
			changedBy(known, func(d *patient.Details) { d.EmergencyContactPhone = "+254700000001" }), 8,
		},
		{
			"SecondPhone", changedBy(known, func(d *patient.Details) { d.SecondPhoneNumber = "+254700000001" }),
			withPhone(known, "+254700000001"), 8,
		},
		{"Twin", changedBy(known, isTwin), changedBy(like("Maria Josa", "García-López", "1980-05-07"), isTwin), 0},
		{"OneMarkedTwin", changedBy(known, isTwin), known, 6},
		{
			"Newborns", changedBy(like("Baby", "Okoth", "2020-05-07"), func(d *patient.Details) { d.Newborn = true }),
			changedBy(like("Baby", "Okoth", "2020-05-07"), func(d *patient.Details) { d.Newborn = true }), 0,
		},
	}
}

func isTwin(d *patient.Details) { d.MultipleBirth = true }

// scoreOf registers one and then the other, and tells how like the second was found.
func scoreOf(t *testing.T, env *dbtest.Env, first, second patient.Details) int {
	t.Helper()
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, patient.RegisterInput{Details: first})
	require.NoError(t, err)
	_, err = s.Register(env.Ctx, patient.RegisterInput{Details: second})
	if err == nil {
		return 0
	}
	var duplicate *patient.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.Equal(t, []hmstype.PatientID{p.ID}, duplicate.Candidates)
	require.Equal(t, duplicate.Scores[0] >= patient.CertainScore, duplicate.Certain)
	return duplicate.Scores[0]
}

// sealedEnv encrypts fields, so that all keys are keyed.
func sealedEnv(t *testing.T) *dbtest.Env {
	t.Helper()
	return dbtest.New(t)
}

// clearEnv has no key: fields and keys are in clear.
func clearEnv(t *testing.T) *dbtest.Env {
	t.Helper()
	env := dbtest.New(t)
	env.Base.Crypt = fieldcrypt.New(nil)
	env.Base.DB = dbx.NewHandle(env.DB, dbx.Options{Now: env.Clock.Now})
	return env
}

// The matcher says of two people the same, whoever came first.
func TestService_Register_Likeness(t *testing.T) {
	t.Parallel()
	for _, c := range likeCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for mode, newEnv := range map[string]func(*testing.T) *dbtest.Env{"sealed": sealedEnv, "clear": clearEnv} {
				require.Equal(t, c.score, scoreOf(t, newEnv(t), c.a, c.b), mode)
				require.Equal(t, c.score, scoreOf(t, newEnv(t), c.b, c.a), "%s: likeness is mutual", mode)
			}
		})
	}
}

// What the tables say of two people: equal names and a day are certain, names apart never are.
func TestService_Register_NamesInEveryScript(t *testing.T) {
	t.Parallel()
	for _, path := range nameTables {
		for _, c := range namesOf(t, path) {
			if c[0] == "find" {
				continue
			}
			family, given, _ := strings.Cut(c[3], "/")
			if c[0] == "differ" || c[0] == "same" {
				family, given, _ = strings.Cut(c[3], " ")
			}
			score := scoreOf(t, dbtest.New(t), details(c[2], c[1], "1980-05-17", female),
				details(given, family, "1980-05-17", female))
			switch c[0] {
			case "equal":
				require.GreaterOrEqual(t, score, patient.CertainScore, c)
			case "same":
				require.GreaterOrEqual(t, score, patient.ProbableScore, c)
			default:
				require.Less(t, score, patient.CertainScore, c)
			}
		}
	}
}

// No reason overrides what is certain; a probable one it does, and what tells two people apart makes it so.
func TestService_Register_NoReasonOverridesCertain(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.Identifiers = []patient.Identifier{{System: "urn:passport", Value: "A 1"}}
	first, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	again := person("LOVELACE")
	again.OverrideReason = "another person, passport seen"
	_, err = s.Register(env.Ctx, again)
	var duplicate *patient.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.True(t, duplicate.Certain)
	require.Equal(t, []int{7}, duplicate.Scores)
	require.ErrorContains(t, err, "a reason does not override")

	again.Identifiers = []patient.Identifier{{System: "urn:passport", Value: "A 2"}, {System: "urn:passport", Value: "a1"}}
	_, err = s.Register(env.Ctx, again)
	require.ErrorAs(t, err, &duplicate)
	require.True(t, duplicate.Certain, "one of the passports is his")
	again.Identifiers = again.Identifiers[:1]
	noReason := again
	noReason.OverrideReason = ""
	_, err = s.Register(env.Ctx, noReason)
	require.ErrorAs(t, err, &duplicate)
	require.False(t, duplicate.Certain, "the passports differ")
	require.Equal(t, []hmstype.PatientID{first.ID}, duplicate.Candidates)
	require.Equal(t, []int{6}, duplicate.Scores)
	_, err = s.Register(env.Ctx, again)
	require.NoError(t, err)
}

// A record that is changed is found and compared as it is now.
func TestService_Update_MakesKeysAnew(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Before"))
	require.NoError(t, err)
	in := patient.UpdateInput{ID: p.ID, Version: p.Version, Details: p.Details}
	in.LastName, in.OtherNames, in.SecondPhoneNumber = "After", "ラブレス", "+254 700 000001"
	_, err = s.Update(env.Ctx, in)
	require.NoError(t, err)
	_, err = s.Register(env.Ctx, person("After"))
	require.ErrorIs(t, err, patient.ErrDuplicate)
	_, err = s.Register(env.Ctx, person("Before"))
	require.NoError(t, err)
	for _, sought := range []patient.SearchInput{{Name: "らぶれす"}, {PhoneNumber: "00254700000001"}, {Name: "after ada"}} {
		list, err := s.Search(env.Ctx, sought)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, p.ID, list.Items[0].ID)
	}
}

// rounds is how often two desks register a pair at once: HMS_TEST_ROUNDS, such as 1000, or a few.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HMS_TEST_ROUNDS")
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// Two desks that register one person at once, in whatever spelling, register one patient.
func TestService_Register_TwoDesksOnePatient(t *testing.T) {
	t.Parallel()
	for _, c := range likeCases() {
		if c.score == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			s := patient.New(env.Base, patient.Ports{})
			for round := range rounds(t) {
				var made, refused int
				var mu sync.Mutex
				var wg sync.WaitGroup
				start := make(chan struct{})
				for _, d := range []patient.Details{c.a, c.b} {
					wg.Go(func() {
						in := patient.RegisterInput{Details: ofRound(d, round)}
						<-start
						_, err := s.Register(env.Ctx, in)
						mu.Lock()
						defer mu.Unlock()
						switch {
						case err == nil:
							made++
						case errors.Is(err, patient.ErrDuplicate):
							refused++
						default:
							t.Errorf("register: %v", err)
						}
					})
				}
				close(start)
				wg.Wait()
				require.Equal(t, []int{1, 1}, []int{made, refused}, "round %d", round)
			}
		})
	}
}

// ofRound makes people of one round like each other only: all of them get a word of the round's letters, twice
// each, behind the family name, and its telephone numbers.
func ofRound(d patient.Details, round int) patient.Details {
	var mark strings.Builder
	for _, digit := range strconv.Itoa(1000 + round) {
		mark.WriteString(strings.Repeat(string("bcdfghjklm"[digit-'0']), 2))
	}
	d.LastName += " " + mark.String()
	for _, number := range []*string{&d.PhoneNumber, &d.SecondPhoneNumber, &d.EmergencyContactPhone} {
		if *number != "" {
			digits := strings.ReplaceAll(*number, " ", "")
			*number = strings.Replace(digits, "+25470000", "+25471"+strconv.Itoa(1000 + round)[1:], 1)
		}
	}
	return d
}

// Many of one given name and birth date, all of whom the matcher compares.
func BenchmarkService_Register_OneBirthDate(b *testing.B) {
	env := dbtest.NewDurable(b)
	s := patient.New(env.Base, patient.Ports{})
	birth := hmstype.NewDate(1980, time.January, 1)
	for range 2183 {
		in := person("Bench " + strings.ToLower(hmstype.NewID[hmstype.PatientID]().String()[24:]))
		in.BirthDate = birth
		_, err := s.Register(env.Ctx, in)
		require.NoError(b, err)
	}
	for b.Loop() {
		in := person("Bench " + strings.ToLower(hmstype.NewID[hmstype.PatientID]().String()[24:]))
		in.BirthDate = birth
		_, err := s.Register(env.Ctx, in)
		require.NoError(b, err)
	}
}
