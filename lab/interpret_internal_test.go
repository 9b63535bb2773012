package lab

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

func d(text string) *decimal.Decimal {
	if text == "" {
		return nil
	}
	v := decimal.RequireFromString(text)
	return &v
}

func TestInterpret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                               string
		criticalLow, low, high, criticalHi string
		comparator                         Comparator
		number                             string
		flag                               Flag
		critical                           bool
	}{
		{"Normal", "2.5", "3.5", "5.1", "6.5", "", "4", "N", false},
		{"OnTheLowerLimit", "2.5", "3.5", "5.1", "6.5", "", "3.5", "N", false},
		{"OnTheUpperLimit", "2.5", "3.5", "5.1", "6.5", "", "5.10", "N", false},
		{"Low", "2.5", "3.5", "5.1", "6.5", "", "3.49", "L", false},
		{"High", "2.5", "3.5", "5.1", "6.5", "", "5.9", "H", false},
		{"OnTheCriticalLimit", "2.5", "3.5", "5.1", "6.5", "", "6.5", "H", false},
		{"CriticalHigh", "2.5", "3.5", "5.1", "6.5", "", "6.51", "HH", true},
		{"CriticalLow", "2.5", "3.5", "5.1", "6.5", "", "2.4999999999999999999", "LL", true},
		{"OnlyUpperCriticalBound", "", "", "", "6.5", "", "9.9", "HH", true},
		{"OnlyUpperCriticalBoundInside", "", "", "", "6.5", "", "4", "", false},
		{"OnlyLowerCriticalBound", "1", "", "", "", "", "0", "LL", true},
		{"OnlyHigh", "", "", "40", "", "", "0", "N", false},
		{"OnlyHighExceeded", "", "", "40", "", "", "40.1", "H", false},
		{"OnlyLow", "", "60", "", "", "", "59", "L", false},
		{"ZeroIsAValue", "", "1", "5", "", "", "0", "L", false},
		{"ZeroIsNormal", "", "0", "5", "", "", "0", "N", false},
		{"NegativeBaseExcess", "-10", "-2", "2", "10", "", "-2.1", "L", false},
		{"CensoredBelowNormal", "", "0", "10", "", "<", "5", "N", false},
		{"CensoredBelowWithoutLow", "", "", "10", "", "<", "5", "N", false},
		{"CensoredSurelyLow", "", "6", "10", "", "<", "5", "L", false},
		{"CensoredSurelyLowAtTheLimit", "", "5", "10", "", "<", "5", "L", false},
		{"CensoredMaybeLow", "", "3", "10", "", "<", "5", "", false},
		{"CensoredMaybeHigh", "", "", "3", "", "<", "5", "", false},
		{"CensoredAtMostOnTheLimit", "", "5", "10", "", "<=", "5", "", false},
		{"CensoredAboveIsHigh", "", "", "150", "", ">", "200", "H", false},
		{"CensoredAboveIsCritical", "", "", "150", "200", ">", "200", "HH", true},
		{"CensoredAboveMaybeCritical", "", "", "150", "300", ">", "200", "H", true},
		{"CensoredBelowMaybeCritical", "3", "8", "", "", "<", "5", "L", true},
		{"CensoredAboveMaybeNormal", "", "", "300", "", ">", "200", "", false},
		{"CensoredAboveOnlyLow", "", "60", "", "", ">", "90", "N", false},
		{"CensoredAtLeastOnTheLimit", "", "", "200", "", ">=", "200", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := interpret(tt.comparator, *d(tt.number), Bounds{
				Low: d(tt.low), High: d(tt.high), CriticalLow: d(tt.criticalLow), CriticalHigh: d(tt.criticalHi),
			})
			require.Equal(t, finding{tt.flag, tt.critical}, f)
		})
	}
}

// A censored value has a flag only if every value that it stands for has it.
func TestInterpret_CensoredAgreesWithEveryValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := func(name string) *decimal.Decimal {
			if rapid.Bool().Draw(t, name+" there") {
				v := decimal.NewFromInt(rapid.Int64Range(1, 100).Draw(t, name))
				return &v
			}
			return nil
		}
		b := Bounds{CriticalLow: limit("cl"), Low: limit("l"), High: limit("h"), CriticalHigh: limit("ch")}
		var v hmstype.Validator
		b.validate(&v)
		if v.Err() != nil {
			return
		}
		edge := decimal.NewFromInt(rapid.Int64Range(1, 100).Draw(t, "edge"))
		below := rapid.Bool().Draw(t, "below")
		comparator, inside := GreaterThan, edge.Add(decimal.New(rapid.Int64Range(1, 20000).Draw(t, "off"), -2))
		if below {
			comparator = LessThan
			inside = edge.Sub(decimal.New(rapid.Int64Range(1, edge.IntPart()*100).Draw(t, "off"), -2))
		}
		censored, exact := interpret(comparator, edge, b), interpret(Exactly, inside, b)
		if exact.critical && !censored.critical {
			t.Fatalf("a critical value hides behind %s%s of %s", comparator, edge, inside)
		}
		severe := map[Flag]Flag{FlagCriticalHigh: FlagHigh, FlagCriticalLow: FlagLow}
		same := censored.flag == exact.flag || censored.flag == severe[exact.flag]
		if censored.flag != FlagNone && !same {
			t.Fatalf("%s%s is %s, but %s is %s", comparator, edge, censored.flag, inside, exact.flag)
		}
	})
}

