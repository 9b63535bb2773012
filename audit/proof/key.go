package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// KeyKind says what a record tells of a key.
type KeyKind string

// The kinds of record.
const (
	KeySigns      KeyKind = "signs"      // from a checkpoint on this key signs the log, and no other
	KeyDistrusted KeyKind = "distrusted" // what this key signed is believed up to a checkpoint, and no further
)

// KeyRecord is what the log itself says of the keys that sign it. Each checkpoint signs how many there are.
type KeyRecord struct {
	Origin string  // names the log: "<host>/<tenant's id>"
	Number int64   // of the record, from 1
	Kind   KeyKind //
	Key    string  // the public key, in the form of note.NewVerifier
	// Checkpoint is the first that the key signs, or the last of its own that is believed; zero for none of these.
	Checkpoint int64
	// Size and Root are those of that last one; zero for a key that signs.
	Size int64
	Root tlog.Hash
	Time time.Time // UTC, microseconds; the database's clock
}

// ErrKeyRecord: the text is no record of a key, or nobody known has signed it.
var ErrKeyRecord = errors.New("proof: no valid record of a key")

const keyHeading = "hms audit key v1"

// Text gives the form that is signed, a line each.
func (k KeyRecord) Text() string {
	return fmt.Sprintf("%s\norigin %s\nnumber %d\nkind %s\nkey %s\ncheckpoint %d\nsize %d\nroot %s\ntime %s\n", keyHeading,
		k.Origin, k.Number, k.Kind, k.Key, k.Checkpoint, k.Size, base64.StdEncoding.EncodeToString(k.Root[:]),
		k.Time.UTC().Format(time.RFC3339Nano))
}

// Sign gives the signed note of a record.
func (k KeyRecord) Sign(signer note.Signer) (string, error) { return sign(k.Text(), signer) }

// OpenKeyRecord reads a signed note and gives its record. A record that a key signs is signed by that key; one of a
// distrusted key by another one. [ErrKeyRecord].
func OpenKeyRecord(signed string, verifiers note.Verifiers) (KeyRecord, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return KeyRecord{}, fmt.Errorf("%w: %w", ErrKeyRecord, err)
	}
	values, rest, ok := fields(
		text, keyHeading, "origin ", "number ", "kind ", "key ", "checkpoint ", "size ", "root ", "time ",
	)
	if !ok || len(rest) != 0 {
		return KeyRecord{}, ErrKeyRecord
	}
	k := KeyRecord{Origin: values[0], Kind: KeyKind(values[2]), Key: values[3]}
	var errs [5]error
	k.Number, errs[0] = strconv.ParseInt(values[1], 10, 64)
	k.Checkpoint, errs[1] = strconv.ParseInt(values[4], 10, 64)
	k.Size, errs[2] = strconv.ParseInt(values[5], 10, 64)
	k.Root, errs[3] = parseHash(values[6])
	k.Time, errs[4] = parseTime(values[7], "")
	if errors.Join(errs[:]...) != nil || k.Text() != text || !k.signedRightly(signed) {
		return KeyRecord{}, ErrKeyRecord
	}
	return k, nil
}

// signedRightly tells whether the signature is the key's own, or another's, as the kind asks.
func (k KeyRecord) signedRightly(signed string) bool {
	verifier, err := note.NewVerifier(k.Key)
	if err != nil {
		return false
	}
	own := IsSignedBy(signed, verifier)
	switch k.Kind {
	case KeySigns:
		return own
	case KeyDistrusted:
		return !own
	default:
		return false
	}
}

// IsSignedBy tells whether a note bears a valid signature of one key.
func IsSignedBy(signed string, verifier note.Verifier) bool {
	_, err := note.Open([]byte(signed), note.VerifierList(verifier))
	return err == nil
}
