package lab_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

func TestService_EnterResult_KeepsTheText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.numericTest(t, "X", "mg/dL"), b.adult(t)
	for _, text := range []string{
		"1.0", "1", "0", "-0.0", "0.00000000000000000001", "12345678901234567890.12345678901234567890", "1e3", "1.50E-2",
		"99999999999999999999",
	} {
		order := b.drawn(t, who, test)
		b.enter(t, test, order.Items[0], number(text))
		history, err := b.lab.ListResultHistory(b.doctor, lab.ListResultHistoryInput{
			Patient: who, Analyte: test.Analytes[0].ID, Page: hmstype.Page{Limit: 1},
		})
		require.NoError(t, err)
		require.Equal(t, text, history.Items[0].Value.Number)
		require.True(
			t,
			dbtest.Scalar[bool](
				t, b.Env, `SELECT value_number = ?::numeric FROM hms.lab_result WHERE id = ?`, text, history.Items[0].ID,
			),
		)
		require.Equal(t, lab.FlagNone, history.Items[0].Flag, "no range, no flag: never normal")
		b.Clock.Advance(time.Second)
	}
}

func TestService_EnterResult_Censored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.numericTest(t, "CRP", "mg/L")
	b.forAll(t, test, bounds("", "0", "10", "200"))
	for value, flag := range map[lab.Value]lab.Flag{
		{Comparator: lab.LessThan, Number: "5"}:      lab.FlagNormal,
		{Comparator: lab.GreaterThan, Number: "200"}: lab.FlagCriticalHigh,
		{Number: "0"}: lab.FlagNormal,
	} {
		order := b.drawn(t, b.adult(t), test)
		out := b.enter(t, test, order.Items[0], value)
		require.Equal(t, flag, out.Results[0].Flag)
		require.Equal(t, value, out.Results[0].Value)
	}
	require.Len(t, b.alerts(t), 1)
}

func TestService_EnterResult_RangeOfTheDayOfCollection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.numericTest(t, "WBC", "10*3/uL")
	analyte := test.Analytes[0].ID
	three, six := lab.AgeMonths(3), lab.AgeMonths(6)
	add := func(sex lab.Sex, from int, to *int, high string) lab.ReferenceRange {
		r, err := b.lab.AddReferenceRange(b.senior, lab.AddReferenceRangeInput{
			RangeDetails: lab.RangeDetails{
				Analyte: analyte, Sex: sex, AgeFrom: from, AgeTo: to, ValidFrom: hmstype.NewDate(2020, time.January, 1),
				Bounds: bounds("", "", high, ""),
			},
		})
		require.NoError(t, err)
		return r
	}
	newborn := add(lab.SexAny, 0, &three, "25")
	infant := add(lab.SexAny, three, &six, "15")
	boy := add(lab.SexMale, three, &six, "14")
	today := hmstype.DateOf(b.Clock.Now(), time.UTC)
	for _, tt := range []struct {
		name   string
		days   int
		gender patient.Gender
		want   hmstype.ReferenceRangeID
	}{
		{"LastDayOfNewborn", three - 1, patient.GenderMale, newborn.ID},
		{"FirstDayOfInfantGirl", three, patient.GenderFemale, infant.ID},
		{"FirstDayOfInfantBoy", three, patient.GenderMale, boy.ID},
		{"OtherGenderTakesAny", three, patient.GenderOther, infant.ID},
		{"LastDayOfInfant", six - 1, patient.GenderFemale, infant.ID},
		{"NoMatchNoFlag", six, patient.GenderFemale, hmstype.ReferenceRangeID{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			who := b.born(t, today.AddDays(-tt.days), tt.gender)
			order := b.drawn(t, who, test)
			out := b.enter(t, test, order.Items[0], number("14.5"))
			require.Equal(t, tt.want, out.Results[0].Range)
			require.Equal(t, tt.days, *out.Results[0].AgeDays)
			if tt.want.IsZero() {
				require.Equal(t, lab.FlagNone, out.Results[0].Flag)
			}
			if tt.want == boy.ID {
				require.Equal(t, lab.FlagHigh, out.Results[0].Flag)
			}
		})
	}

	t.Run("TheDrawCountsNotTheBench", func(t *testing.T) {
		b := setup(t)
		test := b.numericTest(t, "WBC", "10*3/uL")
		yesterday := hmstype.DateOf(b.Clock.Now(), time.UTC).AddDays(-1)
		ends := yesterday.AddDays(1)
		for _, in := range []lab.AddReferenceRangeInput{
			{
				RangeDetails: lab.RangeDetails{
					ValidFrom: hmstype.NewDate(2020, 1, 1), ValidTo: ends, Bounds: bounds("", "", "10", ""),
				},
			},
			{RangeDetails: lab.RangeDetails{ValidFrom: ends, Bounds: bounds("", "", "20", "")}},
		} {
			in.Analyte, in.Sex = test.Analytes[0].ID, lab.SexAny
			_, err := b.lab.AddReferenceRange(b.senior, in)
			require.NoError(t, err)
		}
		order := b.order(t, b.adult(t), test)
		_, err := b.lab.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
			Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
			CollectedAt: b.Clock.Now().AddDate(0, 0, -1),
		})
		require.NoError(t, err)
		out := b.enter(t, test, b.reload(t, order).Items[0], number("15"))
		require.Equal(t, lab.FlagHigh, out.Results[0].Flag, "yesterday's range")
		require.Equal(t, "10", out.Results[0].High.String(), "the range is kept with the result")
	})
}

