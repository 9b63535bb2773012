package sealed

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// keyring is what the log says of its keys, as far as the host's public keys bear it out.
type keyring struct {
	known   map[string]note.Verifier // of [Config.Verifiers], by their text
	records []proof.KeyRecord        // those that hold, in order
	invalid []int64                  // numbers of those that do not, restorations included
	// restorations that hold, in order: where the log went on after a restore
	restorations []proof.Restoration
}

// count gives how many records the log has of itself.
func (k *keyring) count() int64 { return int64(len(k.records) + len(k.restorations) + len(k.invalid)) }

// keys reads what the tenant's log says of itself. Each record is signed, by the key that it names, otherwise by
// the one in force; numbers follow each other; and no key comes back.
func (s *Service) keys(ctx context.Context, db dbx.DB) (*keyring, error) {
	ring := &keyring{known: map[string]note.Verifier{}}
	for _, text := range s.config.Verifiers {
		verifier, err := note.NewVerifier(text)
		if err != nil {
			return nil, err
		}
		ring.known[text] = verifier
	}
	verifiers, err := s.config.verifiers()
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, `SELECT number, kind, key, checkpoint, note FROM hms.audit_record
		WHERE tenant_id = $1 ORDER BY number`, db.Tenant())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var row recordRow
		if err := rows.Scan(&row.number, &row.kind, &row.key, &row.checkpoint, &row.note); err != nil {
			return nil, err
		}
		if !ring.add(row, s.config.origin(db.Tenant()), verifiers) {
			ring.invalid = append(ring.invalid, row.number)
		}
	}
	return ring, rows.Err()
}

// recordRow is a record as it is stored.
type recordRow struct {
	number, checkpoint int64
	kind, key, note    string
}

// kindRestored is the kind of a row that holds a [proof.Restoration]; the others are those of [proof.KeyKind].
const kindRestored = "restored"

// add takes a row whose note is signed and says what its columns say, behind those before it.
func (k *keyring) add(row recordRow, origin string, verifiers note.Verifiers) bool {
	if row.kind == kindRestored {
		r, err := proof.OpenRestoration(row.note, verifiers)
		signer, begun := k.inForce(-1)
		isRows := r.Number == row.number && r.Checkpoint == row.checkpoint && r.Origin == origin && signer.Key == row.key
		if err != nil || !isRows || r.Number != k.count()+1 || !begun || !proof.IsSignedBy(row.note, k.known[signer.Key]) {
			return false
		}
		k.restorations = append(k.restorations, r)
		return true
	}
	r, err := proof.OpenKeyRecord(row.note, verifiers)
	isRows := r.Number == row.number && string(r.Kind) == row.kind && r.Key == row.key &&
		r.Checkpoint == row.checkpoint && r.Origin == origin
	if err != nil || !isRows || !k.follows(r, row.note) {
		return false
	}
	k.records = append(k.records, r)
	return true
}

// follows tells whether a record may stand behind those before it.
func (k *keyring) follows(r proof.KeyRecord, signed string) bool {
	if r.Number != k.count()+1 || k.known[r.Key] == nil {
		return false
	}
	last, begun := k.inForce(-1)
	if r.Kind == proof.KeySigns {
		_, used := k.signsFrom(r.Key)
		return !used && r.Checkpoint > last.Checkpoint
	}
	_, used := k.signsFrom(r.Key)
	_, already := k.distrusted(r.Key)
	return begun && used && !already && proof.IsSignedBy(signed, k.known[last.Key])
}

// inForce gives the record of the key that signs a checkpoint; -1 asks for the newest. ok is false where there is
// none.
func (k *keyring) inForce(number int64) (record proof.KeyRecord, ok bool) {
	for _, r := range k.records {
		if r.Kind == proof.KeySigns && (number < 0 || r.Checkpoint <= number) {
			record, ok = r, true
		}
	}
	return record, ok
}

// signsFrom gives the record by which a key began to sign.
func (k *keyring) signsFrom(key string) (proof.KeyRecord, bool) { return k.find(proof.KeySigns, key) }

// distrusted gives the record that speaks against a key.
func (k *keyring) distrusted(key string) (proof.KeyRecord, bool) {
	return k.find(proof.KeyDistrusted, key)
}

func (k *keyring) find(kind proof.KeyKind, key string) (proof.KeyRecord, bool) {
	for _, r := range k.records {
		if r.Kind == kind && r.Key == key {
			return r, true
		}
	}
	return proof.KeyRecord{}, false
}

// signs tells whether a checkpoint is signed by the key that was in force.
func (k *keyring) signs(row checkpointRow) bool {
	record, ok := k.inForce(row.number)
	return ok && proof.IsSignedBy(row.note, k.known[record.Key])
}

// doubts gives the record that speaks against a checkpoint's key, where no witness saw it in time, or where it is not
// the one that a witness saw.
func (k *keyring) doubts(row checkpointRow) (record proof.KeyRecord, ok bool) {
	signer, _ := k.inForce(row.number)
	record, ok = k.distrusted(signer.Key)
	switch {
	case !ok:
		return record, false
	case row.number == record.Checkpoint:
		return record, row.size != record.Size || string(row.root) != string(record.Root[:])
	default:
		return record, row.number > record.Checkpoint
	}
}

// reign gives the first checkpoint that a key signs, and the first after it that another does.
func (k *keyring) reign(key string) (first, end int64) {
	end = math.MaxInt64
	for _, r := range k.records {
		switch {
		case r.Kind != proof.KeySigns:
		case r.Key == key:
			first = r.Checkpoint
		case first > 0 && end == math.MaxInt64:
			end = r.Checkpoint
		}
	}
	return first, end
}

// own gives the public key of the host's signer, which is among [Config.Verifiers].
func (k *keyring) own(signer note.Signer) (string, error) {
	for text, verifier := range k.known {
		if verifier.Name() == signer.Name() && verifier.KeyHash() == signer.KeyHash() {
			return text, nil
		}
	}
	return "", ErrNoSigner
}

// next gives the record that must be added before the signer signs the next checkpoint; ok is false where its key
// is in force. [ErrKeyRetired] where it was, and another is now.
func (k *keyring) next(signer note.Signer, origin string, checkpoint int64, now time.Time) (
	record proof.KeyRecord, ok bool, err error,
) {
	key, err := k.own(signer)
	if err != nil {
		return record, false, err
	}
	if last, begun := k.inForce(-1); begun && last.Key == key {
		return record, false, nil
	}
	if _, used := k.signsFrom(key); used {
		return record, false, ErrKeyRetired
	}
	return proof.KeyRecord{
		Origin: origin, Number: k.count() + 1, Kind: proof.KeySigns, Key: key, Checkpoint: checkpoint, Time: now,
	}, true, nil
}

// insertKey signs and stores a record of a key.
func insertKey(ctx context.Context, db dbx.DB, record proof.KeyRecord, signer note.Signer) error {
	signed, err := record.Sign(signer)
	if err != nil {
		return fmt.Errorf("record of a key: %w", err)
	}
	return insertRecord(ctx, db, recordRow{record.Number, record.Checkpoint, string(record.Kind), record.Key, signed})
}

func insertRecord(ctx context.Context, db dbx.DB, row recordRow) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.audit_record (tenant_id, number, kind, key, checkpoint, note)
		VALUES ($1, $2, $3, $4, $5, $6)`, db.Tenant(), row.number, row.kind, row.key, row.checkpoint, row.note)
	return err
}
