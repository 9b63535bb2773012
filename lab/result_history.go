package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListResultHistoryInput asks for a patient's results.
type ListResultHistoryInput struct {
	Patient           hmstype.PatientID    `json:"patient"`           // required
	Analyte           hmstype.LabAnalyteID `json:"analyte"`           // zero means all analytes
	IncludeSuperseded bool                 `json:"includeSuperseded"` // also versions that a later one replaced
	Page              hmstype.Page         `json:"page"`
}

// Validate implements the rules above.
func (in ListResultHistoryInput) Validate() error { return validatePatientPage(in.Patient, in.Page) }

var opListResultHistory = usecase.Query[ListResultHistoryInput, hmstype.List[Result]]{
	Name: "lab.list_result_history", Permission: hmstype.PermLabRead, Shows: allResults.Page(),
	Sample: ListResultHistoryInput{},
}.Declare()

// ListResultHistory lists a patient's results by the time of collection, newest first, and
// records that they were read. It shows cancelled versions and those entered in error too: their
// Status says so.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListResultHistory(ctx context.Context, in ListResultHistoryInput) (hmstype.List[Result], error) {
	return opListResultHistory.Run(ctx, &s.base, in, s.resultHistory)
}

func (s *Service) resultHistory(
	ctx context.Context, db dbx.DB, in ListResultHistoryInput,
) (hmstype.List[Result], error) {
	if err := s.about(ctx, db, in.Patient); err != nil {
		return hmstype.List[Result]{}, err
	}
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "collected_at", Desc: true}, resultRow.result,
		dbx.Equal("patient_id", in.Patient), dbx.When(!in.Analyte.IsZero(), dbx.Equal("analyte_id", in.Analyte)),
		dbx.When(!in.IncludeSuperseded, notSuperseded(db)))
}

// CumulativeRow is one analyte of a cumulative report.
type CumulativeRow struct {
	Analyte hmstype.LabAnalyteID `json:"analyte"`
	Code    string               `json:"code"`
	Name    string               `json:"name"`
	Unit    string               `json:"unit,omitempty"`
	Results []Result             `json:"results"` // newest versions, the newest collection first
}

// CumulativeReport shows a patient's results side by side, an analyte in each row.
type CumulativeReport struct {
	Patient hmstype.PatientID `json:"patient"`
	Rows    []CumulativeRow   `json:"rows"`           // in the order of the tests and their analytes
	Next    string            `json:"next,omitempty"` // cursor of the results before these; empty at the end
	// Withheld says that the patient's record is restricted and the actor may not see it; such a
	// report is refused, so nobody gets it with Withheld set.
	Withheld bool `json:"withheld,omitempty"`
}

var cumulativeReports = usecase.Entity[CumulativeReport]{
	Table:   "lab_result",
	Patient: func(r *CumulativeReport) hmstype.PatientID { return r.Patient },
	ID:      func(*CumulativeReport) string { return "" },
}

// GetCumulativeReportInput asks for one.
type GetCumulativeReportInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	Page    hmstype.Page      `json:"page"`    // of the results, newest first
}

// Validate implements the rules above.
func (in GetCumulativeReportInput) Validate() error {
	return validatePatientPage(in.Patient, in.Page)
}

var opGetCumulativeReport = usecase.Query[GetCumulativeReportInput, CumulativeReport]{
	Name: "lab.get_cumulative_report", Permission: hmstype.PermLabRead, Shows: cumulativeReports.One(),
	Sample: GetCumulativeReportInput{},
}.Declare()

// GetCumulativeReport arranges a page of [Service.ListResultHistory] by analyte, without cancelled
// results and those entered in error, and records that it was read.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetCumulativeReport(ctx context.Context, in GetCumulativeReportInput) (CumulativeReport, error) {
	return opGetCumulativeReport.Run(ctx, &s.base, in, s.cumulativeReport)
}

func (s *Service) cumulativeReport(
	ctx context.Context, db dbx.DB, in GetCumulativeReportInput,
) (CumulativeReport, error) {
	page, err := s.resultHistory(ctx, db, ListResultHistoryInput{Patient: in.Patient, Page: in.Page})
	if err != nil {
		return CumulativeReport{}, err
	}
	rows, err := arrange(ctx, db, page.Items)
	return CumulativeReport{Patient: in.Patient, Rows: rows, Next: page.Next}, err
}

// arrange groups results by their analytes.
func arrange(ctx context.Context, db dbx.DB, of []Result) ([]CumulativeRow, error) {
	rows := []CumulativeRow{}
	byAnalyte := map[hmstype.LabAnalyteID][]Result{}
	tests := []hmstype.LabTestID{}
	for _, r := range of {
		if !r.Status.withdrawn() {
			byAnalyte[r.Analyte] = append(byAnalyte[r.Analyte], r)
			tests = append(tests, r.Test)
		}
	}
	analytes, err := analytesOf(ctx, db, tests)
	for _, a := range analytes {
		if list := byAnalyte[a.ID]; len(list) > 0 {
			rows = append(rows, CumulativeRow{Analyte: a.ID, Code: a.Code, Name: a.Name, Unit: a.Unit, Results: list})
		}
	}
	return rows, err
}
