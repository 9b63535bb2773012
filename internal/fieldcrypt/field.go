package fieldcrypt

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chelal/hms/hmstype"
)

// Field is the logical name of a field, such as "patient.phone". It is bound into the
// ciphertext, so it never changes; a column may be renamed.
type Field string

// prefix begins every stored ciphertext; no text in clear may begin with it.
const prefix = "hms1:"

// block is the step in bytes to which text is padded.
const block = 16

// Keys are what one use case needs to seal and open the fields of some subjects.
type Keys struct {
	tenant hmstype.TenantID
	keys   tenantKeys
	epoch  int // zero: fields are stored as they are
	data   map[dataKeyID]tink.AEAD
	erased map[uuid.UUID]struct{} // subjects whose keys were destroyed
	strict map[Field]struct{}     // fields that the tenant finished sealing: none is in clear
}

type dataKeyID struct {
	subject uuid.UUID
	epoch   int
}

// Erased tells whether a subject's keys were destroyed: then all its sealed fields open as
// empty text.
func (k Keys) Erased(subject uuid.UUID) bool {
	_, erased := k.erased[subject]
	return erased
}

// Sealed tells whether stored text is a ciphertext.
func Sealed(stored string) bool { return strings.HasPrefix(stored, prefix) }

// Seal gives the form in which a subject's field is stored. The subject must be among those
// that the keys were loaded or created for. Empty text stays empty.
func (k Keys) Seal(subject uuid.UUID, field Field, row fmt.Stringer, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if k.epoch == 0 {
		if Sealed(text) {
			return "", hmstype.Invalid(string(field), "must not begin like a ciphertext")
		}
		return text, nil
	}
	key, ok := k.data[dataKeyID{subject, k.epoch}]
	switch {
	case k.Erased(subject):
		return "", ErrErased
	case !ok:
		return "", ErrKeyLost
	}
	sealed, err := key.Encrypt(pad([]byte(text)), k.context(field, row))
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", field, err)
	}
	return prefix + strconv.Itoa(k.epoch) + ":" + base64.RawStdEncoding.EncodeToString(sealed), nil
}

// Open gives the text of a stored field. Text that was stored before encryption was
// switched on is given as it is, until the tenant finished sealing the field: [ErrReplaced] from then on.
// A subject that was erased gives empty text; [ErrKeyLost]
// where the key is gone otherwise, [ErrTampered] where the ciphertext is not this row's.
func (k Keys) Open(subject uuid.UUID, field Field, row fmt.Stringer, stored string) (string, error) {
	if !Sealed(stored) {
		if _, strict := k.strict[field]; strict && stored != "" {
			return "", ErrReplaced
		}
		return stored, nil
	}
	if k.epoch == 0 {
		return "", ErrKeyMissing
	}
	if k.Erased(subject) {
		return "", nil
	}
	epochText, body, ok := strings.Cut(stored[len(prefix):], ":")
	epoch, err := strconv.Atoi(epochText)
	if err != nil || !ok {
		return "", ErrTampered
	}
	sealed, err := base64.RawStdEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", ErrTampered
	}
	key, ok := k.data[dataKeyID{subject, epoch}]
	if !ok {
		return "", ErrKeyLost
	}
	padded, err := key.Decrypt(sealed, k.context(field, row))
	if err != nil {
		return "", ErrTampered
	}
	return unpad(padded)
}

// maxEpochDigits are those of the largest epoch that a column of type integer holds.
const maxEpochDigits = 10

// SealedLength gives the length of the longest stored form that a text of so many characters can have,
// for the CHECK of its column: up to four bytes a character, padded to the next block, with AES-GCM's
// nonce and tag, in base64, behind the prefix with the epoch.
func SealedLength(characters int) int {
	padded := (utf8.UTFMax*characters/block + 1) * block
	sealed := subtle.AESGCMIVSize + padded + subtle.AESGCMTagSize
	return len(prefix) + maxEpochDigits + len(":") + base64.RawStdEncoding.EncodedLen(sealed)
}

func (k Keys) context(field Field, row fmt.Stringer) []byte {
	return lengthPrefixed("hms1", k.tenant.String(), string(field), row.String())
}

// Index gives the token under which a normalised value is stored and found: equal values of
// one field of one tenant have equal tokens, and nobody without the key can tell which value
// it is. 128 bits, so that a unique constraint on it means unique values. Where fields are
// stored as they are it is the value itself. Empty stays empty.
func (k Keys) Index(field Field, normalized string) (string, error) {
	if k.epoch == 0 || normalized == "" {
		return normalized, nil
	}
	token, err := k.keys.index.ComputePrimaryPRF(lengthPrefixed(string(field), normalized), block)
	if err != nil {
		return "", fmt.Errorf("index %s: %w", field, err)
	}
	return hex.EncodeToString(token), nil
}

// pad adds one byte 0x80 and zeros up to the next multiple of the block (ISO/IEC 7816-4).
func pad(text []byte) []byte {
	padded := append(bytes.Clone(text), 0x80)
	return append(padded, make([]byte, (block-len(padded)%block)%block)...)
}

func unpad(padded []byte) (string, error) {
	text := bytes.TrimRight(padded, "\x00")
	if len(text) == 0 || text[len(text)-1] != 0x80 {
		return "", ErrTampered
	}
	return string(text[:len(text)-1]), nil
}
