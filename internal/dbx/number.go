package dbx

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Series is a run of numbers that people read, per tenant, from 1 on and without gaps: record numbers, orders, bills.
type Series struct {
	name   string
	yearly bool
}

var allSeries = struct {
	mu   sync.Mutex
	list []Series
}{}

// DeclareSeries names a series that goes on for ever. It is called from a package variable, so that a restore knows
// every series whose numbers may lie outside on paper; it panics on a name that is declared twice.
func DeclareSeries(name string) Series { return declareSeries(Series{name: name}) }

// DeclareYearlySeries names a series that begins anew with each year.
func DeclareYearlySeries(name string) Series { return declareSeries(Series{name: name, yearly: true}) }

func declareSeries(s Series) Series {
	allSeries.mu.Lock()
	defer allSeries.mu.Unlock()
	if slices.ContainsFunc(allSeries.list, func(other Series) bool { return other.name == s.name }) {
		panic("dbx: series declared twice: " + s.name)
	}
	allSeries.list = append(allSeries.list, s)
	return s
}

// counter names the series' row in hms.counter.
func (s Series) counter(year int) string {
	if !s.yearly {
		return s.name
	}
	return s.name + "-" + strconv.Itoa(year)
}

// NextNumber gives the next number of a series; year counts only for one that begins anew with each. The counter's
// row stays locked until the use case commits, and a rollback gives the number back.
// Take it late in a use case, for every other use case that needs the counter waits.
func (db DB) NextNumber(ctx context.Context, series Series, year int) (int64, error) {
	_, last, err := db.takeNumbers(ctx, series.counter(year), 1)
	return last, err
}

// takeNumbers takes the next numbers of a counter, first and last among them.
func (db DB) takeNumbers(ctx context.Context, counter string, n int64) (first, last int64, err error) {
	err = db.QueryRow(ctx, `INSERT INTO hms.counter (tenant_id, name, value) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + $3 RETURNING value`,
		db.Tenant(), counter, n).Scan(&last)
	return last - n + 1, last, err
}

// SkippedNumbers is a range that a series left out: nobody may ever be given one of them.
type SkippedNumbers struct {
	Series    string    `json:"series"`             // such as "patient.mrn", or with its year "bill-2026"
	First     int64     `json:"first"`              // at least 1
	Last      int64     `json:"last"`               // at least First
	Reason    string    `json:"reason"`             // 3 to 1000 characters
	SkippedAt time.Time `json:"skippedAt,omitzero"` // UTC
}

// SkipNumbers leaves out the next n numbers of every series, of a yearly one in the years given, and puts each range on
// record with the reason, 3 to 1000 characters.
func (db DB) SkipNumbers(ctx context.Context, n int64, reason string, years ...int) ([]SkippedNumbers, error) {
	allSeries.mu.Lock()
	list := slices.Clone(allSeries.list)
	allSeries.mu.Unlock()
	var counters []string
	for _, s := range list {
		for _, year := range years {
			counters = append(counters, s.counter(year))
		}
	}
	slices.Sort(counters) // counters are locked in one order
	var skipped []SkippedNumbers
	for _, counter := range slices.Compact(counters) {
		first, last, err := db.takeNumbers(ctx, counter, n)
		if err != nil {
			return nil, err
		}
		_, err = db.Exec(ctx, `INSERT INTO hms.skipped_number (tenant_id, series, first, last, reason, skipped_at, skipped_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, db.Tenant(), counter, first, last, reason, db.Now, db.By())
		if err != nil {
			return nil, err
		}
		skipped = append(skipped, SkippedNumbers{
			Series: counter, First: first, Last: last, Reason: reason, SkippedAt: db.Now.UTC(),
		})
	}
	return skipped, nil
}

// ListSkippedNumbers gives every range that was left out, in the order of the series' names and numbers. There is one
// per series and restore.
func (db DB) ListSkippedNumbers(ctx context.Context) ([]SkippedNumbers, error) {
	rows, err := db.Query(ctx, `SELECT series, first, last, reason, skipped_at FROM hms.skipped_number
		WHERE tenant_id = $1 ORDER BY series, first`, db.Tenant())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []SkippedNumbers
	for rows.Next() {
		var s SkippedNumbers
		if err := rows.Scan(&s.Series, &s.First, &s.Last, &s.Reason, &s.SkippedAt); err != nil {
			return nil, err
		}
		s.SkippedAt = s.SkippedAt.UTC()
		list = append(list, s)
	}
	return list, rows.Err()
}
