package lab_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
)

func TestService_CreateTest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	two := int64(2)
	in := lab.CreateTestInput{
		TestDetails: lab.TestDetails{
			Code: "HBV", LOINC: "24362-6", Name: "Hepatitis B", Category: "serology", SpecimenType: "serum",
			TurnaroundMinutes: 240,
		},
		Analytes: []lab.AnalyteInput{
			{
				AnalyteDetails: lab.AnalyteDetails{
					Code: "IDX", LOINC: "5193-8", Name: "Index", ValueType: lab.ValueNumeric, Unit: "10*3/uL", Precision: &two,
				},
			},
			{AnalyteDetails: lab.AnalyteDetails{
				Code: "SAG", Name: "Surface antigen", ValueType: lab.ValueCoded,
			}, Answers: []lab.Answer{
				{Code: "NEG", Display: "Negative", Flag: lab.FlagNormal},
				{Code: "POS", Display: "Positive", Flag: lab.FlagAbnormal},
			}},
			{AnalyteDetails: lab.AnalyteDetails{Code: "REM", Name: "Remark", ValueType: lab.ValueText}},
		},
	}
	test, err := b.lab.CreateTest(b.senior, in)
	require.NoError(t, err)
	require.True(t, test.Active)
	require.Len(t, test.Analytes, 3)
	require.Equal(t, in.Analytes[1].Answers, test.Analytes[1].Answers)

	found, err := b.lab.GetTest(b.doctor, test.ID)
	require.NoError(t, err)
	require.Equal(t, test, found)

	_, err = b.lab.CreateTest(b.senior, in)
	require.ErrorIs(t, err, lab.ErrTestCodeTaken)
	in.Code, in.Analytes[1].Code = "HBV2", "IDX"
	_, err = b.lab.CreateTest(b.senior, in)
	require.ErrorIs(t, err, lab.ErrAnalyteCodeTaken)
	in.Analytes[1].Code = "SAG"
	in.Analytes[1].Answers = append(in.Analytes[1].Answers, in.Analytes[1].Answers[0])
	_, err = b.lab.CreateTest(b.senior, in)
	require.ErrorIs(t, err, lab.ErrAnswerTaken)

	t.Run("NotForDoctorsNorOtherTenants", func(t *testing.T) {
		t.Parallel()
		_, err := b.lab.CreateTest(b.doctor, in)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		_, err = b.lab.GetTest(b.As(t, identity.RoleReceptionist), test.ID)
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
		_, err = b.lab.GetTest(dbtest.New(t).Ctx, test.ID)
		require.ErrorIs(t, err, hmstype.ErrNotFound)
	})

	t.Run("InactiveTestIsNotOrdered", func(t *testing.T) {
		t.Parallel()
		test := b.numericTest(t, "OLD", "")
		off, err := b.lab.SetTestActive(b.senior, lab.SetTestActiveInput{ID: test.ID, Version: 1})
		require.NoError(t, err)
		require.False(t, off.Active)
		_, err = b.lab.SetTestActive(b.senior, lab.SetTestActiveInput{ID: test.ID, Version: 1, Active: true})
		require.ErrorIs(t, err, hmstype.ErrStale)
		_, err = b.lab.AddOrder(b.doctor, lab.AddOrderInput{Patient: b.adult(t), Tests: []hmstype.LabTestID{test.ID}})
		require.ErrorIs(t, err, lab.ErrTestInactive)
		list, err := b.lab.ListTests(b.doctor, lab.ListTestsInput{})
		require.NoError(t, err)
		for _, offered := range list.Items {
			require.NotEqual(t, test.ID, offered.ID)
		}
	})
}

