package audit

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrNoSigner: the host configured no key to sign checkpoints with.
	ErrNoSigner = fmt.Errorf("%w: no signer of the audit log is configured", hmstype.ErrPrecondition)
	// ErrLogDamaged: the log in the database is not what was signed; nothing is added to it.
	ErrLogDamaged = fmt.Errorf("%w: the audit log is not what was signed", hmstype.ErrPrecondition)
	// ErrInTransaction: sealing tells witnesses what was committed, so it cannot run inside
	// the host's transaction.
	ErrInTransaction = fmt.Errorf("%w: sealing needs a transaction of its own", hmstype.ErrPrecondition)
	// ErrNotSealed: the event is not in the log yet.
	ErrNotSealed = fmt.Errorf("%w: the event is not sealed yet", hmstype.ErrPrecondition)
)

var _ = dbx.Declare(dbx.Constraints{
	"audit_leaf_event_key": ErrLogDamaged,
})
