package hms

import (
	"slices"
	"time"

	"github.com/rs/zerolog"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
)

// Config says how the library behaves. The zero Config works.
type Config struct {
	// Now gives the time; nil means time.Now. It is read once per operation.
	Now func() time.Time
	// Authorizer decides who may do what; nil means by the roles of package identity.
	Authorizer hmstype.Authorizer
	// Permissions are the host's own, which roles and API keys may hold beside the library's: declared here they may
	// be given, and asked for by [HMS.Require] and [HMS.Allows]. No standard role holds them; who holds
	// identity.escalate gives them. At most 200. They belong to this HMS, not to the process.
	Permissions []hmstype.HostPermission
	// Charges takes what was done and is chargeable; nil means package billing. A host with
	// a finance system of its own brings its own; charge.None charges nothing.
	Charges charge.Poster
	// Safety is the host's own knowledge of medicines; nil means what was loaded by clinical.Service.LoadKnowledge. It is
	// asked before the transaction of who prescribes or hands out, in a transaction of the host's within that; see
	// hmstype.SafetyAdvisor.
	Safety hmstype.SafetyAdvisor
	// Logger gets one debug line per operation (its name, kind of outcome and duration) and
	// an error line for an internal error. It never gets a patient's data. The zero Logger is silent.
	Logger zerolog.Logger
	// Observers bracket every use case, for spans and metrics; see hmstype.Observer, and package
	// hmsotel for OpenTelemetry's. The Logger's line is made by an observer of its own.
	Observers []hmstype.Observer
	// Hooks are the host's own rules before and after a use case, in its transaction; see
	// hmstype.Hook. They are asked in order.
	Hooks []hmstype.Hook
	// MaxAttempts bounds how often a transaction that we began is tried when a deadlock or
	// a serialization failure ended it; zero means 5.
	MaxAttempts int
	// UncachedStatements stops statements from being prepared by name, which a connection pooler
	// in transaction mode may need. Their values are parameters all the same.
	UncachedStatements bool
	// Recorder is a small pool on the same database, for what must outlive a transaction of the host's: the record of
	// each read in it ([HMS.WithTx]), of a refusal, a sign-in. A connection or two will do, for each is held for
	// one insert, and waited for for 3 seconds at most. Nil takes connections of the pool, and gives [ErrNoRecorder]
	// where none is free. The host closes it.
	Recorder *bun.DB
	// ContextKey switches hardened mode on, for a database that [HMS.Harden] brought into it with this key: SQL
	// that somebody slips into the program can then name neither another tenant nor another actor. Make one with
	// [NewContextKey]. Empty is the ordinary mode. It is for plain PostgreSQL only, and no statement is prepared by
	// name, whatever UncachedStatements says.
	ContextKey hmstype.Secret
	// KeyEncryptionKey switches field encryption on: it wraps the keys by which identifiers,
	// telephone numbers, addresses and the like are sealed in the database. Any Tink
	// AEADWithContext fits, so every KMS client of Tink's; [OpenLocalKey] is for development.
	// Nil leaves fields as they are. Once data are encrypted, a start without the key or with
	// another one fails in [HMS.Migrate] and [HMS.Check].
	KeyEncryptionKey hmstype.KeyEncryptionKey
	// EncryptNarrative seals what people write about a patient, too: notes, the complaint and
	// diagnosis of an encounter, why and with what remarks an appointment was made, an allergy's
	// reaction, a prescription's instructions, a laboratory order's notes and the comments on
	// critical values. Encrypted text cannot be searched nor reported on in SQL, so it is the
	// host's choice, and once a tenant finished sealing them nobody switches it off for that tenant: what
	// was to be written in clear is refused ([encryption.ErrMustSeal]). Needs KeyEncryptionKey. The words of a
	// break-glass grant are sealed wherever there is a key.
	EncryptNarrative bool
	// ErasureLedger remembers outside the database who was erased, signed by AuditLog.Signer, so that
	// [encryption.Service.ReplayErasures] can repeat it after a restore. [encryption.NewFileLedger] makes one. Nil: a
	// restore brings the erased back.
	ErasureLedger encryption.Ledger
	// Identity says how people prove who they are: passwords, sessions, second factors.
	Identity identity.Config
	// AuditLog says who signs the Merkle log of the audit trail and who witnesses it; the zero
	// value seals nothing.
	AuditLog sealed.Config
	// SeparationOfDuties are the pairs of permissions that one person may not use on the same
	// object; nil means hmstype.StandardSeparation: prescribe and dispense, enter and verify a
	// result, request and approve a refund, break the glass and judge of it by an account that one made. An empty
	// list that is not nil keeps nothing apart, for a practice of one.
	SeparationOfDuties []hmstype.SeparatedPair
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.SeparationOfDuties == nil {
		c.SeparationOfDuties = hmstype.StandardSeparation()
	}
	c.Permissions = slices.Clone(c.Permissions)
	if c.MaxAttempts == 0 {
		c.MaxAttempts = 5
	}
	return c
}

// Validate checks the configuration; its errors are of kind invalid.
func (c Config) Validate() error {
	var v hmstype.Validator
	v.Check(!c.EncryptNarrative || c.KeyEncryptionKey != nil, "encryptNarrative", "needs keyEncryptionKey")
	v.Check(c.ErasureLedger == nil || c.AuditLog.Signer != nil, "erasureLedger", "needs auditLog.signer")
	v.Check(c.MaxAttempts >= 0 && c.MaxAttempts <= 100, "maxAttempts", "must lie between 0 and 100")
	v.Check(!slices.Contains(c.Observers, nil), "observers", "must hold no nil")
	hmstype.CheckHostPermissions(&v, "permissions", c.Permissions)
	_, err := c.contextKey()
	v.Nested("", err)
	v.Nested("identity", c.Identity.Validate())
	v.Nested("auditLog", c.AuditLog.Validate())
	return v.Err()
}

// erasures says where erasures are remembered, and who signs that.
func (c Config) erasures() encryption.Config {
	return encryption.Config{
		Ledger: c.ErasureLedger, Signer: c.AuditLog.Signer, Verifiers: c.AuditLog.Verifiers, Origin: c.AuditLog.OriginName(),
	}
}

// contextKey gives the key of hardened mode; nil in the ordinary one.
func (c Config) contextKey() (*dbx.ContextKey, error) {
	if c.ContextKey == "" {
		return nil, nil //nolint:nilnil // no key is no error
	}
	return dbx.ParseContextKey(c.ContextKey)
}
