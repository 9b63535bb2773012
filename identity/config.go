package identity

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
)

// Config says how people prove who they are. The zero Config works.
type Config struct {
	// Argon2 are the parameters of new password hashes; zero means [DefaultArgon2]. A hash
	// that was made with others is made anew at the next login.
	Argon2 Argon2
	// ParallelHashes bounds the hashes that are computed at once, and so their memory; zero
	// means 4. Further logins wait.
	ParallelHashes int
	// MinPassword is the least number of characters of a password that is the only factor;
	// zero means 15 (NIST SP 800-63B-4, section 3.1.1.2). With a second factor 8 are enough.
	MinPassword int
	// Blocklist refuses passwords that are known to attackers, beside a short list of our
	// own; nil asks nobody. A host passes the hashes of known breaches.
	Blocklist PasswordBlocklist
	// IdleTimeout ends a session that is not used; zero means 15 minutes.
	IdleTimeout time.Duration
	// SessionTimeout ends a session in any case; zero means 12 hours.
	SessionTimeout time.Duration
	// Issuer names the host in authenticator apps; empty means "hms".
	Issuer string
}

// PasswordBlocklist knows passwords that attackers try first.
type PasswordBlocklist interface {
	// Contains tells whether the password is known. An error refuses the password.
	Contains(ctx context.Context, password hmstype.Secret) (bool, error)
}

// Lengths of passwords in characters.
const (
	minWithSecondFactor = 8
	defaultMinPassword  = 15
	maxPassword         = 128
)

// checkLength bounds what may reach the hash, in bytes: the work grows with it.
func checkLength(v *hmstype.Validator, password hmstype.Secret, path string) {
	v.Check(len(password) <= 4*maxPassword, path, "is too long")
}

// checkCode bounds a code of a second factor.
func checkCode(v *hmstype.Validator, code hmstype.Secret) {
	v.Check(len(code) <= 100, "code", "is too long")
}

func (c Config) withDefaults() Config {
	if c.Argon2 == (Argon2{}) {
		c.Argon2 = DefaultArgon2
	}
	if c.ParallelHashes <= 0 {
		c.ParallelHashes = 4
	}
	if c.MinPassword <= 0 {
		c.MinPassword = defaultMinPassword
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = 15 * time.Minute
	}
	if c.SessionTimeout <= 0 {
		c.SessionTimeout = 12 * time.Hour
	}
	if c.Issuer == "" {
		c.Issuer = "hms"
	}
	return c
}

// Validate checks the bounds; errors are of kind invalid.
func (c Config) Validate() error {
	var v hmstype.Validator
	v.Check(
		c.MinPassword == 0 || c.MinPassword >= minWithSecondFactor && c.MinPassword <= 64, "minPassword",
		"must lie between 8 and 64",
	)
	v.Nested("argon2", c.Argon2.validate())
	v.Check(c.ParallelHashes >= 0 && c.ParallelHashes <= 1000, "parallelHashes", "must lie between 0 and 1000")
	v.Check(
		c.IdleTimeout >= 0 && (c.IdleTimeout == 0 || c.IdleTimeout >= 2*time.Minute), "idleTimeout",
		"must be at least 2 minutes",
	)
	v.Check(c.SessionTimeout >= 0, "sessionTimeout", "must not be negative")
	return v.Err()
}
