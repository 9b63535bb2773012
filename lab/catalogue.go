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

// TestDetails are what the catalogue says of a test.
type TestDetails struct {
	// Code is unique in the tenant: 1 to 30 of A to Z, 0 to 9, ".", "_" and "-".
	Code string `json:"code"`
	// LOINC is digits, a hyphen and a check digit; empty means not coded.
	LOINC string `bun:"loinc" json:"loinc,omitempty"`
	// Name has 1 to 200 characters.
	Name string `json:"name"`
	// Category is such as "chemistry"; up to 100 characters.
	Category string `json:"category,omitempty"`
	// SpecimenType is such as "serum"; items of one specimen share it. 1 to 100 characters.
	SpecimenType string `json:"specimenType"`
	// TurnaroundMinutes is the target from collection to the final result: 1 to 525600 (a year).
	TurnaroundMinutes int64 `json:"turnaroundMinutes"`
	// ServiceCode of the service catalogue is what is charged; empty means nothing; up to 50 characters.
	ServiceCode string `json:"serviceCode,omitempty"`
}

func (d TestDetails) validate(v *hmstype.Validator) {
	v.Check(codeForm.MatchString(d.Code), "code", "must be 1 to 30 capital letters, digits, '.', '_' or '-'")
	v.Check(d.LOINC == "" || loincForm.MatchString(d.LOINC), "loinc", "must have the form of a LOINC code")
	v.Text(d.Name, "name", 1, 200)
	v.Text(d.Category, "category", 0, 100)
	v.Text(d.SpecimenType, "specimenType", 1, 100)
	v.Check(d.TurnaroundMinutes >= 1 && d.TurnaroundMinutes <= 525600,
		"turnaroundMinutes", "must lie between 1 and 525600")
	names.CheckOptional(v, names.CodeKey, d.ServiceCode, "serviceCode", 50)
}

