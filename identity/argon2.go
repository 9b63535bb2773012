package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
)

// Argon2 are the parameters of the password hash argon2id (RFC 9106).
type Argon2 struct {
	MemoryKiB uint32 // 8 to 4,194,304
	Passes    uint32 // 1 to 100
	Lanes     uint8  // 1 to 64
}

// DefaultArgon2 is the least that OWASP's password storage cheat sheet names for argon2id.
var DefaultArgon2 = Argon2{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1}

func (p Argon2) validate() error {
	if p == (Argon2{}) {
		return nil
	}
	var v hmstype.Validator
	v.Check(
		p.MemoryKiB >= 8*uint32(p.Lanes) && p.MemoryKiB <= 4<<20, "memoryKiB", "must lie between 8 per lane and 4194304",
	)
	v.Check(p.Passes >= 1 && p.Passes <= 100, "passes", "must lie between 1 and 100")
	v.Check(p.Lanes >= 1 && p.Lanes <= 64, "lanes", "must lie between 1 and 64")
	return v.Err()
}

const (
	saltBytes = 16
	hashBytes = 32
)

// passwordHash is a hash in the PHC string format: $argon2id$v=19$m=...,t=...,p=...$salt$hash.
type passwordHash struct {
	params     Argon2
	salt, hash []byte
}

func (h passwordHash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.MemoryKiB, h.params.Passes,
		h.params.Lanes,
		encode(h.salt), encode(h.hash))
}

func parseHash(text string) (passwordHash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return passwordHash{}, errBadHash
	}
	var h passwordHash
	if _, err := fmt.Sscanf(
		parts[3], "m=%d,t=%d,p=%d", &h.params.MemoryKiB, &h.params.Passes, &h.params.Lanes,
	); err != nil {
		return passwordHash{}, errBadHash
	}
	var saltErr, hashErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.hash, hashErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || h.params.validate() != nil || h.params == (Argon2{}) || len(h.salt) < 8 ||
		len(h.hash) != hashBytes {
		return passwordHash{}, errBadHash
	}
	return h, nil
}

func (p Argon2) derive(password hmstype.Secret, salt []byte) []byte {
	// One form of Unicode, for keyboards differ (NIST SP 800-63B-4, section 3.1.1.2).
	text := norm.NFC.String(password.Reveal())
	return argon2.IDKey([]byte(text), salt, p.Passes, p.MemoryKiB, p.Lanes, hashBytes)
}

// hasher computes a bounded number of hashes at once.
type hasher struct {
	params Argon2
	slots  chan struct{}
	dummy  passwordHash // of no password; costs as much as a real one
}

func newHasher(config Config) *hasher {
	h := &hasher{params: config.Argon2, slots: make(chan struct{}, config.ParallelHashes)}
	h.dummy = passwordHash{params: config.Argon2, salt: make([]byte, saltBytes), hash: make([]byte, hashBytes)}
	return h
}

func (h *hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash gives the stored form of a password.
func (h *hasher) hash(ctx context.Context, password hmstype.Secret) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return passwordHash{params: h.params, salt: salt, hash: h.params.derive(password, salt)}.String(), nil
}

// verify tells whether the password has the hash, and whether the hash should be made anew.
// An empty hash, of somebody who has none or is not there, takes as long and never fits.
func (h *hasher) verify(ctx context.Context, stored string, password hmstype.Secret) (fits, outdated bool, err error) {
	want := h.dummy
	if stored != "" {
		if want, err = parseHash(stored); err != nil {
			return false, false, err
		}
	}
	if err := h.acquire(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-h.slots }()
	got := want.params.derive(password, want.salt)
	fits = subtle.ConstantTimeCompare(got, want.hash) == 1 && stored != ""
	return fits, want.params != h.params, nil
}
