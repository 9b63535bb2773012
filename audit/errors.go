package audit

import (
	"errors"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrChanges: what an event says of changes has not the form that the triggers write.
	ErrChanges = errors.New("audit: the event's changes are malformed")
	// ErrNotSuspendable: only what went to health oversight or law enforcement may be kept from
	// the patient.
	ErrNotSuspendable = fmt.Errorf("%w: the accounting of this disclosure cannot be suspended", hmstype.ErrPrecondition)
	// ErrDisclosureInError: the record was marked as an error.
	ErrDisclosureInError = fmt.Errorf("%w: the disclosure was entered in error", hmstype.ErrPrecondition)
	// ErrReleased: the legal hold was released already.
	ErrReleased = fmt.Errorf("%w: the legal hold is released already", hmstype.ErrPrecondition)
)

var _ = dbx.Declare(dbx.Constraints{"retention_policy_rule_key": hmstype.ErrAlreadyExists})