// Test is an entry of the catalogue: what can be ordered (FHIR ActivityDefinition).
type Test struct {
	ID hmstype.LabTestID `json:"id"`
	TestDetails
	Active    bool             `json:"active"`
	Analytes  []Analyte        `json:"analytes"` // in the order of the report
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

// AnalyteDetails are what the catalogue says of an analyte.
type AnalyteDetails struct {
	// Code is unique in the test; form as of a test's.
	Code string `json:"code"`
	// LOINC has the form of a test's; empty means not coded.
	LOINC string `bun:"loinc" json:"loinc,omitempty"`
	// Name has 1 to 200 characters.
	Name string `json:"name"`
	// ValueType is numeric, coded or text.
	ValueType ValueType `json:"valueType"`
	// Unit of a numeric analyte is UCUM, up to 40 characters; empty means without unit.
	Unit string `json:"unit,omitempty"`
	// Precision is how many decimal places of a number to show, 0 to 20; nil means as entered.
	Precision *int64 `json:"precision,omitempty"`
}

func (d AnalyteDetails) validate(v *hmstype.Validator) {
	v.Check(codeForm.MatchString(d.Code), "code", "must be 1 to 30 capital letters, digits, '.', '_' or '-'")
	v.Check(d.LOINC == "" || loincForm.MatchString(d.LOINC), "loinc", "must have the form of a LOINC code")
	v.Text(d.Name, "name", 1, 200)
	hmstype.OneOf(v, d.ValueType, "valueType", ValueNumeric, ValueCoded, ValueText)
	v.Check(ucumForm.MatchString(d.Unit), "unit", "must be a UCUM code")
	v.Check(!slices.Contains(notUCUM, d.Unit), "unit", "is written otherwise in UCUM")
	v.Check(d.Unit == "" || d.ValueType == ValueNumeric, "unit", "needs a numeric analyte")
	v.Check(d.Precision == nil || (d.ValueType == ValueNumeric && *d.Precision >= 0 && *d.Precision <= 20),
		"precision", "must lie between 0 and 20, for a numeric analyte")
}

// Analyte is a parameter of a test; each gets one value (FHIR ObservationDefinition). Its unit and
// type never change, for its ranges and results depend on them: another unit is another analyte.
type Analyte struct {
	ID hmstype.LabAnalyteID `json:"id"`
	AnalyteDetails
	Answers []Answer `json:"answers,omitempty"` // of a coded analyte
	Active  bool     `json:"active"`            // an inactive analyte needs no value
	Version int64    `json:"version"`           // counts changes, from 1
}

// Answer is a value that a coded analyte may have.
type Answer struct {
	Code    string `bun:"code,pk" json:"code"` // unique in the analyte, 1 to 100 characters
	Display string `json:"display"`            // 1 to 300 characters
	Flag    Flag   `json:"flag,omitempty"`     // N, A, AA (critical) or none
}

func (a Answer) validate(v *hmstype.Validator, path string) {
	v.Text(a.Code, path+".code", 1, 100)
	v.Text(a.Display, path+".display", 1, 300)
	hmstype.OneOf(v, a.Flag, path+".flag", FlagNone, FlagNormal, FlagAbnormal, FlagCritical)
}

type testRow struct {
	bun.BaseModel `bun:"table:hms.lab_test,alias:t"`
	dbx.Header[hmstype.LabTestID]
	TestDetails
	CodeKey string // normal form of Code
	Active  bool
}

func (r testRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r testRow) test(analytes []Analyte) Test {
	return Test{
		ID: r.ID, TestDetails: r.TestDetails, Active: r.Active, Analytes: analytes,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

type analyteRow struct {
	bun.BaseModel `bun:"table:hms.lab_analyte,alias:a"`
	dbx.Header[hmstype.LabAnalyteID]
	TestID hmstype.LabTestID
	AnalyteDetails
	CodeKey  string // normal form of Code
	Position int64
	Active   bool
}

func (r analyteRow) analyte(answers []Answer) Analyte {
	return Analyte{ID: r.ID, AnalyteDetails: r.AnalyteDetails, Answers: answers, Active: r.Active, Version: r.Version}
}

type answerRow struct {
	bun.BaseModel `bun:"table:hms.lab_answer,alias:an"`
	dbx.Tenanted
	AnalyteID hmstype.LabAnalyteID `bun:"analyte_id,pk"`
	Answer
	Position int64
}

// aCatalogue is why what shows the catalogue shows nothing of a patient.
const aCatalogue = "the laboratory's catalogue"

// CreateTestInput describes a new test, which is active at once.
type CreateTestInput struct {
	TestDetails
	Analytes []AnalyteInput `json:"analytes"` // 1 to 200
}

// AnalyteInput describes an analyte of a new test.
type AnalyteInput struct {
	AnalyteDetails
	Answers []Answer `json:"answers"` // 1 to 200 of a coded analyte, none of others
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
	in.TestDetails.validate(&v)
	v.Check(len(in.Analytes) >= 1 && len(in.Analytes) <= 200, "analytes", "must be 1 to 200")
	for i, a := range in.Analytes {
		v.Nested(fmt.Sprintf("analytes[%d]", i), a.Validate())
	}
	return v.Err()
}

// Validate implements the rules above.
func (in AnalyteInput) Validate() error {
	var v hmstype.Validator
	in.AnalyteDetails.validate(&v)
	v.Check((in.ValueType == ValueCoded) == (len(in.Answers) > 0) && len(in.Answers) <= 200,
		"answers", "must be 1 to 200 for a coded analyte, none for others")
	for i, a := range in.Answers {
		a.validate(&v, fmt.Sprintf("answers[%d]", i))
	}
	return v.Err()
}

var opCreateTest = usecase.Command[CreateTestInput, Test]{
	Name: "lab.create_test", Permission: hmstype.PermLabManage, Shows: usecase.Nobody[Test](aCatalogue),
	Sample: CreateTestInput{
		TestDetails: TestDetails{
			Code: "K", LOINC: "2823-3", Name: "Potassium", Category: "chemistry", SpecimenType: "serum", TurnaroundMinutes: 60,
		},
		Analytes: []AnalyteInput{
			{AnalyteDetails: AnalyteDetails{Code: "K", Name: "Potassium", ValueType: ValueNumeric, Unit: "mmol/L"}},
			{
				AnalyteDetails: AnalyteDetails{Code: "HEM", Name: "Haemolysis", ValueType: ValueCoded},
				Answers:        []Answer{{Code: "NEG", Display: "None", Flag: FlagNormal}},
			},
		},
	},
}.Declare()

// CreateTest adds a test with its analytes to the catalogue. [ErrTestCodeTaken],
// [ErrAnalyteCodeTaken], [ErrAnswerTaken].
// Permission: [hmstype.PermLabManage].
func (s *Service) CreateTest(ctx context.Context, in CreateTestInput) (Test, error) {
	return opCreateTest.Run(ctx, &s.base, in, createTest)
}

func createTest(ctx context.Context, db dbx.DB, in CreateTestInput) (Test, error) {
	row := testRow{
		Header: dbx.NewHeader[hmstype.LabTestID](db), TestDetails: in.TestDetails, CodeKey: names.CodeKey(in.Code),
		Active: true,
	}
	analytes := make([]analyteRow, 0, len(in.Analytes))
	answers := []answerRow{}
	for i, a := range in.Analytes {
		analyte := analyteRow{
			Header: dbx.NewHeader[hmstype.LabAnalyteID](db), TestID: row.ID, AnalyteDetails: a.AnalyteDetails,
			CodeKey: names.CodeKey(a.Code), Position: int64(i), Active: true,
		}
		analytes = append(analytes, analyte)
		for j, answer := range a.Answers {
			answers = append(answers, answerRow{
				Tenanted: row.Tenanted, AnalyteID: analyte.ID, Answer: answer, Position: int64(j),
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
	return dbx.All[analyteRow](ctx, db, dbx.OneOf("test_id", tests), dbx.OrderBy("a.test_id", "a.position", "a.id"))
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
	rows, err := dbx.All[answerRow](ctx, db, dbx.OneOf("analyte_id", coded),
		dbx.OrderBy("an.analyte_id", "an.position", "an.code"))
	for _, r := range rows {
		answers[r.AnalyteID] = append(answers[r.AnalyteID], r.Answer)
	}
	return answers, err
}

var opGetTest = usecase.Query[usecase.ByID[hmstype.LabTestID], Test]{
	Name: "lab.get_test", Permission: hmstype.PermLabRead, Shows: usecase.Nobody[Test](aCatalogue), Quiet: aCatalogue,
}.Declare()

// GetTest gives a test of the catalogue.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetTest(ctx context.Context, id hmstype.LabTestID) (Test, error) {
	return opGetTest.Run(ctx, &s.base, usecase.ID(id), getTest)
}

func getTest(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabTestID]) (Test, error) {
	row, err := dbx.Get[testRow](ctx, db, "lab_test", in.ID)
	if err != nil {
		return Test{}, err
	}
	return loadTest(ctx, db, row)
}

// ListTestsInput asks for a page of the catalogue.
type ListTestsInput struct {
	Page            hmstype.Page `json:"page"`
	IncludeInactive bool         `json:"includeInactive"`
}

// Validate checks the page.
func (in ListTestsInput) Validate() error {
	return in.Page.Validate()
}

var opListTests = usecase.Query[ListTestsInput, hmstype.List[Test]]{
	Name: "lab.list_tests", Permission: hmstype.PermLabRead,
	Shows: usecase.Nobody[hmstype.List[Test]](aCatalogue), Quiet: aCatalogue,
	Sample: ListTestsInput{},
}.Declare()

// ListTests lists the catalogue, oldest entry first.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListTests(ctx context.Context, in ListTestsInput) (hmstype.List[Test], error) {
	return opListTests.Run(ctx, &s.base, in, listTests)
}

func listTests(ctx context.Context, db dbx.DB, in ListTestsInput) (hmstype.List[Test], error) {
	rows, next, err := dbx.Page[testRow](ctx, db, in.Page, dbx.Order{},
		dbx.When(!in.IncludeInactive, dbx.Where("t.active")))
	if err != nil {
		return hmstype.List[Test]{}, err
	}
	tests, err := loadTests(ctx, db, rows)
	return hmstype.List[Test]{Items: tests, Next: next}, err
}

// SetTestActiveInput takes a test out of the offer, or back into it.
type SetTestActiveInput struct {
	ID      hmstype.LabTestID `json:"id"`      // required
	Version int64             `json:"version"` // the version that the caller read
	Active  bool              `json:"active"`
}

// Validate implements the rules above.
func (in SetTestActiveInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	return v.Err()
}

var opSetTestActive = usecase.Command[SetTestActiveInput, Test]{
	Name: "lab.set_test_active", Permission: hmstype.PermLabManage, Shows: usecase.Nobody[Test](aCatalogue),
	Sample: SetTestActiveInput{Version: 1},
}.Declare()

// SetTestActive changes whether a test can be ordered; orders that name it go on.
// [hmstype.ErrStale] for an old version.
// Permission: [hmstype.PermLabManage].
func (s *Service) SetTestActive(ctx context.Context, in SetTestActiveInput) (Test, error) {
	return opSetTestActive.Run(ctx, &s.base, in, setTestActive)
}

func setTestActive(ctx context.Context, db dbx.DB, in SetTestActiveInput) (Test, error) {
	row, err := dbx.Get[testRow](ctx, db, "lab_test", in.ID, dbx.ForUpdate)
	if err != nil {
		return Test{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Test{}, err
	}
	row.Active = in.Active
	if err := dbx.Update(ctx, db, &row, "active"); err != nil {
		return Test{}, err
	}
	return loadTest(ctx, db, row)
}
