package usecase

import (
	"fmt"
	"strings"
)

// Fault is one line of a report that may be wrong: so many of what should not be.
type Fault struct {
	Count int64
	What  string // such as "pairs of stays in one bed at one time"; never a patient's data
}

// ReportText gives the text that a service's Report shows on a terminal: one line with the verdict
// and what was looked at, and one line per fault that was found.
func ReportText(clean bool, lookedAt string, faults ...Fault) string {
	var b strings.Builder
	b.WriteString(map[bool]string{true: "clean", false: "NOT CLEAN"}[clean])
	if lookedAt != "" {
		b.WriteString(": " + lookedAt)
	}
	for _, f := range faults {
		if f.Count != 0 {
			fmt.Fprintf(&b, "\n  %d %s", f.Count, f.What)
		}
	}
	return b.String()
}
