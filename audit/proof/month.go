package proof

import (
	"errors"
	"time"
)

// Month is a calendar month in UTC, in the form "2006-01".
type Month string

const monthLayout = "2006-01"

// ErrMonth: the text is no month.
var ErrMonth = errors.New("proof: not a month YYYY-MM")

// MonthOf gives the month of an instant, in UTC.
func MonthOf(at time.Time) Month { return Month(at.UTC().Format(monthLayout)) }

// Bounds gives the month's first instant and the first after it, UTC. [ErrMonth].
func (m Month) Bounds() (from, to time.Time, err error) {
	from, err = time.Parse(monthLayout, string(m))
	if err != nil || from.Year() < 1 || MonthOf(from) != m {
		return time.Time{}, time.Time{}, ErrMonth
	}
	return from, from.AddDate(0, 1, 0), nil
}
