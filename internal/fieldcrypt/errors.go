package fieldcrypt

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package. None of them names a value.
var (
	// ErrKeyMissing: the tenant's fields are encrypted and the host gave no key.
	ErrKeyMissing = fmt.Errorf(
		"%w: the data are encrypted and no key-encryption key is configured", hmstype.ErrPrecondition,
	)
	// ErrKeyWrong: the host's key does not unwrap the keys in the database.
	ErrKeyWrong = fmt.Errorf(
		"%w: the configured key-encryption key does not open this database's keys", hmstype.ErrPrecondition,
	)
	// ErrKeyLost: the subject has no key for the field, and nobody erased him.
	ErrKeyLost = fmt.Errorf("%w: the key of this record is not there", hmstype.ErrPrecondition)
	// ErrErased: the subject's keys were destroyed on purpose; nothing new is sealed for him.
	ErrErased = fmt.Errorf("%w: the person was erased", hmstype.ErrPrecondition)
	// ErrReplaced: clear text stands where the tenant finished sealing; somebody put it there who has no key.
	ErrReplaced = fmt.Errorf("%w: clear text stands in the place of an encrypted field", hmstype.ErrPrecondition)
	// ErrMustSeal: the tenant finished sealing what somebody wants to store in clear: a process without the key, or
	// with narrative encryption switched off.
	ErrMustSeal = fmt.Errorf("%w: this tenant's data are encrypted, and stay so", hmstype.ErrPrecondition)
	// ErrTampered: the stored field is not what was sealed for this row.
	ErrTampered = fmt.Errorf("%w: an encrypted field does not belong to its row", hmstype.ErrPrecondition)
)

var _ = dbx.DeclareStates(dbx.States{
	"HM302": func(string) error { return ErrMustSeal },
})
