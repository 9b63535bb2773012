package usecase

import (
	"time"

	"github.com/chelal/hms/hmstype"
)

// SampleAt is the instant at which the samples of declarations play: where the clock of the
// library's tests begins.
var SampleAt = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// SampleDay is the day of SampleAt in UTC.
var SampleDay = hmstype.DateOf(SampleAt, time.UTC)

// SamplePeriod is an hour of the same day that has not begun.
var SamplePeriod = hmstype.Period{Start: SampleAt.Add(3 * time.Hour), End: SampleAt.Add(4 * time.Hour)}
