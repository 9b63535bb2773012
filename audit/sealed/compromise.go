package sealed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// CompromisedKey is a former key of the log that somebody else may have had.
type CompromisedKey struct {
	Key string // the public key, as in Config.Verifiers
	// Since is the instant from which on somebody else may have signed by it: of what it signed only those checkpoints
	// are believed that a witness saw before.
	Since time.Time
}

// Historian is a witness that tells what it saw before an instant, without which no key can be compromised.
type Historian interface {
	Witness
	// Before gives the signed note of the last publication of a log whose checkpoint is of before the instant, empty
	// where there is none.
	Before(ctx context.Context, origin string, at time.Time) (string, error)
}

// distrust gives the records that the log lacks of compromised keys which have signed it. Where a witness cannot be
// asked they wait for a later step: what is once not believed never is again. failed is by the witness's name.
func (s *Service) distrust(ctx context.Context, db dbx.DB, h head, now time.Time) (
	records []proof.KeyRecord, failed map[string]error, err error,
) {
	for _, c := range s.config.Compromised {
		if _, signed := h.keys.signsFrom(c.Key); !signed {
			continue
		}
		if _, told := h.keys.distrusted(c.Key); told {
			continue
		}
		last, failed, err := s.lastSeen(ctx, db, h.keys, c)
		if err != nil || len(failed) > 0 {
			return records, failed, err
		}
		record := proof.KeyRecord{
			Origin: s.config.origin(db.Tenant()), Number: h.keys.count() + int64(len(records)) + 1,
			Kind: proof.KeyDistrusted, Key: c.Key, Checkpoint: last.number, Size: last.size, Time: now,
		}
		copy(record.Root[:], last.root)
		records = append(records, record)
	}
	return records, nil, nil
}

// lastSeen gives the newest checkpoint of a key that a witness saw in time, or saw extended in time by another key's;
// a zero one where none did.
func (s *Service) lastSeen(ctx context.Context, db dbx.DB, keys *keyring, c CompromisedKey) (
	last checkpointRow, failed map[string]error, err error,
) {
	failed = map[string]error{}
	var number int64
	for _, w := range s.config.historians() {
		seen, err := s.seenBy(w, func() (string, error) { return w.Before(ctx, s.config.origin(db.Tenant()), c.Since) })
		if err != nil {
			failed[w.Name()] = fmt.Errorf("before %s: %w", c.Since.UTC().Format(time.RFC3339), err)
			continue
		}
		at, err := s.standing(ctx, db, keys, w, seen)
		switch {
		case errors.Is(err, ErrForked):
			failed[w.Name()] = err
		case err != nil:
			return last, failed, err
		default:
			number = max(number, at)
		}
	}
	first, end := keys.reign(c.Key)
	if number = min(number, end-1); len(failed) > 0 || number < first {
		return last, failed, nil
	}
	rows, err := checkpoints(ctx, db, checkpointColumns+` AND number = $2`, db.Tenant(), number)
	if err != nil || len(rows) != 1 {
		return last, failed, errors.Join(ErrLogDamaged, err)
	}
	return rows[0], failed, nil
}

// standing gives the number of a checkpoint that a witness saw, or, where a restore lost that, of the newest that it
// saw of before the restored instant; zero for none. [ErrForked] where nothing explains why it is not there.
func (s *Service) standing(ctx context.Context, db dbx.DB, keys *keyring, w Historian, seen witnessed) (int64, error) {
	if seen.note == "" {
		return 0, nil
	}
	number, stands, err := numberOf(ctx, db, seen.Checkpoint, seen.note)
	if err != nil || stands {
		return number, err
	}
	for _, r := range slices.Backward(keys.restorations) {
		if !r.Loses(seen.Checkpoint) && (seen.Time.Before(r.RestoredTo.Add(-clockStep)) || seen.Time.After(r.Time)) {
			continue
		}
		before, signed, err := s.standingBefore(ctx, db, w, r.RestoredTo)
		if err != nil || signed == "" {
			return 0, err
		}
		number, _, err := numberOf(ctx, db, before, signed)
		return number, err
	}
	return 0, ErrForked
}

// addKeys records what the log does not say yet of its keys: another one that signs, and those that are compromised.
func (s *Service) addKeys(ctx context.Context, db dbx.DB, h head, now time.Time) (failed map[string]error, err error) {
	key, isNew, err := h.keys.next(s.config.Signer, s.config.origin(db.Tenant()), h.number+1, now)
	if err != nil {
		return nil, err
	}
	add := func(record proof.KeyRecord) error {
		h.keys.records = append(h.keys.records, record)
		return insertKey(ctx, db, record, s.config.Signer)
	}
	if isNew {
		if err := add(key); err != nil {
			return nil, err
		}
	}
	records, failed, err := s.distrust(ctx, db, h, now)
	for _, record := range records {
		if err := add(record); err != nil {
			return failed, err
		}
	}
	return failed, err
}

// historians gives the witnesses that tell of the past.
func (c Config) historians() (list []Historian) {
	for _, w := range c.Witnesses {
		if h, ok := w.(Historian); ok {
			list = append(list, h)
		}
	}
	return list
}

// compromises tells whether a key is among those that are.
func (c Config) compromises(name string, hash uint32) bool {
	for _, k := range c.Compromised {
		verifiers, err := Config{Verifiers: []string{k.Key}}.verifiers()
		if err != nil {
			continue // a breach of its own
		}
		if _, err := verifiers.Verifier(name, hash); err == nil {
			return true
		}
	}
	return false
}
