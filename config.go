package hms

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
)

// Config says how the library behaves. The zero Config works.
type Config struct {
	// Now gives the time; nil means time.Now. It is read once per operation.
	Now func() time.Time
	// Authorizer decides who may do what; nil means by the roles of package identity.
	Authorizer hmstype.Authorizer
	// Charges takes what was done and is chargeable; nil means package billing. A host with
	// a finance system of its own brings its own; charge.None charges nothing.
	Charges charge.Poster
	// Logger gets one debug line per operation (its name, kind of outcome and duration) and
	// an error line for an internal error. It never gets a patient's data. The zero Logger is silent.
	Logger zerolog.Logger
	// MaxAttempts bounds how often a transaction that we began is tried when a deadlock or
	// a serialization failure ended it; zero means 5.
	MaxAttempts int
	// UncachedStatements stops hot statements from being prepared, which a connection pooler
	// in transaction mode may need.
	UncachedStatements bool
	// RequireSecondPerson refuses that a laboratory result is verified by who entered it.
	RequireSecondPerson bool
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = 5
	}
	return c
}

// Validate checks the configuration; its errors are of kind invalid.
func (c Config) Validate() error {
	var v hmstype.Validator
	v.Check(c.MaxAttempts >= 0 && c.MaxAttempts <= 100, "maxAttempts", "must lie between 0 and 100")
	return v.Err()
}
