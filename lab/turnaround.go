package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Turnaround is how long one test took from collection to its first final result.
type Turnaround struct {
	Test     hmstype.LabTestID `json:"test"`
	Code     string            `json:"code"`
	Count    int64             `json:"count"`  // items that became final in the period
	Median   time.Duration     `json:"median"` // half of them took no longer
	P90      time.Duration     `json:"p90"`    // nine of ten took no longer
	Longest  time.Duration     `json:"longest"`
	Target   time.Duration     `json:"target"`   // the test's, as it is now
	OnTarget int64             `json:"onTarget"` // items that took no longer than the target
}

// maxTurnaroundDays bounds the period of one question.
const maxTurnaroundDays = 400

// ListTurnaroundTimesInput asks for a period of at most 400 days; an item counts where it became
// final.
type ListTurnaroundTimesInput struct {
	Period hmstype.Period `json:"period"` // required, closed
}

// Validate implements the rules above.
func (in ListTurnaroundTimesInput) Validate() error {
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
		WHERE i.tenant_id = $1 AND i.result_date >= $2 AND i.result_date < $3
		AND i.status IN ('final', 'corrected', 'amended')) AS x
	JOIN hms.lab_test AS t ON t.tenant_id = x.tenant_id AND t.id = x.test_id
	WHERE t.tenant_id = $1 AND x.tenant_id = $1
	GROUP BY t.id, t.code, t.turnaround_minutes ORDER BY t.code`

var opListTurnaroundTimes = usecase.Query[ListTurnaroundTimesInput, []Turnaround]{
	Name: "lab.list_turnaround_times", Permission: hmstype.PermLabRead,
	Shows:  usecase.Nobody[[]Turnaround]("figures only"),
	Quiet:  "figures only",
	Sample: ListTurnaroundTimesInput{Period: usecase.SamplePeriod},
}.Declare()

// ListTurnaroundTimes gives the times from collection to the final result per test, exactly.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListTurnaroundTimes(ctx context.Context, in ListTurnaroundTimesInput) ([]Turnaround, error) {
	return opListTurnaroundTimes.Run(ctx, &s.base, in, turnaroundTimes)
}

func turnaroundTimes(ctx context.Context, db dbx.DB, in ListTurnaroundTimesInput) ([]Turnaround, error) {
	rows, err := db.Query(ctx, turnaroundSelect, db.Tenant(), in.Period.Start, in.Period.End)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	times := []Turnaround{}
	for rows.Next() {
		var t Turnaround
		var minutes, median, p90, longest int64
		if err := rows.Scan(&t.Test, &t.Code, &minutes, &t.Count, &median, &p90, &longest, &t.OnTarget); err != nil {
			return nil, err
		}
		t.Target = time.Duration(minutes) * time.Minute
		t.Median, t.P90 = time.Duration(median)*time.Microsecond, time.Duration(p90)*time.Microsecond
		t.Longest = time.Duration(longest) * time.Microsecond
		times = append(times, t)
	}
	return times, rows.Err()
}
