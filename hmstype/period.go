package hmstype

import "time"

// Period is a half-open interval of time [Start, End): it holds Start and not End, so
// that one period may begin at the instant at which another ends (FHIR Period).
type Period struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"` // zero means open: not ended yet
}

// IsOpen tells whether the period has not ended yet.
func (p Period) IsOpen() bool { return p.End.IsZero() }

// Contains tells whether the instant lies in the period.
func (p Period) Contains(t time.Time) bool {
	return !t.Before(p.Start) && (p.IsOpen() || t.Before(p.End))
}

// Overlaps tells whether the two periods share an instant.
func (p Period) Overlaps(other Period) bool {
	return (other.IsOpen() || p.Start.Before(other.End)) && (p.IsOpen() || other.Start.Before(p.End))
}

// Duration of a closed period; zero for an open one.
func (p Period) Duration() time.Duration {
	if p.IsOpen() {
		return 0
	}
	return p.End.Sub(p.Start)
}

// Validate checks that the period has a start in the years 1800 to 9999 and ends after it.
func (p Period) Validate() error {
	var v Validator
	v.Required(!p.Start.IsZero(), "start")
	v.Check(p.Start.IsZero() || inCalendar(p.Start), "start", "must lie in the years 1800 to 9999")
	v.Check(p.IsOpen() || p.End.After(p.Start), "end", "must be after start")
	v.Check(p.IsOpen() || inCalendar(p.End), "end", "must lie in the years 1800 to 9999")
	return v.Err()
}

func inCalendar(t time.Time) bool { return t.UTC().Year() >= 1800 && t.UTC().Year() <= 9999 }

// Instant gives t as the library stores it: UTC, truncated to microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
