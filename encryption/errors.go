package encryption

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// ErrOff: no key-encryption key is configured, so there is nothing to turn; a precondition.
var ErrOff = fieldcrypt.ErrOff

// ErrReplaced: clear text stands where the tenant finished sealing; somebody put it there who has no key. A
// precondition. See [Service.Reencrypt].
var ErrReplaced = fieldcrypt.ErrReplaced

// ErrMustSeal: the tenant finished sealing what was to be stored in clear, by a process without the key or with
// narrative encryption switched off; a precondition. See [Service.Reencrypt].
var ErrMustSeal = fieldcrypt.ErrMustSeal

// ErrErased: the person was erased, so nothing is sealed for him any more; a precondition.
var ErrErased = fieldcrypt.ErrErased

// ErrHeld: a legal hold keeps the patient's data; a precondition.
var ErrHeld = fmt.Errorf("%w: a legal hold keeps these data", hmstype.ErrPrecondition)

// ErrNoLedger: no ledger of erasures is configured; a precondition.
var ErrNoLedger = fmt.Errorf("%w: no ledger of erasures is configured", hmstype.ErrPrecondition)

// ErrLedger: the ledger of erasures cannot be read or written, or holds what nobody known has signed; unavailable.
var ErrLedger = fmt.Errorf("%w: the ledger of erasures", hmstype.ErrUnavailable)

// ErrInTransaction: the ledger is told what was committed, so it needs transactions of its own; a precondition.
var ErrInTransaction = fmt.Errorf("%w: the ledger of erasures needs transactions of its own", hmstype.ErrPrecondition)

// errKeysStay: the database refused to change or destroy keys; the services ask before.
var errKeysStay = fmt.Errorf("%w: these keys are kept", hmstype.ErrPrecondition)

var _ = dbx.DeclareStates(dbx.States{
	"HM301": func(string) error { return errKeysStay },
})
