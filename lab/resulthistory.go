package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ResultHistoryInput asks for a patient's results.
type ResultHistoryInput struct {
	PatientID         hmstype.PatientID    // required
	AnalyteID         hmstype.LabAnalyteID // zero means all analytes
	IncludeSuperseded bool                 // also versions that a later one replaced
	Page              hmstype.Page
}

// Validate implements the rules above.
func (in ResultHistoryInput) Validate() error { return validatePatientPage(in.PatientID, in.Page) }

var opResultHistory = usecase.Query[ResultHistoryInput, hmstype.List[Result]]{
	Name: "lab.result_history", Permission: hmstype.PermLabRead, Shows: allResults.Page(),
	Sample: ResultHistoryInput{},
}.Declare()

// ResultHistory lists a patient's results by the time of collection, newest first, and
// records that they were read. It shows cancelled versions and those entered in error too: their
// Status says so.
// Permission: [hmstype.PermLabRead].
func (s *Service) ResultHistory(ctx context.Context, in ResultHistoryInput) (hmstype.List[Result], error) {
	return opResultHistory.Run(ctx, &s.base, in, s.resultHistory)
}

func (s *Service) resultHistory(ctx context.Context, db dbx.DB, in ResultHistoryInput) (hmstype.List[Result], error) {
	if err := s.about(ctx, db, in.PatientID); err != nil {
		return hmstype.List[Result]{}, err
	}
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "collected_at", Desc: true}, resultRow.result,
		dbx.Equal("patient_id", in.PatientID), dbx.When(!in.AnalyteID.IsZero(), dbx.Equal("analyte_id", in.AnalyteID)),
		dbx.When(!in.IncludeSuperseded, notSuperseded(db)))
}

// CumulativeRow is one analyte of a cumulative report.
type CumulativeRow struct {
	AnalyteID hmstype.LabAnalyteID `json:"analyteId"`
	Code      string               `json:"code"`
	Name      string               `json:"name"`
	Unit      string               `json:"unit,omitempty"`
	Results   []Result             `json:"results"` // newest versions, the newest collection first
}

// CumulativeReport shows a patient's results side by side, an analyte in each row.
type CumulativeReport struct {
	PatientID hmstype.PatientID `json:"patientId"`
	Rows      []CumulativeRow   `json:"rows"`           // in the order of the tests and their analytes
	Next      string            `json:"next,omitempty"` // cursor of the results before these; empty at the end
	// Withheld says that the patient's record is restricted and the actor may not see it; such a
	// report is refused, so nobody gets it with Withheld set.
	Withheld bool `json:"withheld,omitempty"`
}

var cumulativeReports = usecase.Entity[CumulativeReport]{
	Table:   "lab_result",
	Patient: func(r *CumulativeReport) hmstype.PatientID { return r.PatientID },
	ID:      func(*CumulativeReport) string { return "" },
}

// CumulativeReportInput asks for one.
type CumulativeReportInput struct {
	PatientID hmstype.PatientID // required
	Page      hmstype.Page      // of the results, newest first
}

// Validate implements the rules above.
func (in CumulativeReportInput) Validate() error { return validatePatientPage(in.PatientID, in.Page) }

var opCumulativeReport = usecase.Query[CumulativeReportInput, CumulativeReport]{
	Name: "lab.cumulative_report", Permission: hmstype.PermLabRead, Shows: cumulativeReports.One(),
	Sample: CumulativeReportInput{},
}.Declare()

// CumulativeReport arranges a page of [Service.ResultHistory] by analyte, without cancelled
// results and those entered in error, and records that it was read.
// Permission: [hmstype.PermLabRead].
func (s *Service) CumulativeReport(ctx context.Context, in CumulativeReportInput) (CumulativeReport, error) {
	return opCumulativeReport.Run(ctx, &s.base, in, s.cumulativeReport)
}

func (s *Service) cumulativeReport(ctx context.Context, db dbx.DB, in CumulativeReportInput) (CumulativeReport, error) {
	page, err := s.resultHistory(ctx, db, ResultHistoryInput{PatientID: in.PatientID, Page: in.Page})
	if err != nil {
		return CumulativeReport{}, err
	}
	rows, err := arrange(ctx, db, page.Items)
	return CumulativeReport{PatientID: in.PatientID, Rows: rows, Next: page.Next}, err
}

// arrange groups results by their analytes.
func arrange(ctx context.Context, db dbx.DB, of []Result) ([]CumulativeRow, error) {
	rows := []CumulativeRow{}
	byAnalyte := map[hmstype.LabAnalyteID][]Result{}
	tests := []hmstype.LabTestID{}
	for _, r := range of {
		if !r.Status.withdrawn() {
			byAnalyte[r.AnalyteID] = append(byAnalyte[r.AnalyteID], r)
			tests = append(tests, r.TestID)
		}
	}
	analytes, err := analytesOf(ctx, db, tests)
	for _, a := range analytes {
		if list := byAnalyte[a.ID]; len(list) > 0 {
			rows = append(rows, CumulativeRow{AnalyteID: a.ID, Code: a.Code, Name: a.Name, Unit: a.Unit, Results: list})
		}
	}
	return rows, err
}