func TestService_EnterResult_MergedPatientIsNotMadeToWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	_, err := b.DB.NewRaw(`UPDATE hms.patient SET status = 'inactive' WHERE id = ?`, order.Patient).Exec(t.Context())
	require.NoError(t, err)
	out := b.enter(t, test, order.Items[0], number("9.9"))
	require.Equal(t, lab.FlagCriticalHigh, out.Results[0].Flag)
	require.Equal(t, lab.SexFemale, out.Results[0].Sex)
}

func TestService_EnterResult_Coded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, err := b.lab.CreateTest(b.senior, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "MAL", Name: "Malaria", SpecimenType: "blood", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: "FILM", Name: "Film", ValueType: lab.ValueCoded}, Answers: []lab.Answer{
				{Code: "NEG", Display: "Negative", Flag: lab.FlagNormal}, {Code: "PV", Display: "P. vivax", Flag: lab.FlagAbnormal},
				{Code: "PF", Display: "P. falciparum", Flag: lab.FlagCritical},
			}},
			{AnalyteDetails: lab.AnalyteDetails{Code: "REM", Name: "Remark", ValueType: lab.ValueText}},
		},
	})
	require.NoError(t, err)
	film, remark := test.Analytes[0].ID, test.Analytes[1].ID
	order := b.drawn(t, b.adult(t), test)
	enter := func(item lab.Item, values ...lab.EnteredValue) (lab.ItemResult, error) {
		return b.lab.EnterResult(b.tech, lab.EnterResultInput{ItemRef: ref(item), Values: values})
	}
	item := order.Items[0]
	_, err = enter(item, lab.EnteredValue{Analyte: film, Value: lab.Value{Code: "PO"}})
	require.Equal(t, "values[0].value.code", hmstype.Fields(err)[0].Path)
	_, err = enter(item, lab.EnteredValue{Analyte: film, Value: lab.Value{Text: "PF"}})
	require.Equal(t, "values[0].value", hmstype.Fields(err)[0].Path)

	out, err := enter(item, lab.EnteredValue{Analyte: film, Value: lab.Value{Code: "PV"}})
	require.NoError(t, err)
	require.Equal(t, lab.FlagAbnormal, out.Results[0].Flag)
	require.Equal(t, "P. vivax", out.Results[0].Display)
	_, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true})
	require.ErrorIs(t, err, lab.ErrIncomplete)

	out, err = enter(out.Item, lab.EnteredValue{Analyte: film, Value: lab.Value{Code: "PF"}, Comment: "2 %"},
		lab.EnteredValue{Analyte: remark, Value: lab.Value{AbsentReason: "not-performed"}})
	require.NoError(t, err)
	require.Equal(t, lab.FlagCritical, out.Results[0].Flag)
	require.EqualValues(t, 2, out.Results[0].Version)
	require.Len(t, b.alerts(t), 1)
	out = b.verify(t, out.Item)
	require.Equal(t, lab.ResultFinal, out.Results[1].Status)
	require.Equal(t, "not-performed", out.Results[1].Value.AbsentReason)
}

