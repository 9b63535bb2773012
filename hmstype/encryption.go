package hmstype

import "context"

// KeyEncryptionKey wraps the library's data keys: it is the one key that the host holds,
// in a key management service, a hardware module or a file. Every AEADWithContext of Tink
// is one, so Tink's own clients of AWS KMS, Google Cloud KMS, Azure Key Vault and HashiCorp
// Vault fit as they are. It wraps keys, never a patient's data, and is asked about once per
// tenant and process.
//
// The associated data name the tenant and the purpose; a wrapped key that is moved to
// another tenant must not unwrap. Both methods must be safe for concurrent use, and fail
// when ctx ends.
type KeyEncryptionKey interface {
	EncryptWithContext(ctx context.Context, plaintext, associatedData []byte) ([]byte, error)
	DecryptWithContext(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error)
}
