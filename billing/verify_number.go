package billing

import (
	"context"

	"github.com/chelal/hms/internal/dbx"
)

// NumberRange is a run of numbers of bills or credit notes of one year that no document has.
type NumberRange struct {
	Series string `json:"series"` // such as "bill-2026", "credit-note-2026"
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	Reason string `json:"reason"` // why they are void, as on record; empty where nothing explains them
}

// missingNumbers gives, per series, what lies between the numbers that documents have, and between the last of them and
// the counter.
const missingNumbers = `WITH taken (series, n) AS (
		SELECT 'bill-' || split_part(b.bill_number, '-', 2), split_part(b.bill_number, '-', 3)::bigint
		FROM hms.bill AS b WHERE b.tenant_id = $1 AND b.bill_number <> ''
		UNION ALL SELECT 'credit-note-' || split_part(c.note_number, '-', 2), split_part(c.note_number, '-', 3)::bigint
		FROM hms.credit_note AS c WHERE c.tenant_id = $1
		UNION ALL SELECT k.name, k.value + 1 FROM hms.counter AS k
		WHERE k.tenant_id = $1 AND k.name SIMILAR TO '(bill|credit-note)-[0-9]+')
	SELECT g.series, g.first, g.last FROM (
		SELECT series, coalesce(lag(n) OVER (PARTITION BY series ORDER BY n), 0) + 1 AS first, n - 1 AS last FROM taken) AS g
	WHERE g.first <= g.last ORDER BY g.series, g.first`

// verifyNumbers splits what is missing into what is void by a record and what nothing explains, each at most
// [maxDrifts] ranges.
func verifyNumbers(ctx context.Context, db dbx.DB, report *Report) error {
	skipped, err := db.ListSkippedNumbers(ctx)
	if err != nil {
		return err
	}
	rows, err := db.Replanned().Query(ctx, missingNumbers, db.Tenant())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var missing NumberRange
		if err := rows.Scan(&missing.Series, &missing.First, &missing.Last); err != nil {
			return err
		}
		void, gaps := explain(missing, skipped)
		report.Void, report.Gaps = append(report.Void, void...), append(report.Gaps, gaps...)
	}
	report.Void, report.Gaps = firstOf(report.Void, maxDrifts), firstOf(report.Gaps, maxDrifts)
	return rows.Err()
}

func firstOf(list []NumberRange, n int) []NumberRange { return list[:min(len(list), n)] }

// explain holds one missing range against the records of skipped ones, which are ordered by their first number.
func explain(missing NumberRange, skipped []dbx.SkippedNumbers) (void, gaps []NumberRange) {
	next := missing.First
	for _, s := range skipped {
		if s.Series != missing.Series || s.Last < next || s.First > missing.Last {
			continue
		}
		if s.First > next {
			gaps = append(gaps, NumberRange{Series: missing.Series, First: next, Last: s.First - 1})
		}
		last := min(s.Last, missing.Last)
		void = append(void, NumberRange{missing.Series, max(s.First, next), last, s.Reason})
		next = last + 1
	}
	if next <= missing.Last {
		gaps = append(gaps, NumberRange{Series: missing.Series, First: next, Last: missing.Last})
	}
	return void, gaps
}