func TestService_EnterResult_States(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.order(t, b.adult(t), test)
	in := lab.EnterResultInput{
		ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: number("4")}},
	}
	_, err := b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "without a specimen there is nothing to measure")
	_, err = b.lab.EnterResult(b.As(t, identity.RolePharmacist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	b.collect(t, order)
	in.ItemRef = ref(b.reload(t, order).Items[0])
	in.IdempotencyKey = "once"
	out, err := b.lab.EnterResult(b.tech, in)
	require.NoError(t, err)
	again, err := b.lab.EnterResult(b.tech, in)
	require.NoError(t, err)
	require.Equal(t, out.Results[0].ID, again.Results[0].ID)
	require.Equal(t, out, again)
	out = b.verify(t, out.Item)
	in.ItemRef, in.IdempotencyKey = ref(out.Item), ""
	_, err = b.lab.EnterResult(b.tech, in)
	require.ErrorIs(t, err, lab.ErrOrderNotActive)
}

func TestService_EnterResult_ConcurrentTechnicians(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	other := b.As(t, identity.RoleLabTechnician)
	outcome := together(64, func(i int) error {
		ctx, value := b.tech, "9.9"
		if i%2 == 1 {
			ctx, value = other, "9.8"
		}
		_, err := b.lab.EnterResult(ctx, lab.EnterResultInput{ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{
			{Analyte: test.Analytes[0].ID, Value: number(value)},
		}})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindStale: 63}, outcome)
	require.Len(t, b.alerts(t), 1)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.lab_result WHERE tenant_id = ?`, b.Tenant))
}

func TestService_VerifyResult(t *testing.T) {
	t.Parallel()

	t.Run("CompletesTheOrderWithItsLastItem", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		k, na := b.potassium(t), b.numericTest(t, "NA", "mmol/L")
		order := b.drawn(t, b.adult(t), k, na)
		for i, item := range order.Items {
			test := k
			if item.Test == na.ID {
				test = na
			}
			require.Equal(t, lab.OrderActive, b.reload(t, order).Status)
			b.Clock.Advance(time.Minute)
			out := b.verify(t, b.enter(t, test, item, number("4")).Item)
			require.Equal(t, lab.ItemFinal, out.Item.Status)
			require.Equal(t, b.Clock.Now(), out.Item.ResultDate)
			require.Equal(t, b.by(b.senior), out.Results[0].VerifiedBy)
			require.Equal(t, b.by(b.senior), out.Item.VerifiedBy)
			require.EqualValues(t, 2, out.Results[0].Version)
			require.Equal(t, i+1, b.events(t, "lab.verified"))
			require.Equal(t, i+1, b.events(t, "lab.released"))
		}
		require.Equal(t, lab.OrderCompleted, b.reload(t, order).Status)
	})

	t.Run("SecondPerson", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		test := b.potassium(t)
		admin := b.As(t, identity.RoleAdmin)
		order := b.drawn(t, b.adult(t), test)
		out, err := b.lab.EnterResult(admin, lab.EnterResultInput{ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{
			{Analyte: test.Analytes[0].ID, Value: number("4")},
		}})
		require.NoError(t, err)
		in := lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true}
		_, err = b.lab.VerifyResult(admin, in)
		require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
		require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
			WHERE tenant_id = ? AND action = 'denied'
			AND entity = 'separation_of_duties'`, b.Tenant), "the refusal is on record")
		_, err = b.lab.VerifyResult(b.doctor, in)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		out, err = b.lab.VerifyResult(b.senior, in)
		require.NoError(t, err)
		correct := lab.CorrectResultInput{
			ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number("5"), Reason: "typing error",
		}
		_, err = b.lab.CorrectResult(admin, correct)
		require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
		_, err = b.lab.CorrectResult(b.senior, correct)
		require.NoError(t, err)
	})
}

