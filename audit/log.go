package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// LogConfig says who signs the Merkle log of the trail, and who watches it.
type LogConfig struct {
	// Origin names the host's logs, such as "hms.example.org/trail"; each tenant's log is
	// called "<Origin>/<tenant's id>". Empty means the signer's name.
	Origin string
	// Signer signs checkpoints; note.NewSigner makes one of an Ed25519 key, and a host may
	// keep the key elsewhere behind this interface. Nil: nothing is sealed ([ErrNoSigner]).
	Signer note.Signer
	// Verifiers are the public keys that have ever signed, in the form of note.NewVerifier,
	// the present one among them: old checkpoints stay checkable after a change of keys.
	Verifiers []string
	// Witnesses are told of each checkpoint and remember it. Without one that lies out of
	// the database administrator's reach, a log that was cut or rewritten together with its
	// checkpoints by who has the signing key goes unnoticed.
	Witnesses []Witness
	// LongestTransaction bounds how long a use case's transaction may last; zero means 5 minutes.
	// An event that is sealed later than this after it was recorded counts as back-dated.
	LongestTransaction time.Duration
	// Refresh is the age from which an unchanged log gets a new checkpoint, to show that the
	// sealer lives; zero means 1 hour. A checkpoint of twice that age counts as stale.
	Refresh time.Duration
}

func (c LogConfig) withDefaults() LogConfig {
	if c.LongestTransaction <= 0 {
		c.LongestTransaction = 5 * time.Minute
	}
	if c.Refresh <= 0 {
		c.Refresh = time.Hour
	}
	if c.Origin == "" && c.Signer != nil {
		c.Origin = c.Signer.Name()
	}
	return c
}

// Validate checks the public keys; errors are of kind invalid.
func (c LogConfig) Validate() error {
	var v hmstype.Validator
	_, err := c.verifiers()
	v.Check(err == nil, "verifiers", "must be public keys of signed notes")
	v.Check(c.Signer == nil || len(c.Verifiers) > 0, "verifiers", "must hold the signer's public key")
	return v.Err()
}

func (c LogConfig) verifiers() (note.Verifiers, error) {
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

// origin names a tenant's log.
func (c LogConfig) origin(tenant hmstype.TenantID) string { return c.Origin + "/" + tenant.String() }

// checkpointRow is a head of the log as it is stored.
type checkpointRow struct {
	number, size int64
	root         []byte
	sealedAt     time.Time
	note         string
	watermark    uint64 // not signed: it only saves the sealer from looking everywhere
}

// open gives the checkpoint that the row's note signs, where the row says the same.
func (r checkpointRow) open(origin string, verifiers note.Verifiers) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint(r.note, verifiers)
	if err != nil {
		return c, err
	}
	if c.Origin != origin || c.Size != r.size || string(c.Root[:]) != string(r.root) || !c.Time.Equal(r.sealedAt) {
		return c, ErrLogDamaged
	}
	return c, nil
}

const checkpointColumns = `SELECT number, size, root, sealed_at, note, watermark::text::bigint FROM hms.audit_checkpoint WHERE tenant_id = $1`

// lastCheckpoint gives the newest head, ok is false for a log without any.
func lastCheckpoint(ctx context.Context, db dbx.DB) (row checkpointRow, ok bool, err error) {
	rows, err := checkpoints(ctx, db, checkpointColumns+` ORDER BY number DESC LIMIT 1`, db.Tenant())
	if err != nil || len(rows) == 0 {
		return checkpointRow{}, false, err
	}
	return rows[0], true, nil
}

func checkpoints(ctx context.Context, db dbx.DB, query string, args ...any) ([]checkpointRow, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []checkpointRow
	for rows.Next() {
		var r checkpointRow
		if err := rows.Scan(&r.number, &r.size, &r.root, &r.sealedAt, &r.note, &r.watermark); err != nil {
			return nil, err
		}
		r.sealedAt = r.sealedAt.UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}
