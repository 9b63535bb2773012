package fieldcrypt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// LocalKey is a key-encryption key that lies in a file, or in memory only. It protects
// against somebody who gets the database without the machine, and against nobody else.
type LocalKey struct {
	aead tink.AEAD
}

// NewLocalKey makes a key that is lost with the process, for tests.
func NewLocalKey() (*LocalKey, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	return localKey(handle)
}

func localKey(handle *keyset.Handle) (*LocalKey, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	return &LocalKey{aead: primitive}, nil
}

// OpenLocalKey reads the key from a Tink keyset in JSON, and makes the file, readable by its
// owner only, where there is none.
func OpenLocalKey(path string) (*LocalKey, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the host names its own key file
	if errors.Is(err, fs.ErrNotExist) {
		return createLocalKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("local key: the file is no keyset: %w", err)
	}
	return localKey(handle)
}

func createLocalKey(path string) (*LocalKey, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	//nolint:gosec // the host names its own key file
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	err = errors.Join(insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(file)), file.Sync(), file.Close())
	if err != nil {
		return nil, fmt.Errorf("local key: %w", err)
	}
	return localKey(handle)
}

// EncryptWithContext implements hmstype.KeyEncryptionKey.
func (k *LocalKey) EncryptWithContext(_ context.Context, plaintext, associatedData []byte) ([]byte, error) {
	return k.aead.Encrypt(plaintext, associatedData)
}

// DecryptWithContext implements hmstype.KeyEncryptionKey.
func (k *LocalKey) DecryptWithContext(_ context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	return k.aead.Decrypt(ciphertext, associatedData)
}