func TestCreateTestInput_Validate(t *testing.T) {
	t.Parallel()
	good := func() lab.CreateTestInput {
		return lab.CreateTestInput{
			TestDetails: lab.TestDetails{Code: "K", Name: "Potassium", SpecimenType: "serum", TurnaroundMinutes: 60},
			Analytes: []lab.AnalyteInput{{
				AnalyteDetails: lab.AnalyteDetails{Code: "K", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L"},
			}},
		}
	}
	require.NoError(t, good().Validate())
	many := int64(21)
	for path, change := range map[string]func(*lab.CreateTestInput){
		"code":              func(in *lab.CreateTestInput) { in.Code = "k k" },
		"loinc":             func(in *lab.CreateTestInput) { in.LOINC = "1271AAAA-1" },
		"name":              func(in *lab.CreateTestInput) { in.Name = " " },
		"specimenType":      func(in *lab.CreateTestInput) { in.SpecimenType = "" },
		"turnaroundMinutes": func(in *lab.CreateTestInput) { in.TurnaroundMinutes = 0 },
		"analytes":          func(in *lab.CreateTestInput) { in.Analytes = nil },
		"analytes[0].code":  func(in *lab.CreateTestInput) { in.Analytes[0].Code = "" },
		"analytes[0].loinc": func(in *lab.CreateTestInput) { in.Analytes[0].LOINC = "123456-7" },
		"analytes[0].valueType": func(in *lab.CreateTestInput) {
			in.Analytes[0].ValueType = "absent"
			in.Analytes[0].Unit = ""
		},
		"analytes[0].unit":      func(in *lab.CreateTestInput) { in.Analytes[0].Unit = "pH" },
		"analytes[0].precision": func(in *lab.CreateTestInput) { in.Analytes[0].Precision = &many },
		"analytes[0].answers": func(in *lab.CreateTestInput) {
			in.Analytes[0].Answers = []lab.Answer{{Code: "A", Display: "A"}}
		},
		"analytes[0].answers[0].flag": func(in *lab.CreateTestInput) {
			in.Analytes[0] = lab.AnalyteInput{
				AnalyteDetails: lab.AnalyteDetails{Code: "A", Name: "A", ValueType: lab.ValueCoded},
				Answers:        []lab.Answer{{Code: "A", Display: "A", Flag: lab.FlagHigh}},
			}
		},
	} {
		in := good()
		change(&in)
		fields := hmstype.Fields(in.Validate())
		require.Len(t, fields, 1, path)
		require.Equal(t, path, fields[0].Path)
	}
	in := good()
	in.Analytes[0].Unit = "µmol/L"
	require.ErrorIs(t, in.Validate(), hmstype.ErrInvalid, "UCUM is ASCII")
}

func TestService_AddReferenceRange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.numericTest(t, "HB", "g/dL")
	year := func(y int) hmstype.Date { return hmstype.NewDate(y, time.January, 1) }
	twelve := lab.AgeMonths(12)
	in := lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{
			Analyte: test.Analytes[0].ID, Sex: lab.SexAny, AgeFrom: 0, AgeTo: &twelve, ValidFrom: year(2020),
			Bounds: bounds("7", "11", "17", "20"),
		},
	}
	first, err := b.lab.AddReferenceRange(b.senior, in)
	require.NoError(t, err)

	overlap := func(change func(*lab.AddReferenceRangeInput)) error {
		other := in
		change(&other)
		_, err := b.lab.AddReferenceRange(b.senior, other)
		return err
	}
	err = overlap(func(in *lab.AddReferenceRangeInput) { in.AgeFrom = twelve - 1; in.AgeTo = nil })
	require.ErrorIs(t, err, lab.ErrRangeOverlap)
	var inTheWay *lab.RangeOverlapError
	require.ErrorAs(t, err, &inTheWay)
	require.Equal(t, first.ID, inTheWay.Existing)

	require.NoError(
		t, overlap(func(in *lab.AddReferenceRangeInput) { in.AgeFrom = twelve; in.AgeTo = nil }), "ages are half-open",
	)
	require.NoError(
		t, overlap(func(in *lab.AddReferenceRangeInput) { in.Sex = lab.SexFemale }), "another sex is another range",
	)
	require.NoError(
		t, overlap(func(in *lab.AddReferenceRangeInput) { in.ValidFrom, in.ValidTo = year(2019), year(2020) }),
		"validity is half-open",
	)

	t.Run("RawSQLIsRefusedToo", func(t *testing.T) {
		t.Parallel()
		_, err := b.DB.NewRaw(`INSERT INTO hms.lab_reference_range (tenant_id, id, analyte_id, sex, age_from, valid_from, low,
			created_at, created_by)
			VALUES (?, ?, ?, 'any', 5, '2024-01-01', 1, now(),
			'system:test')`, b.Tenant, hmstype.NewID[hmstype.ReferenceRangeID](), test.Analytes[0].ID).Exec(t.Context())
		require.ErrorContains(t, err, "lab_reference_range_overlap_excl")
	})

	t.Run("EndedRangeMakesRoom", func(t *testing.T) {
		t.Parallel()
		male := in
		male.Sex = lab.SexMale
		old, err := b.lab.AddReferenceRange(b.senior, male)
		require.NoError(t, err)
		_, err = b.lab.EndReferenceRange(b.senior, lab.EndReferenceRangeInput{ID: old.ID, Version: 1, ValidTo: year(2020)})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
		_, err = b.lab.EndReferenceRange(b.senior, lab.EndReferenceRangeInput{ID: old.ID, Version: 1, ValidTo: year(2026)})
		require.NoError(t, err)
		male.ValidFrom = year(2026)
		next, err := b.lab.AddReferenceRange(b.senior, male)
		require.NoError(t, err)

		void := lab.VoidReferenceRangeInput{ID: next.ID, Version: 2, Reason: "typing error"}
		_, err = b.lab.VoidReferenceRange(b.senior, void)
		require.ErrorIs(t, err, hmstype.ErrStale)
		void.Version = 1
		_, err = b.lab.VoidReferenceRange(b.senior, void)
		require.NoError(t, err)
		_, err = b.lab.AddReferenceRange(b.senior, male)
		require.NoError(t, err, "a voided range is not in the way")
		_, err = b.lab.VoidReferenceRange(b.senior, lab.VoidReferenceRangeInput{ID: next.ID, Version: 2, Reason: "again"})
		require.ErrorIs(t, err, hmstype.ErrPrecondition)
	})

	list, err := b.lab.ListReferenceRanges(b.doctor, lab.ListReferenceRangesInput{
		Analyte: test.Analytes[0].ID, Page: hmstype.Page{Limit: 2},
	})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	require.NotEmpty(t, list.Next)
	require.Equal(t, first.ID, list.Items[0].ID)
}

