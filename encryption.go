package hms

import (
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// OpenLocalKey gives a key-encryption key that lies in a file, for development and tests: a
// Tink keyset in JSON, which is made, readable by its owner only, where there is none. In
// production the key belongs into a key management service: whoever reads the file and the
// database reads everything.
func OpenLocalKey(path string) (hmstype.KeyEncryptionKey, error) {
	return fieldcrypt.OpenLocalKey(path)
}

// Errors of field encryption that a host meets at its start.
var (
	// ErrKeyMissing: the database's fields are encrypted and Config has no key.
	ErrKeyMissing = fieldcrypt.ErrKeyMissing
	// ErrKeyWrong: Config's key is not the one that the database was encrypted under.
	ErrKeyWrong = fieldcrypt.ErrKeyWrong
)
