package fieldcrypt

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chelal/hms/hmstype"
)

// Cipher unwraps keys and remembers what it unwrapped. It is safe for concurrent use. A nil
// Cipher, and one without a key-encryption key, stores fields as they are.
type Cipher struct {
	kek       hmstype.KeyEncryptionKey
	narrative bool

	mu      sync.Mutex
	tenants map[[sha256.Size]byte]tenantKeys
	data    map[[sha256.Size]byte]tink.AEAD
	clear   map[hmstype.TenantID]struct{} // found without a keyset, while there is no key
	strict  map[string]map[Field]struct{} // by the list of columns as a tenant's keyset has it
}

// New makes a cipher; a nil kek leaves fields as they are.
func New(kek hmstype.KeyEncryptionKey) *Cipher {
	return &Cipher{
		kek: kek, tenants: map[[sha256.Size]byte]tenantKeys{}, data: map[[sha256.Size]byte]tink.AEAD{},
		clear: map[hmstype.TenantID]struct{}{}, strict: map[string]map[Field]struct{}{},
	}
}

// WithNarrative says whether what people write about a patient is sealed too; it is called before
// the cipher is used.
func (c *Cipher) WithNarrative(seal bool) *Cipher {
	c.narrative = seal
	return c
}

// SealsNarrative tells what [Cipher.WithNarrative] said.
func (c *Cipher) SealsNarrative() bool { return c != nil && c.narrative }

// On tells whether fields are encrypted.
func (c *Cipher) On() bool { return c != nil && c.kek != nil }

// tenantKeys are a tenant's keysets, unwrapped.
type tenantKeys struct {
	handle *keyset.Handle // of the data keyset, for rotation
	wrap   tink.AEAD
	index  *prf.Set
}

// maxRemembered bounds each memory of unwrapped keys; past it, it starts anew.
const maxRemembered = 10_000

// keyLength is AES-256's, in bytes.
const keyLength = 32

// Purposes of a tenant's keysets: part of what a wrapped keyset is bound to.
const (
	purposeData  = "data"
	purposeIndex = "index"
)

func keysetContext(tenant hmstype.TenantID, purpose string) []byte {
	return lengthPrefixed("hms1 keyset", tenant.String(), purpose)
}

// lengthPrefixed joins texts such that no two lists give the same bytes.
func lengthPrefixed(parts ...string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return b.Bytes()
}

// wrapKeyset encrypts a keyset by the host's key.
func (c *Cipher) wrapKeyset(
	ctx context.Context, handle *keyset.Handle, tenant hmstype.TenantID, purpose string,
) ([]byte, error) {
	var b bytes.Buffer
	if err := handle.WriteWithContext(ctx, keyset.NewBinaryWriter(&b), c.kek, keysetContext(tenant, purpose)); err != nil {
		return nil, fmt.Errorf("%w: the key-encryption key refused to wrap", hmstype.ErrUnavailable)
	}
	return b.Bytes(), nil
}

func (c *Cipher) unwrapKeyset(
	ctx context.Context, wrapped []byte, tenant hmstype.TenantID, purpose string,
) (*keyset.Handle, error) {
	handle, err := keyset.ReadWithContext(
		ctx, keyset.NewBinaryReader(bytes.NewReader(wrapped)), c.kek, keysetContext(tenant, purpose),
	)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, ErrKeyWrong
	}
	return handle, nil
}

// tenantKeys unwraps both keysets of a tenant, or remembers having done so.
func (c *Cipher) tenantKeys(
	ctx context.Context, tenant hmstype.TenantID, wrappedData, wrappedIndex []byte,
) (tenantKeys, error) {
	id := sha256.Sum256(lengthPrefixed(tenant.String(), string(wrappedData), string(wrappedIndex)))
	if known, ok := remembered(c, c.tenants, id); ok {
		return known, nil
	}
	data, err := c.unwrapKeyset(ctx, wrappedData, tenant, purposeData)
	if err != nil {
		return tenantKeys{}, err
	}
	index, err := c.unwrapKeyset(ctx, wrappedIndex, tenant, purposeIndex)
	if err != nil {
		return tenantKeys{}, err
	}
	keys, err := primitives(data, index)
	if err == nil {
		remember(c, c.tenants, id, keys)
	}
	return keys, err
}

func primitives(data, index *keyset.Handle) (tenantKeys, error) {
	wrap, err := aead.New(data)
	if err != nil {
		return tenantKeys{}, fmt.Errorf("data keyset: %w", err)
	}
	set, err := prf.NewPRFSet(index)
	if err != nil {
		return tenantKeys{}, fmt.Errorf("index keyset: %w", err)
	}
	return tenantKeys{handle: data, wrap: wrap, index: set}, nil
}

func dataKeyContext(tenant hmstype.TenantID, subject uuid.UUID, epoch int) []byte {
	return lengthPrefixed("hms1 key", tenant.String(), subject.String(), fmt.Sprint(epoch))
}

// newDataKey makes a subject's key and gives it wrapped, too.
func (k tenantKeys) newDataKey(
	tenant hmstype.TenantID, subject uuid.UUID, epoch int,
) (wrapped []byte, key tink.AEAD, err error) {
	raw := make([]byte, keyLength)
	if _, err := rand.Read(raw); err != nil {
		return nil, nil, err
	}
	if wrapped, err = k.wrap.Encrypt(raw, dataKeyContext(tenant, subject, epoch)); err != nil {
		return nil, nil, err
	}
	key, err = subtle.NewAESGCM(raw)
	return wrapped, key, err
}

// dataKey unwraps a subject's key, or remembers having done so.
func (c *Cipher) dataKey(
	keys tenantKeys, tenant hmstype.TenantID, subject uuid.UUID, epoch int, wrapped []byte,
) (tink.AEAD, error) {
	bound := dataKeyContext(tenant, subject, epoch)
	id := sha256.Sum256(append(bound, wrapped...))
	if known, ok := remembered(c, c.data, id); ok {
		return known, nil
	}
	raw, err := keys.wrap.Decrypt(wrapped, bound)
	if err != nil {
		return nil, ErrTampered
	}
	key, err := subtle.NewAESGCM(raw)
	if err == nil {
		remember(c, c.data, id, tink.AEAD(key))
	}
	return key, err
}

func remembered[V any](c *Cipher, from map[[sha256.Size]byte]V, id [sha256.Size]byte) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := from[id]
	return v, ok
}

func remember[V any](c *Cipher, in map[[sha256.Size]byte]V, id [sha256.Size]byte, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(in) >= maxRemembered {
		clear(in)
	}
	in[id] = v
}