func TestChooseRange(t *testing.T) {
	t.Parallel()
	month3, month12, year18 := AgeMonths(3), AgeMonths(12), AgeYears(18)
	ranges := []rangeRow{
		{RangeDetails: RangeDetails{Sex: SexAny, AgeFrom: 0, AgeTo: &month3, Bounds: Bounds{High: d("1")}}},
		{RangeDetails: RangeDetails{Sex: SexAny, AgeFrom: month3, AgeTo: &month12, Bounds: Bounds{High: d("2")}}},
		{RangeDetails: RangeDetails{Sex: SexAny, AgeFrom: month12, AgeTo: nil, Bounds: Bounds{High: d("3")}}},
		{RangeDetails: RangeDetails{Sex: SexFemale, AgeFrom: year18, AgeTo: nil, Bounds: Bounds{High: d("4")}}},
		{RangeDetails: RangeDetails{Sex: SexMale, AgeFrom: year18, AgeTo: nil, Bounds: Bounds{High: d("5")}}},
	}
	for _, tt := range []struct {
		sex  Sex
		days int
		want string
	}{
		{SexMale, 0, "1"}, {SexMale, month3 - 1, "1"}, {SexMale, month3, "2"}, {"", month12 - 1, "2"}, {"", month12, "3"},
		{SexFemale, year18 - 1, "3"}, {SexFemale, year18, "4"}, {SexMale, year18, "5"}, {"", year18, "3"},
		{SexMale, 40000, "5"},
	} {
		got := chooseRange(ranges, tt.sex, ageSpan{tt.days, tt.days})
		require.NotNil(t, got)
		require.Equal(t, tt.want, got.High.String(), "%s at %d days", tt.sex, tt.days)
	}
	require.Nil(t, chooseRange(ranges, SexMale, unknownAge), "an unknown age fits no range of an age")
	require.NotNil(
		t, chooseRange([]rangeRow{{RangeDetails: RangeDetails{Sex: SexAny}}}, SexMale, unknownAge), "but one for all ages",
	)
	require.Nil(t, chooseRange(ranges[3:], "", ageSpan{10000, 10000}), "an unknown sex fits no range of a sex")
	require.Nil(t, chooseRange(ranges[1:2], SexMale, ageSpan{}))
}

func TestAgeAt(t *testing.T) {
	t.Parallel()
	day := hmstype.NewDate(2026, 3, 2)
	for _, tt := range []struct {
		birth     hmstype.Date
		precision patient.Precision
		want      ageSpan
		exact     bool
	}{
		{hmstype.NewDate(2026, 3, 2), patient.PrecisionDay, ageSpan{0, 0}, true},
		{hmstype.NewDate(2025, 3, 2), "", ageSpan{365, 365}, true},
		{hmstype.NewDate(2026, 2, 1), patient.PrecisionMonth, ageSpan{2, 29}, false},
		{hmstype.NewDate(2026, 3, 1), patient.PrecisionMonth, ageSpan{0, 1}, false},
		{hmstype.NewDate(2025, 1, 1), patient.PrecisionYear, ageSpan{61, 425}, false},
		{hmstype.Date{}, patient.PrecisionDay, unknownAge, false},
		{day.AddDays(1), patient.PrecisionDay, unknownAge, false},
	} {
		got := ageAt(tt.birth, tt.precision, day)
		require.Equal(t, tt.want, got, tt.birth.String())
		require.Equal(t, tt.exact, got.exact() != nil)
	}
	half := 180
	ranges := []rangeRow{{RangeDetails: RangeDetails{Sex: SexAny, AgeTo: &half}}, {
		RangeDetails: RangeDetails{Sex: SexAny, AgeFrom: half},
	}}
	require.Nil(t, chooseRange(ranges, SexMale, ageSpan{61, 425}), "on either side of the border nothing is said")
	require.NotNil(t, chooseRange(ranges, SexMale, ageSpan{200, 425}))
}

func TestAge(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{0, 30, 91, 365, 730}, []int{
		AgeMonths(0), AgeMonths(1), AgeMonths(3), AgeMonths(12), AgeMonths(24),
	})
	for _, n := range []int{0, 12, 24, 120, 600} {
		born := hmstype.NewDate(1900, 3, 1)
		for range 1500 {
			born = born.AddDays(29)
			calendar := born.DaysUntil(hmstype.NewDate(born.Year()+n/12, born.Month(), born.Day()))
			require.InDelta(t, calendar, AgeMonths(n), 1)
			require.LessOrEqual(t, AgeMonths(n), calendar, "never later than the birthday")
			require.Equal(t, AgeMonths(n), AgeYears(n/12))
		}
	}
}

func TestValue_Type(t *testing.T) {
	t.Parallel()
	require.Equal(t, ValueType(""), Value{}.Type())
	require.Equal(t, ValueType(""), Value{Number: "1", Text: "x"}.Type())
	require.Equal(t, ValueNumeric, Value{Number: "0"}.Type())
	require.Equal(t, ValueCoded, Value{Code: "x"}.Type())
	require.Equal(t, ValueText, Value{Text: "x"}.Type())
	require.Equal(t, ValueAbsent, Value{AbsentReason: "error"}.Type())
}

func TestValue_Validate(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"0", "-0", "1", "1.0", "-12.50", "0.00000000000000000001", "1e3", "1.5E-10",
		"12345678901234567890.12345678901234567890",
	} {
		require.NoError(t, Value{Number: good}.Validate(), good)
	}
	for _, bad := range []string{
		" 1", "1 ", "01", ".5", "5.", "+1", "1,5", "NaN", "Infinity", "1e999", "1e41", "0x10", "١", "1_000", "--1", "<5",
	} {
		require.ErrorIs(t, Value{Number: bad}.Validate(), hmstype.ErrInvalid, bad)
	}
	require.ErrorIs(t, Value{Text: "x", Comparator: LessThan}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, Value{Number: "1", Comparator: "~"}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, Value{Text: "  "}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, Value{AbsentReason: "lost"}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, Value{}.Validate(), hmstype.ErrInvalid)
}
