package sealed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrNoSigner: the host configured no key to sign checkpoints with.
	ErrNoSigner = fmt.Errorf("%w: no signer of the audit log is configured", hmstype.ErrPrecondition)
	// ErrLogDamaged: the log in the database is not what was signed; nothing is added to it.
	ErrLogDamaged = fmt.Errorf("%w: the audit log is not what was signed", hmstype.ErrPrecondition)
	// ErrKeyRetired: the signer's key has signed this log, and another one does now; give the host that one.
	ErrKeyRetired = fmt.Errorf("%w: another key signs the audit log now", hmstype.ErrPrecondition)
	// ErrInTransaction: sealing tells witnesses what was committed, so it cannot run inside
	// the host's transaction.
	ErrInTransaction = fmt.Errorf("%w: sealing needs a transaction of its own", hmstype.ErrPrecondition)
	// ErrNotSealed: the event is not in the log yet.
	ErrNotSealed = fmt.Errorf("%w: the event is not sealed yet", hmstype.ErrPrecondition)
	// ErrRetained: something keeps the month from being purged; see [RetainedError].
	ErrRetained = fmt.Errorf("%w: the month must be kept", hmstype.ErrPrecondition)
	// ErrNoPartition: the month has no partition of its own. It was purged, or never had events,
	// or they lie in the default partition, from which nothing can be dropped: move them first.
	ErrNoPartition = fmt.Errorf("%w: the month has no partition of its own", hmstype.ErrNotFound)
	// ErrArchive: the store does not give back what was written; nothing was dropped.
	ErrArchive = fmt.Errorf("%w: the store does not hold the archive as it was written", hmstype.ErrPrecondition)
	// ErrForked: a checkpoint does not extend the one that the witness has.
	ErrForked = errors.New("audit: the log does not extend what the witness has seen")
)

// RetainedError names what keeps a month from being purged; its kind is that of [ErrRetained].
type RetainedError struct {
	Month   Month
	Tenants []TenantMonth // those with obstacles
}

// Error implements error.
func (e *RetainedError) Error() string {
	kinds := map[ObstacleKind]bool{}
	for _, t := range e.Tenants {
		for _, o := range t.Obstacles {
			kinds[o.Kind] = true
		}
	}
	return fmt.Sprintf("%s: %s (%d tenants): %s", ErrRetained, e.Month, len(e.Tenants), joinSorted(kinds))
}

// Unwrap makes errors.Is(err, ErrRetained) true.
func (e *RetainedError) Unwrap() error { return ErrRetained }

func joinSorted(kinds map[ObstacleKind]bool) string {
	list := make([]string, 0, len(kinds))
	for kind := range kinds {
		list = append(list, string(kind))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

var _ = dbx.Declare(dbx.Constraints{"audit_leaf_event_key": ErrLogDamaged})