func TestService_AddReferenceRange_ConcurrentOverlap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.numericTest(t, "HB", "g/dL")
	outcome := together(32, func(i int) error {
		to := 1000 + i
		_, err := b.lab.AddReferenceRange(b.senior, lab.AddReferenceRangeInput{
			RangeDetails: lab.RangeDetails{
				Analyte: test.Analytes[0].ID, Sex: lab.SexAny, AgeFrom: i, AgeTo: &to,
				ValidFrom: hmstype.NewDate(2020, time.January, 1), Bounds: bounds("", "1", "", ""),
			},
		})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindAlreadyExists: 31}, outcome)
}

func TestAddReferenceRangeInput_Validate(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]lab.Bounds{
		"None":                  {},
		"LowAboveHigh":          bounds("", "5", "4", ""),
		"CriticalInsideNormal":  bounds("4", "3", "", ""),
		"CriticalHighBelowHigh": bounds("", "", "5", "4"),
		"CriticalLowAboveHigh":  bounds("6", "", "5", ""),
	} {
		in := lab.AddReferenceRangeInput{
			RangeDetails: lab.RangeDetails{
				Analyte: hmstype.NewID[hmstype.LabAnalyteID](), Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2020, 1, 1),
				Bounds: limits,
			},
		}
		require.ErrorIs(t, in.Validate(), hmstype.ErrInvalid, name)
	}
}

// The ranges of a real laboratory system, where they lie beside the repository.
func TestService_AddReferenceRange_SharedData(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("..", "..", "shared", "data", "terminology", "openelis_result_limits.csv"))
	if err != nil {
		t.Skip("../shared/data is not here")
	}
	defer func() { require.NoError(t, file.Close()) }()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 112)

	b := setup(t)
	ucum := strings.NewReplacer("UI/L", "[IU]/L", "Ul/l", "U/L", "µ", "u", "^", "*", "mille/mm3", "10*3/mm3",
		"million/mm3", "10*6/mm3",
		"copies/ml", "{copies}/mL", "Cell/", "{cells}/")
	tests := map[string]lab.Test{}
	loaded := 0
	for _, row := range rows[1:] {
		test, known := tests[row[0]]
		if !known {
			code := "T" + strconv.Itoa(len(tests))
			test, err = b.lab.CreateTest(b.senior, lab.CreateTestInput{
				TestDetails: lab.TestDetails{Code: code, Name: row[0], SpecimenType: "any", TurnaroundMinutes: 60},
				Analytes: []lab.AnalyteInput{{
					AnalyteDetails: lab.AnalyteDetails{
						Code: code, Name: row[0], ValueType: lab.ValueNumeric,
						Unit: strings.ReplaceAll(ucum.Replace(strings.ReplaceAll(row[2], `\N`, "")), " ", ""),
					},
				}},
			})
			require.NoError(t, err, "%v", row)
			tests[row[0]] = test
		}
		in := lab.AddReferenceRangeInput{
			RangeDetails: lab.RangeDetails{
				Analyte: test.Analytes[0].ID, Sex: map[string]lab.Sex{"": lab.SexAny, "F": lab.SexFemale, "M": lab.SexMale}[row[3]],
				ValidFrom: hmstype.NewDate(2020, time.January, 1), AgeFrom: months(t, row[4]),
			},
		}
		if row[5] != "Infinity" {
			to := months(t, row[5])
			in.AgeTo = &to
		}
		in.Low, in.High = limit(row[6]), limit(row[7])
		if in.Low == nil && in.High == nil {
			continue
		}
		_, err = b.lab.AddReferenceRange(b.senior, in)
		require.NoError(t, err, "%v", row)
		loaded++
	}
	require.Equal(
		t, loaded, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.lab_reference_range WHERE tenant_id = ?`, b.Tenant),
	)
	t.Logf("%d ranges of %d tests", loaded, len(tests))
}
