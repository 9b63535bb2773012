package lab

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Test is an entry of the catalogue: what can be ordered (FHIR ActivityDefinition).
type Test struct {
	ID                hmstype.LabTestID
	Code              string // unique in the tenant: capital letters, digits, ".", "_", "-"; up to 30 characters
	LOINC             string // empty means not coded
	Name              string
	Category          string // such as "chemistry"; may be empty
	SpecimenType      string // such as "serum"; items of one specimen share it
	TurnaroundMinutes int64  // target from collection to the final result
	ServiceCode       string // what is charged; empty means nothing
	Active            bool
	Analytes          []Analyte // in the order of the report
	CreatedAt         time.Time // UTC
	Version           int64     // counts changes, from 1
}

// Analyte is a parameter of a test; each gets one value (FHIR ObservationDefinition). Its unit and
// type never change, for its ranges and results depend on them: another unit is another analyte.
type Analyte struct {
	ID        hmstype.LabAnalyteID
	Code      string // unique in the test; form as of a test's
	LOINC     string // empty means not coded
	Name      string
	ValueType ValueType // numeric, coded or text
	Unit      string    // UCUM, of a numeric analyte; empty means without unit
	Precision *int64    // decimal places to show, 0 to 20; nil means as entered
	Answers   []Answer  // of a coded analyte
	Active    bool      // an inactive analyte needs no value
	Version   int64     // counts changes, from 1
}

// Answer is a value that a coded analyte may have.
type Answer struct {
	Code    string // unique in the analyte, up to 100 characters
	Display string // up to 300 characters
	Flag    Flag   // N, A, AA (critical) or none
}

type testRow struct {
	bun.BaseModel `bun:"table:hms.lab_test,alias:t"`
	dbx.Tenanted
	ID                hmstype.LabTestID `bun:"id,pk"`
	Code              string
	CodeKey           string // twin of Code
	LOINC             string `bun:"loinc"`
	Name              string
	Category          string
	SpecimenType      string
	TurnaroundMinutes int64
	ServiceCode       string
	Active            bool
	CreatedAt         time.Time
	Version           int64
}

