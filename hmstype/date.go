package hmstype

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"math"
	"time"
)

// Date is a day of the Gregorian calendar without time or zone: a birth, an expiry.
// The zero Date means "none". Dates compare with ==. Years of a date that is given or stored are 0001 to 9999; a
// calculation may leave them, and then it is neither written as JSON nor to the database.
type Date struct {
	year  int16
	month int8
	day   int8
}

const dateLayout = "2006-01-02"

// ErrBadDate is returned (as an invalid-kind error) for text that is not a date YYYY-MM-DD.
var ErrBadDate = fmt.Errorf("%w: not a date YYYY-MM-DD", ErrInvalid)

// NewDate makes a date; a day outside the month is carried over, as time.Date does. What lies before the year -32768
// or after 32767 is a date of that year, which is no valid one either.
func NewDate(year int, month time.Month, day int) Date {
	const days = 1 << 26 // more than there are from end to end
	year, day = min(max(year, math.MinInt16-1), math.MaxInt16+1), min(max(day, -days), days)
	return dateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DateOf gives the calendar day of an instant at a place.
func DateOf(t time.Time, zone *time.Location) Date { return dateOf(t.In(zone)) }

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{year: int16(min(max(y, math.MinInt16), math.MaxInt16)), month: int8(m), day: int8(d)}
}

// ParseDate reads YYYY-MM-DD, years 0001 to 9999.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(dateLayout, text)
	if err != nil || t.Year() < 1 {
		return Date{}, ErrBadDate
	}
	return dateOf(t), nil
}

// Year of the date; zero for the zero date.
func (d Date) Year() int { return int(d.year) }

// Month of the year, 1 to 12.
func (d Date) Month() time.Month { return time.Month(d.month) }

// Day of the month, 1 to 31.
func (d Date) Day() int { return int(d.day) }

// IsZero tells whether the date is absent.
func (d Date) IsZero() bool { return d == Date{} }

// String gives YYYY-MM-DD, empty for the zero date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// In gives the first instant of the day at a place. Where the day begins in a gap of
// local time (some zones change at midnight), it is the first instant after the gap.
func (d Date) In(zone *time.Location) time.Time {
	t := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone)
	for dateOf(t) != d {
		t = t.Add(15 * time.Minute)
	}
	return t
}

// AddDays gives the date n days later (earlier for negative n).
func (d Date) AddDays(n int) Date { return NewDate(d.Year(), d.Month(), d.Day()+n) }

// EndOfMonth gives the last day of the date's month, which is what an expiry printed as
// month and year means.
func (d Date) EndOfMonth() Date { return NewDate(d.Year(), d.Month()+1, 0) }

// Compare gives -1, 0 or 1 as d lies before, on or after other.
func (d Date) Compare(other Date) int { return cmp.Compare(d.ordinal(), other.ordinal()) }

// Before tells whether d lies before other.
func (d Date) Before(other Date) bool { return d.ordinal() < other.ordinal() }

// After tells whether d lies after other.
func (d Date) After(other Date) bool { return d.ordinal() > other.ordinal() }

func (d Date) ordinal() int { return int(d.year)*10000 + int(d.month)*100 + int(d.day) }

// DaysUntil gives the number of days from d to other; negative where other lies before.
func (d Date) DaysUntil(other Date) int {
	return int(other.In(time.UTC).Sub(d.In(time.UTC)) / (24 * time.Hour))
}

// AgeAt gives the completed years on the day. A person born on 29 February completes a
// year on 1 March of a common year.
func (d Date) AgeAt(day Date) int {
	age := day.Year() - d.Year()
	if day.Month() < d.Month() || (day.Month() == d.Month() && day.Day() < d.Day()) {
		age--
	}
	return age
}

// isText tells whether the date has a text that [ParseDate] reads.
func (d Date) isText() bool { return d.IsZero() || d.year >= 1 && d.year <= maxYear }

// maxYear is the last that four digits write.
const maxYear = 9999

// MarshalText implements encoding.TextMarshaler; [ErrBadDate] outside of the years 0001 to 9999.
func (d Date) MarshalText() ([]byte, error) {
	if !d.isText() {
		return nil, ErrBadDate
	}
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Value implements driver.Valuer; the zero date is NULL, and [ErrBadDate] what lies outside of the years 0001 to 9999.
func (d Date) Value() (driver.Value, error) {
	switch {
	case d.IsZero():
		return nil, nil
	case !d.isText():
		return nil, ErrBadDate
	}
	return d.String(), nil
}

// Scan implements sql.Scanner; NULL is the zero date.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
		return nil
	case time.Time:
		*d = dateOf(v)
		return nil
	case string:
		return d.UnmarshalText([]byte(firstN(v, len(dateLayout))))
	case []byte:
		return d.UnmarshalText([]byte(firstN(string(v), len(dateLayout))))
	default:
		return fmt.Errorf("hmstype: cannot scan %T into a Date", src)
	}
}

func firstN(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
