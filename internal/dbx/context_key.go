package dbx

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
)

// contextKeySize is that of a key, in bytes: as much as SHA-256 gives.
const contextKeySize = 32

// signedFor is how long a signed context may be entered. It is entered at once; the time is for clocks
// that differ, and bounds what somebody who saw it can do with it.
const signedFor = 5 * time.Minute

// ContextKey signs what a transaction says of its operation; see migrate/hardened. A nil one signs nothing:
// the database is in its ordinary mode.
type ContextKey struct{ key [contextKeySize]byte }

// AssumedContextKey is the key of a handle whose options name none, and by which package migrate hardens what it
// migrates. Tests set it, to run the whole suite in hardened mode; nothing else may.
var AssumedContextKey *ContextKey

// NewContextKey makes a key of random bytes, as text.
func NewContextKey() (hmstype.Secret, error) {
	var key [contextKeySize]byte
	if _, err := rand.Read(key[:]); err != nil {
		return "", err
	}
	return hmstype.Secret(base64.StdEncoding.EncodeToString(key[:])), nil
}

// ParseContextKey reads what [NewContextKey] made. Any other text is invalid.
func ParseContextKey(text hmstype.Secret) (*ContextKey, error) {
	key, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(key) != contextKeySize {
		return nil, hmstype.Invalid("contextKey", fmt.Sprintf("must be %d bytes in base64", contextKeySize))
	}
	k := &ContextKey{}
	copy(k.key[:], key)
	return k, nil
}

// ID names the key and does not tell it.
func (k *ContextKey) ID() string {
	sum := sha256.Sum256(append([]byte("hms context key "), k.key[:]...))
	return hex.EncodeToString(sum[:8])
}

// Pads gives the two blocks by which HMAC-SHA256 begins its hashes (RFC 2104): with them SQL verifies a
// signature in two hashes, and needs no key.
func (k *ContextKey) Pads() (inner, outer []byte) {
	inner, outer = make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)
	copy(inner, k.key[:])
	copy(outer, k.key[:])
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	return inner, outer
}

// sign gives the context with the tenant, as hms.enter (migrate/hardened/3_enter.sql) takes it.
func (k *ContextKey) sign(s settings) string {
	now := time.Now() //nolint:forbidigo // the database holds it against its own clock, not against Config.Now
	until := strconv.FormatInt(now.Add(signedFor).Unix(), 10)
	text := strings.Join([]string{s.context, s.tenant, k.ID(), until}, separator)
	mac := hmac.New(sha256.New, k.key[:])
	mac.Write([]byte("host" + separator + text))
	return text + separator + hex.EncodeToString(mac.Sum(nil))
}

// EnterStatement gives the one statement by which a transaction of raw SQL becomes a tenant's, in whom nobody
// acts: for tests that attack by SQL of their own. A nil key is that of the ordinary mode.
func EnterStatement(key *ContextKey, tenant string) string {
	if key == nil {
		return setLocal("hms.tenant", tenant).text
	}
	value := key.sign(settings{tenant: tenant, context: strings.Repeat(separator, 6)})
	return "SELECT hms.enter(" + quoteLiteral(value) + ")"
}

// ErrHardened says that the database is in hardened mode and does not believe what this host says: it has
// no key, another one than the database, or a clock that is minutes off. It is a precondition.
var ErrHardened = fmt.Errorf("%w: the database is in hardened mode and does not know this host's Config.ContextKey",
	hmstype.ErrPrecondition)

var _ = DeclareStates(States{"HM009": func(string) error { return ErrHardened }})