func (r testRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r testRow) test(analytes []Analyte) Test {
	return Test{
		ID: r.ID, Code: r.Code, LOINC: r.LOINC, Name: r.Name, Category: r.Category, SpecimenType: r.SpecimenType,
		TurnaroundMinutes: r.TurnaroundMinutes, ServiceCode: r.ServiceCode, Active: r.Active, Analytes: analytes,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

type analyteRow struct {
	bun.BaseModel `bun:"table:hms.lab_analyte,alias:a"`
	dbx.Tenanted
	ID        hmstype.LabAnalyteID `bun:"id,pk"`
	TestID    hmstype.LabTestID
	Code      string
	CodeKey   string // twin of Code
	LOINC     string `bun:"loinc"`
	Name      string
	ValueType ValueType
	Unit      string
	Precision *int64
	Position  int64
	Active    bool
	CreatedAt time.Time
	Version   int64
}

func (r analyteRow) analyte(answers []Answer) Analyte {
	return Analyte{
		ID: r.ID, Code: r.Code, LOINC: r.LOINC, Name: r.Name, ValueType: r.ValueType, Unit: r.Unit,
		Precision: r.Precision, Answers: answers, Active: r.Active, Version: r.Version,
	}
}

type answerRow struct {
	bun.BaseModel `bun:"table:hms.lab_answer,alias:an"`
	dbx.Tenanted
	AnalyteID hmstype.LabAnalyteID `bun:"analyte_id,pk"`
	Code      string               `bun:"code,pk"`
	Display   string
	Flag      Flag
	Position  int64
}

// CreateTestInput describes a new test, which is active at once.
type CreateTestInput struct {
	Code              string         // required; see [Test]
	LOINC             string         // optional; digits, a hyphen and a check digit
	Name              string         // required, up to 200 characters
	Category          string         // optional, up to 100 characters
	SpecimenType      string         // required, up to 100 characters
	TurnaroundMinutes int64          // 1 to 525600 (a year)
	ServiceCode       string         // optional code of the service catalogue, up to 50 characters
	Analytes          []AnalyteInput // at least one, at most 200
}

// AnalyteInput describes an analyte of a new test.
type AnalyteInput struct {
	Code      string    // required; see [Test]
	LOINC     string    // optional
	Name      string    // required, up to 200 characters
	ValueType ValueType // required: numeric, coded or text
	Unit      string    // UCUM, up to 40 characters; only of a numeric analyte
	Precision *int64    // 0 to 20; only of a numeric analyte
	Answers   []Answer  // required of a coded analyte, at most 200
}

var (
	codeForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{0,29}$`)
	// loincForm is what LOINC codes look like. The check digit is not verified: genuine
	// senders use local codes of this form whose digit is wrong.
	loincForm = regexp.MustCompile(`^\d{1,5}-\d$`)
	// ucumForm is what every UCUM code looks like (section 2.1: printable ASCII, no blanks).
	ucumForm = regexp.MustCompile(`^[!-~]{0,40}$`)
)

// notUCUM are unit texts that senders use for something that UCUM writes otherwise. Some
// are valid UCUM and mean another thing: C is coulomb, pH is picohenry.
var notUCUM = []string{"mmHg", "mmhg", "C", "F", "pH", "PH", "beats/minute", "IU/L", "IU", "U/l/min", "cells/uL"}

// Validate implements the rules above.
func (in CreateTestInput) Validate() error {
	var v hmstype.Validator
	v.Check(codeForm.MatchString(in.Code), "code", "must be 1 to 30 capital letters, digits, '.', '_' or '-'")
	v.Check(in.LOINC == "" || loincForm.MatchString(in.LOINC), "loinc", "must have the form of a LOINC code")
	v.Text(in.Name, "name", 1, 200)
	v.Text(in.Category, "category", 0, 100)
	v.Text(in.SpecimenType, "specimenType", 1, 100)
	v.Check(in.TurnaroundMinutes >= 1 && in.TurnaroundMinutes <= 525600, "turnaroundMinutes", "must lie between 1 and 525600")
	names.CheckOptional(&v, names.CodeKey, in.ServiceCode, "serviceCode", 50)
	v.Check(len(in.Analytes) >= 1 && len(in.Analytes) <= 200, "analytes", "must be 1 to 200")
	for i, a := range in.Analytes {
		v.Nested(fmt.Sprintf("analytes[%d]", i), a.Validate())
	}
	return v.Err()
}

// Validate implements the rules above.
func (in AnalyteInput) Validate() error {
	var v hmstype.Validator
	v.Check(codeForm.MatchString(in.Code), "code", "must be 1 to 30 capital letters, digits, '.', '_' or '-'")
	v.Check(in.LOINC == "" || loincForm.MatchString(in.LOINC), "loinc", "must have the form of a LOINC code")
	v.Text(in.Name, "name", 1, 200)
	hmstype.OneOf(&v, in.ValueType, "valueType", ValueNumeric, ValueCoded, ValueText)
	v.Check(ucumForm.MatchString(in.Unit), "unit", "must be a UCUM code")
	v.Check(!slices.Contains(notUCUM, in.Unit), "unit", "is written otherwise in UCUM")
	v.Check(in.Unit == "" || in.ValueType == ValueNumeric, "unit", "needs a numeric analyte")
	v.Check(in.Precision == nil || (in.ValueType == ValueNumeric && *in.Precision >= 0 && *in.Precision <= 20),
		"precision", "must lie between 0 and 20, for a numeric analyte")
	v.Check((in.ValueType == ValueCoded) == (len(in.Answers) > 0) && len(in.Answers) <= 200,
		"answers", "must be 1 to 200 for a coded analyte, none for others")
	for i, a := range in.Answers {
		path := fmt.Sprintf("answers[%d]", i)
		v.Text(a.Code, path+".code", 1, 100)
		v.Text(a.Display, path+".display", 1, 300)
		hmstype.OneOf(&v, a.Flag, path+".flag", FlagNone, FlagNormal, FlagAbnormal, FlagCritical)
	}
	return v.Err()
}

// CreateTest adds a test with its analytes to the catalogue. [ErrTestCodeTaken],
// [ErrAnalyteCodeTaken], [ErrAnswerTaken].
func (s *Service) CreateTest(ctx context.Context, in CreateTestInput) (Test, error) {
	op := usecase.Op{Name: "lab.create_test", Permission: hmstype.PermLabManage}
	return usecase.Write(ctx, &s.base, op, in, createTest)
}

func createTest(ctx context.Context, db dbx.DB, in CreateTestInput) (Test, error) {
	tenanted := dbx.Tenanted{TenantID: db.Tenant()}
	row := testRow{
		Tenanted: tenanted, ID: hmstype.NewID[hmstype.LabTestID](), Code: in.Code, CodeKey: names.CodeKey(in.Code), LOINC: in.LOINC, Name: in.Name,
		Category: in.Category, SpecimenType: in.SpecimenType, TurnaroundMinutes: in.TurnaroundMinutes,
		ServiceCode: in.ServiceCode, Active: true, CreatedAt: db.Now, Version: 1,
	}
	analytes := make([]analyteRow, 0, len(in.Analytes))
	answers := []answerRow{}
	for i, a := range in.Analytes {
		analyte := analyteRow{
			Tenanted: tenanted, ID: hmstype.NewID[hmstype.LabAnalyteID](), TestID: row.ID, Code: a.Code, CodeKey: names.CodeKey(a.Code),
			LOINC: a.LOINC, Name: a.Name, ValueType: a.ValueType, Unit: a.Unit, Precision: a.Precision, Position: int64(i),
			Active: true, CreatedAt: db.Now, Version: 1,
		}
		analytes = append(analytes, analyte)
		for j, answer := range a.Answers {
			answers = append(answers, answerRow{
				Tenanted: tenanted, AnalyteID: analyte.ID, Code: answer.Code, Display: answer.Display,
				Flag: answer.Flag, Position: int64(j),
			})
		}
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Test{}, err
	}
	if err := dbx.Insert(ctx, db, analytes...); err != nil {
		return Test{}, err
	}
	if err := dbx.Insert(ctx, db, answers...); err != nil {
		return Test{}, err
	}
	return loadTest(ctx, db, row)
}

// loadTest adds the analytes and their answers to a test.
func loadTest(ctx context.Context, db dbx.DB, row testRow) (Test, error) {
	tests, err := loadTests(ctx, db, []testRow{row})
	if err != nil {
		return Test{}, err
	}
	return tests[0], nil
}

// loadTests adds the analytes and their answers to tests, with two queries for all.
func loadTests(ctx context.Context, db dbx.DB, rows []testRow) ([]Test, error) {
	tests := make([]Test, 0, len(rows))
	ids := make([]hmstype.LabTestID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	analytes, err := analytesOf(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	answers, err := answersOf(ctx, db, analytes)
	if err != nil {
		return nil, err
	}
	byTest := map[hmstype.LabTestID][]Analyte{}
	for _, a := range analytes {
		byTest[a.TestID] = append(byTest[a.TestID], a.analyte(answers[a.ID]))
	}
	for _, r := range rows {
		tests = append(tests, r.test(byTest[r.ID]))
	}
	return tests, nil
}

func analytesOf(ctx context.Context, db dbx.DB, tests []hmstype.LabTestID) ([]analyteRow, error) {
	if len(tests) == 0 {
		return nil, nil
	}
	return dbx.All[analyteRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("a.test_id IN (?)", bun.List(tests)).Order("a.test_id", "a.position", "a.id")
	})
}

func answersOf(ctx context.Context, db dbx.DB, analytes []analyteRow) (map[hmstype.LabAnalyteID][]Answer, error) {
	coded := []hmstype.LabAnalyteID{}
	for _, a := range analytes {
		if a.ValueType == ValueCoded {
			coded = append(coded, a.ID)
		}
	}
	answers := map[hmstype.LabAnalyteID][]Answer{}
	if len(coded) == 0 {
		return answers, nil
	}
	rows, err := dbx.All[answerRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("an.analyte_id IN (?)", bun.List(coded)).Order("an.analyte_id", "an.position", "an.code")
	})
	for _, r := range rows {
		answers[r.AnalyteID] = append(answers[r.AnalyteID], Answer{Code: r.Code, Display: r.Display, Flag: r.Flag})
	}
	return answers, err
}

// Test gives a test of the catalogue.
func (s *Service) Test(ctx context.Context, id hmstype.LabTestID) (Test, error) {
	op := usecase.Op{Name: "lab.test", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.LabTestID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabTestID]) (Test, error) {
			row, err := dbx.Get[testRow](ctx, db, "lab_test", in.ID)
			if err != nil {
				return Test{}, err
			}
			return loadTest(ctx, db, row)
		})
}

// TestsInput asks for a page of the catalogue.
type TestsInput struct {
	Page            hmstype.Page
	IncludeInactive bool
}

// Validate checks the page.
func (in TestsInput) Validate() error {
	return in.Page.Validate()
}

// Tests lists the catalogue, oldest entry first.
func (s *Service) Tests(ctx context.Context, in TestsInput) (hmstype.List[Test], error) {
	op := usecase.Op{Name: "lab.tests", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in TestsInput) (hmstype.List[Test], error) {
		rows, next, err := dbx.Page[testRow](ctx, db, in.Page, dbx.Order{}, func(q *bun.SelectQuery) *bun.SelectQuery {
			if in.IncludeInactive {
				return q
			}
			return q.Where("t.active")
		})
		if err != nil {
			return hmstype.List[Test]{}, err
		}
		tests, err := loadTests(ctx, db, rows)
		return hmstype.List[Test]{Items: tests, Next: next}, err
	})
}

// SetTestActiveInput takes a test out of the offer, or back into it.
type SetTestActiveInput struct {
	ID      hmstype.LabTestID // required
	Version int64             // the version that the caller read
	Active  bool
}

// Validate implements the rules above.
func (in SetTestActiveInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	return v.Err()
}

// SetTestActive changes whether a test can be ordered; orders that name it go on.
// [hmstype.ErrStale] for an old version.
func (s *Service) SetTestActive(ctx context.Context, in SetTestActiveInput) (Test, error) {
	op := usecase.Op{Name: "lab.set_test_active", Permission: hmstype.PermLabManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SetTestActiveInput) (Test, error) {
		row, err := dbx.Get[testRow](ctx, db, "lab_test", in.ID, dbx.ForUpdate)
		if err != nil {
			return Test{}, err
		}
		row.Active = in.Active
		if err := dbx.UpdateVersioned(ctx, db, &row, in.Version, "active"); err != nil {
			return Test{}, err
		}
		row.Version = in.Version + 1
		return loadTest(ctx, db, row)
	})
}
