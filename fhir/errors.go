package fhir

import (
	"fmt"
	"strings"

	"github.com/chelal/hms/hmstype"
)

// RecordError says that one record of a file could not be used, and where it stands. Its
// kind is invalid, unless the file itself could not be read; hmstype.Fields gives the
// fields that break a rule.
type RecordError struct {
	File   string // as the caller named it; not part of the text
	Line   int    // on which the record begins, from 1
	Entry  int    // of the Bundle, from 1; zero outside a Bundle
	Offset int64  // of the record's first byte, from 0
	Reason string // what is wrong, without any value of the record
	Err    error  // hmstype.ErrInvalid, a *hmstype.ValidationError, or what the reader said; never nil
}

// Error implements error.
func (e *RecordError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fhir: line %d", e.Line)
	if e.Entry > 0 {
		fmt.Fprintf(&b, ", entry %d", e.Entry)
	}
	fmt.Fprintf(&b, ", byte %d: %s", e.Offset, e.Reason)
	return b.String()
}

// Unwrap gives the kind or the broken rules.
func (e *RecordError) Unwrap() error { return e.Err }

// refusal is a reason without a place, which the reader adds.
type refusal struct {
	reason string
	err    error
}

func (r *refusal) Error() string { return r.reason }

func refuse(reason string) *refusal { return &refusal{reason, hmstype.ErrInvalid} }

// strict refuses a text that two readers understand differently; an error is a *refusal.
func strict(raw []byte) error {
	if err := hmstype.CheckJSON(raw); err != nil {
		return &refusal{err.Error(), err}
	}
	return nil
}
