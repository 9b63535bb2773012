package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
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

// ResultHistory lists a patient's results by the time of collection, newest first, and
// records that they were read. It shows cancelled versions and those entered in error too: their
// Status says so.
func (s *Service) ResultHistory(ctx context.Context, in ResultHistoryInput) (hmstype.List[Result], error) {
	op := usecase.Op{Name: "lab.result_history", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in ResultHistoryInput) (hmstype.List[Result], error) {
		rows, next, err := s.historyPage(ctx, db, in)
		return hmstype.List[Result]{Items: results(rows), Next: next}, err
	})
}

func (s *Service) historyPage(ctx context.Context, db dbx.DB, in ResultHistoryInput) ([]resultRow, string, error) {
	if err := s.requireKnown(ctx, db, in.PatientID); err != nil {
		return nil, "", err
	}
	rows, next, err := dbx.Page[resultRow](ctx, db, in.Page, dbx.Order{At: "collected_at", Desc: true},
		func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("r.patient_id = ?", in.PatientID)
			if !in.AnalyteID.IsZero() {
				q = q.Where("r.analyte_id = ?", in.AnalyteID)
			}
			if !in.IncludeSuperseded {
				q = notSuperseded(q, db)
			}
			return q
		})
	if err != nil {
		return nil, "", err
	}
	return rows, next, db.RecordAccess(ctx, dbx.Access{
		Action: "read", Entity: "lab_result", ID: textOrEmpty(in.AnalyteID), Patient: in.PatientID,
	})
}

func textOrEmpty(id hmstype.LabAnalyteID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// CumulativeRow is one analyte of a cumulative report.
type CumulativeRow struct {
	AnalyteID hmstype.LabAnalyteID
	Code      string
	Name      string
	Unit      string
	Results   []Result // newest versions, the newest collection first
}

// CumulativeReport shows a patient's results side by side, an analyte in each row.
type CumulativeReport struct {
	Rows []CumulativeRow // in the order of the tests and their analytes
	Next string          // cursor of the results before these; empty at the end
}

// CumulativeReportInput asks for one.
type CumulativeReportInput struct {
	PatientID hmstype.PatientID // required
	Page      hmstype.Page      // of the results, newest first
}

// Validate implements the rules above.
func (in CumulativeReportInput) Validate() error { return validatePatientPage(in.PatientID, in.Page) }

// CumulativeReport arranges a page of [Service.ResultHistory] by analyte, without cancelled
// results and those entered in error, and records that it was read.
func (s *Service) CumulativeReport(ctx context.Context, in CumulativeReportInput) (CumulativeReport, error) {
	op := usecase.Op{Name: "lab.cumulative_report", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CumulativeReportInput) (CumulativeReport, error) {
		rows, next, err := s.historyPage(ctx, db, ResultHistoryInput{PatientID: in.PatientID, Page: in.Page})
		if err != nil {
			return CumulativeReport{}, err
		}
		report, err := arrange(ctx, db, rows)
		report.Next = next
		return report, err
	})
}

// arrange groups results by their analytes.
func arrange(ctx context.Context, db dbx.DB, rows []resultRow) (CumulativeReport, error) {
	report := CumulativeReport{Rows: []CumulativeRow{}}
	byAnalyte := map[hmstype.LabAnalyteID][]Result{}
	tests := []hmstype.LabTestID{}
	for _, r := range rows {
		if !r.withdrawn() {
			byAnalyte[r.AnalyteID] = append(byAnalyte[r.AnalyteID], r.result())
			tests = append(tests, r.TestID)
		}
	}
	analytes, err := analytesOf(ctx, db, tests)
	for _, a := range analytes {
		if list := byAnalyte[a.ID]; len(list) > 0 {
			report.Rows = append(report.Rows, CumulativeRow{
				AnalyteID: a.ID, Code: a.Code, Name: a.Name, Unit: a.Unit, Results: list,
			})
		}
	}
	return report, err
}

// ReportItem is one test of a report with every version of its results.
type ReportItem struct {
	Item    Item
	Results []Result // of each analyte the oldest version first; the last one counts
}

// Report is an order with its results (FHIR DiagnosticReport).
type Report struct {
	Order Order
	Items []ReportItem
}