// Whoever verifies last completes the order, whichever of the two that is.
func TestService_VerifyResult_ConcurrentLastItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tests []lab.Test
	for i := range 16 {
		tests = append(tests, b.numericTest(t, "T"+itoa(i), ""))
	}
	byID := map[hmstype.LabTestID]lab.Test{}
	for _, test := range tests {
		byID[test.ID] = test
	}
	order := b.drawn(t, b.adult(t), tests...)
	items := make([]lab.Item, len(order.Items))
	for i, item := range order.Items {
		items[i] = b.enter(t, byID[item.Test], item, number("1")).Item
	}
	outcome := together(len(items), func(i int) error {
		_, err := b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(items[i]), Release: true})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 16}, outcome)
	require.Equal(t, lab.OrderCompleted, b.reload(t, order).Status)
	require.Equal(t, 1, b.events(t, "lab.order_completed"))
}

func TestService_CorrectResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order, out := b.final(t, test, b.adult(t), number("4"))
	item, err := b.lab.ReviewResult(b.doctor, lab.ReviewResultInput{ItemRef: ref(out.Item)})
	require.NoError(t, err)
	require.Equal(t, b.by(b.doctor), item.ReviewedBy)
	_, err = b.lab.ReviewResult(b.Ctx, lab.ReviewResultInput{ItemRef: ref(item)})
	require.ErrorIs(t, err, lab.ErrPersonRequired)

	in := lab.CorrectResultInput{ItemRef: ref(item), Analyte: test.Analytes[0].ID, Value: number("4"), Reason: "x"}
	_, err = b.lab.CorrectResult(b.senior, in)
	require.ErrorIs(t, err, lab.ErrNoChange)
	in.Comment = "slightly haemolysed"
	out, err = b.lab.CorrectResult(b.senior, in)
	require.NoError(t, err)
	require.Equal(t, lab.ResultAmended, out.Results[0].Status)
	require.Equal(t, lab.ItemAmended, out.Item.Status)
	require.Zero(t, out.Item.ReviewedBy, "it must be read again")

	in.ItemRef, in.Value, in.Reason = ref(out.Item), number("4.0"), "one more digit was measured"
	out, err = b.lab.CorrectResult(b.senior, in)
	require.NoError(t, err)
	require.Equal(t, lab.ResultCorrected, out.Results[0].Status, "4.0 says more than 4")
	require.Equal(t, 2, b.events(t, "lab.corrected"))

	report, err := b.lab.GetReport(b.doctor, order.ID)
	require.NoError(t, err)
	var versions []string
	for i, r := range report.Items[0].Results {
		versions = append(versions, string(r.Status)+" "+r.Value.Number)
		if i > 0 {
			require.Equal(t, report.Items[0].Results[i-1].ID, r.Supersedes)
		}
	}
	require.Equal(t, []string{"preliminary 4", "final 4", "amended 4", "corrected 4.0"}, versions, "the report shows all")
	_, err = b.lab.CorrectResult(b.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "who ordered does not write the laboratory's values")
	in.Reason = ""
	_, err = b.lab.CorrectResult(b.senior, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid)

	preliminary := b.drawn(t, b.adult(t), test)
	entered := b.enter(t, test, preliminary.Items[0], number("4"))
	in = lab.CorrectResultInput{ItemRef: ref(entered.Item), Analyte: test.Analytes[0].ID, Value: number("5"), Reason: "x"}
	_, err = b.lab.CorrectResult(b.senior, in)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "what is not final is entered anew")
}

func TestService_CorrectResult_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	_, out := b.final(t, test, b.adult(t), number("4"))
	var mu sync.Mutex
	var winner string
	outcome := together(32, func(i int) error {
		value := "5." + itoa(i)
		_, err := b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
			ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number(value), Reason: "race",
		})
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			winner = value
		}
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindStale: 31}, outcome)
	history, err := b.lab.ListResultHistory(b.doctor, lab.ListResultHistoryInput{Patient: out.Item.Patient})
	require.NoError(t, err)
	require.Len(t, history.Items, 1)
	require.Equal(t, winner, history.Items[0].Value.Number)
}
