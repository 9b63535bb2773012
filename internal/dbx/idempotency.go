package dbx

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
)

// keyTTL is how long an idempotency key answers with the first result. Natural keys
// (a charge's source, a payment's reference) protect after that.
const keyTTL = 72 * time.Hour

// ResultCipher seals the stored results of use cases, which may hold a patient's data, and opens
// them. row names the result, so that one cannot pass for another. HashRequest makes the hash by
// which a repeated input is known; nobody without the tenant's key can try inputs out on it.
type ResultCipher interface {
	HashRequest(ctx context.Context, db DB, request []byte) (string, error)
	SealResult(ctx context.Context, db DB, row, text string) (string, error)
	OpenResult(ctx context.Context, db DB, row, stored string) (string, error)
}

// Once runs fn unless the key was used before: then it gives the first result, and tells that it
// was replayed. The key's row is the first statement of the transaction, so a second caller with
// the same key waits for the first and reads its result. An empty key runs fn plainly.
func Once[In, Out any](
	ctx context.Context, db DB, op, key string, in In, fn func(context.Context, DB, In) (Out, error),
) (out Out, replayed bool, err error) {
	if key == "" {
		out, err = fn(ctx, db, in)
		return out, false, err
	}
	hash, err := requestHash(ctx, db, in)
	if err != nil {
		return out, false, err
	}
	claimed, err := claimKey(ctx, db, op, key, hash)
	if err != nil {
		return out, false, err
	}
	if !claimed {
		return out, true, firstResult(ctx, db, op, key, hash, &out)
	}
	if out, err = fn(ctx, db, in); err != nil {
		return out, false, err
	}
	return out, false, keepResult(ctx, db, op, key, out)
}

// keepResult stores what a later caller with the same key gets.
func keepResult(ctx context.Context, db DB, op, key string, out any) error {
	response, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("idempotency response: %w", err)
	}
	stored := string(response)
	if sealer := db.handle.opts.Results; sealer != nil {
		if stored, err = sealer.SealResult(ctx, db, resultRow(db, op, key), stored); err != nil {
			return err
		}
	}
	_, err = db.Exec(ctx, `UPDATE hms.idempotency_key SET response = $1
		WHERE tenant_id = $2 AND operation = $3 AND actor = $4 AND key = $5`,
		stored, db.Tenant(), op, actorText(db.Actor), key)
	return err
}

func resultRow(db DB, op, key string) string { return op + " " + actorText(db.Actor) + " " + key }

func requestHash(ctx context.Context, db DB, in any) (string, error) {
	body, err := json.Marshal(in)
	if err != nil {
		// An instant past the year 9999, for one. What json says may quote the value.
		return "", fmt.Errorf("%w: a value has no JSON form", hmstype.ErrInvalid)
	}
	if hasher := db.handle.opts.Results; hasher != nil {
		return hasher.HashRequest(ctx, db, body)
	}
	return fmt.Sprintf("%x", sha256.Sum256(body)), nil
}

func claimKey(ctx context.Context, db DB, op, key, hash string) (bool, error) {
	n, err := db.Exec(ctx, `INSERT INTO hms.idempotency_key (tenant_id, operation, key, actor, request_hash, created_at,
		expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, operation, actor, key) DO UPDATE
		SET request_hash = excluded.request_hash, response = NULL,
		    expires_at = excluded.expires_at
		WHERE idempotency_key.expires_at <= excluded.created_at`,
		db.Tenant(), op, key, actorText(db.Actor), hash, db.Now, db.Now.Add(keyTTL))
	return n == 1, err
}

func firstResult(ctx context.Context, db DB, op, key, hash string, out any) error {
	var storedHash string
	var response sql.NullString
	err := db.QueryRow(ctx, `SELECT request_hash, response FROM hms.idempotency_key
		WHERE tenant_id = $1 AND operation = $2 AND actor = $3 AND key = $4`, db.Tenant(), op, actorText(db.Actor), key).
		Scan(&storedHash, &response)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: the idempotency key is in use", hmstype.ErrUnavailable)
	}
	if err != nil {
		return err
	}
	if storedHash != hash || !response.Valid {
		return hmstype.ErrIdempotencyMismatch
	}
	text := response.String
	if opener := db.handle.opts.Results; opener != nil {
		if text, err = opener.OpenResult(ctx, db, resultRow(db, op, key), text); err != nil {
			return err
		}
	}
	return json.Unmarshal([]byte(text), out)
}