// Report gives an order with all versions of its results, so that a corrected value stands
// beside the one that it replaced, and records that it was read.
func (s *Service) Report(ctx context.Context, id hmstype.LabOrderID) (Report, error) {
	op := usecase.Op{Name: "lab.report", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.LabOrderID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, reportText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabOrderID]) (Report, error) {
			order, err := readOrder(ctx, db, in.ID)
			if err != nil {
				return Report{}, err
			}
			ids := make([]hmstype.LabOrderItemID, len(order.Items))
			for i, item := range order.Items {
				ids[i] = item.ID
			}
			rows, err := versionsOf(ctx, db, ids)
			if err != nil {
				return Report{}, err
			}
			byItem := map[hmstype.LabOrderItemID][]Result{}
			for _, r := range rows {
				byItem[r.OrderItemID] = append(byItem[r.OrderItemID], r.result())
			}
			report := Report{Order: order, Items: make([]ReportItem, len(order.Items))}
			for i, item := range order.Items {
				report.Items[i] = ReportItem{Item: item, Results: byItem[item.ID]}
			}
			return report, nil
		}))
}

// Turnaround is how long one test took from collection to its first final result.
type Turnaround struct {
	TestID   hmstype.LabTestID
	Code     string
	Count    int64         // items that became final in the period
	Median   time.Duration // half of them took no longer
	P90      time.Duration // nine of ten took no longer
	Longest  time.Duration
	Target   time.Duration // the test's, as it is now
	OnTarget int64         // items that took no longer than the target
}

// maxTurnaroundDays bounds the period of one question.
const maxTurnaroundDays = 400

// TurnaroundTimesInput asks for a period of at most 400 days; an item counts where it became
// final.
type TurnaroundTimesInput struct {
	Period hmstype.Period // required, closed
}

// Validate implements the rules above.
func (in TurnaroundTimesInput) Validate() error {
	var v hmstype.Validator
	v.Nested("period", in.Period.Validate())
	v.Check(!in.Period.IsOpen(), "period.end", "required")
	v.Check(in.Period.Duration() <= maxTurnaroundDays*24*time.Hour, "period", "must be at most 400 days")
	return v.Err()
}

// turnaroundSelect computes in whole microseconds; percentile_disc gives one of the values and
// never a fraction between two.
const turnaroundSelect = `SELECT t.id, t.code, t.turnaround_minutes, count(*),
	percentile_disc(0.5) WITHIN GROUP (ORDER BY x.took), percentile_disc(0.9) WITHIN GROUP (ORDER BY x.took), max(x.took),
	count(*) FILTER (WHERE x.took <= t.turnaround_minutes * 60000000)
	FROM (SELECT i.tenant_id, i.test_id, (extract(epoch FROM i.result_date - i.collected_at) * 1000000)::bigint AS took
		FROM hms.lab_order_item AS i
		WHERE i.tenant_id = $1 AND i.result_date >= $2 AND i.result_date < $3 AND i.status IN ('final', 'corrected', 'amended')) AS x
	JOIN hms.lab_test AS t ON t.tenant_id = x.tenant_id AND t.id = x.test_id
	WHERE t.tenant_id = $1 AND x.tenant_id = $1
	GROUP BY t.id, t.code, t.turnaround_minutes ORDER BY t.code`

// TurnaroundTimes gives the times from collection to the final result per test, exactly.
func (s *Service) TurnaroundTimes(ctx context.Context, in TurnaroundTimesInput) ([]Turnaround, error) {
	op := usecase.Op{Name: "lab.turnaround_times", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, turnaroundTimes)
}

func turnaroundTimes(ctx context.Context, db dbx.DB, in TurnaroundTimesInput) ([]Turnaround, error) {
	rows, err := db.Query(ctx, turnaroundSelect, db.Tenant(), in.Period.Start, in.Period.End)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	times := []Turnaround{}
	for rows.Next() {
		var t Turnaround
		var minutes, median, p90, longest int64
		if err := rows.Scan(&t.TestID, &t.Code, &minutes, &t.Count, &median, &p90, &longest, &t.OnTarget); err != nil {
			return nil, err
		}
		t.Target = time.Duration(minutes) * time.Minute
		t.Median, t.P90 = time.Duration(median)*time.Microsecond, time.Duration(p90)*time.Microsecond
		t.Longest = time.Duration(longest) * time.Microsecond
		times = append(times, t)
	}
	return times, rows.Err()
}
