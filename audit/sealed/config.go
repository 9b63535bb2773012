package sealed

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
)

// Config says who signs the Merkle log of the trail, and who watches it.
type Config struct {
	// Origin names the host's logs, such as "hms.example.org/trail"; each tenant's log is
	// called "<Origin>/<tenant's id>". Empty means the signer's name.
	Origin string
	// Signer signs checkpoints; note.NewSigner makes one of an Ed25519 key, and a host may
	// keep the key elsewhere behind this interface. Nil: nothing is sealed ([ErrNoSigner]). Another signer than before
	// changes the key: the log records from which checkpoint on, and the old one signs no more ([ErrKeyRetired]).
	Signer note.Signer
	// Verifiers are the public keys that have ever signed, in the form of note.NewVerifier,
	// the present one among them: old checkpoints stay checkable after a change of keys.
	Verifiers []string
	// Compromised are former keys, still among Verifiers, that somebody else may have had. The next Seal of each tenant
	// records it in the log, after it asked every [Historian] among Witnesses, of which there must be one, what it saw.
	Compromised []CompromisedKey
	// Witnesses are told of each checkpoint and remember it. Without one that lies out of
	// the database administrator's reach, a log that was cut or rewritten together with its
	// checkpoints by who has the signing key goes unnoticed.
	Witnesses []Witness
	// LongestTransaction is how long a transaction may stay open, of whichever database of the server, before the log
	// says that it holds sealing back; zero means 5 minutes. It is sealed late, all others are not: but until it ends
	// nobody can know what else it may still record ([FindingHeldBack], [LogReport.Delays]).
	LongestTransaction time.Duration
	// Refresh is the age from which an unchanged log gets a new checkpoint, to show that the
	// sealer lives; zero means 1 hour. A checkpoint of twice that age counts as stale, and so does
	// an event of that age in a log without any.
	Refresh time.Duration
	// WitnessLag is how old a checkpoint may be that a witness has not got yet; zero means 1 minute. Two that it has
	// not got are one too many, however new.
	WitnessLag time.Duration
	// CatalogueAge is how old what a checkpoint signs of the catalogue may be: a process reads it once in that time
	// for all tenants. Zero means 10 seconds.
	CatalogueAge time.Duration
}

func (c Config) withDefaults() Config {
	if c.LongestTransaction <= 0 {
		c.LongestTransaction = 5 * time.Minute
	}
	if c.Refresh <= 0 {
		c.Refresh = time.Hour
	}
	if c.WitnessLag <= 0 {
		c.WitnessLag = time.Minute
	}
	if c.CatalogueAge <= 0 {
		c.CatalogueAge = 10 * time.Second
	}
	if c.Origin == "" && c.Signer != nil {
		c.Origin = c.Signer.Name()
	}
	return c
}

// Validate checks the public keys; errors are of kind invalid.
func (c Config) Validate() error {
	var v hmstype.Validator
	_, err := c.verifiers()
	v.Check(err == nil, "verifiers", "must be public keys of signed notes")
	v.Check(c.Signer == nil || c.knowsSigner(), "verifiers", "must hold the signer's public key")
	for i, k := range c.Compromised {
		path := fmt.Sprintf("compromised[%d]", i)
		v.Check(slices.Contains(c.Verifiers, k.Key), path+".key", "must be one of the verifiers")
		v.Required(!k.Since.IsZero(), path+".since")
	}
	v.Check(c.Signer == nil || !c.compromises(c.Signer.Name(), c.Signer.KeyHash()), "signer", "must not be compromised")
	v.Check(len(c.Compromised) == 0 || len(c.historians()) > 0, "witnesses", "must hold one that tells what it saw")
	return v.Err()
}

func (c Config) knowsSigner() bool {
	verifiers, err := c.verifiers()
	if err != nil {
		return true // which is a breach of its own
	}
	_, err = verifiers.Verifier(c.Signer.Name(), c.Signer.KeyHash())
	return err == nil
}

func (c Config) verifiers() (note.Verifiers, error) {
	list := make([]note.Verifier, len(c.Verifiers))
	for i, key := range c.Verifiers {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, err
		}
		list[i] = verifier
	}
	return note.VerifierList(list...), nil
}

// OriginName gives Origin, or what stands for it where that is empty.
func (c Config) OriginName() string { return c.withDefaults().Origin }

// isHeldBack tells whether more than is usual may have been outside the log when a checkpoint was signed.
func (c Config) isHeldBack(p proof.Checkpoint) bool {
	return p.Time.Sub(p.Through) > c.LongestTransaction
}

// LogOrigin names a tenant's log as its checkpoints do, and what else is signed by its key.
func (c Config) LogOrigin(tenant hmstype.TenantID) string { return c.withDefaults().origin(tenant) }

// PublicKeys gives the verifiers of signed notes. An error where one is no public key; [Config.Validate] names it.
func (c Config) PublicKeys() (note.Verifiers, error) { return c.verifiers() }

// origin names a tenant's log.
func (c Config) origin(tenant hmstype.TenantID) string { return c.Origin + "/" + tenant.String() }
