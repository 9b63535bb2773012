package dbx

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
)

// keyTTL is how long an idempotency key answers with the first result. Natural keys
// (a charge's source, a payment's reference) protect after that.
const keyTTL = 72 * time.Hour

// RequestHasher makes the hash by which a repeated input is known. Nobody without the tenant's key can
// try inputs out on it.
type RequestHasher interface {
	HashRequest(ctx context.Context, db DB, request []byte) (string, error)
}

// Again is how a repeated call gets the first call's result: by the id that the key's row keeps, as it
// is now. So no row of a key holds anything of a patient.
type Again[Out any] struct {
	ID   func(Out) uuid.UUID
	Read func(ctx context.Context, db DB, id uuid.UUID) (Out, error)
}

// Once runs fn unless the key was used before: then it reads the first result anew, and tells that it
// was replayed. The key's row is the first statement of the transaction, so a second caller with
// the same key waits for the first and reads its result. An empty key runs fn plainly.
func Once[In, Out any](
	ctx context.Context, db DB, op, key string, in In, again Again[Out], fn func(context.Context, DB, In) (Out, error),
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
		id, err := firstResult(ctx, db, op, key, hash)
		if err != nil {
			return out, true, err
		}
		out, err = again.Read(ctx, db, id)
		return out, true, err
	}
	if out, err = fn(ctx, db, in); err != nil {
		return out, false, err
	}
	return out, false, keepResult(ctx, db, op, key, again.ID(out))
}

// keepResult notes what a later caller with the same key gets.
func keepResult(ctx context.Context, db DB, op, key string, id uuid.UUID) error {
	_, err := db.Exec(ctx, `UPDATE hms.idempotency_key SET result_id = $1
		WHERE tenant_id = $2 AND operation = $3 AND actor = $4 AND key = $5`,
		id.String(), db.Tenant(), op, actorText(db.Actor), key)
	return err
}

func requestHash(ctx context.Context, db DB, in any) (string, error) {
	body, err := json.Marshal(in)
	if err != nil {
		// An instant past the year 9999, for one. What json says may quote the value.
		return "", fmt.Errorf("%w: a value has no JSON form", hmstype.ErrInvalid)
	}
	if hasher := db.handle.opts.Requests; hasher != nil {
		return hasher.HashRequest(ctx, db, body)
	}
	return fmt.Sprintf("%x", sha256.Sum256(body)), nil
}

func claimKey(ctx context.Context, db DB, op, key, hash string) (bool, error) {
	n, err := db.Exec(ctx, `INSERT INTO hms.idempotency_key (tenant_id, operation, key, actor, request_hash, created_at,
		expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, operation, actor, key) DO UPDATE
		SET request_hash = excluded.request_hash, result_id = NULL,
		    expires_at = excluded.expires_at
		WHERE idempotency_key.expires_at <= excluded.created_at`,
		db.Tenant(), op, key, actorText(db.Actor), hash, db.Now, db.Now.Add(keyTTL))
	return n == 1, err
}

// firstResult gives the id of what the first call with the key gave.
func firstResult(ctx context.Context, db DB, op, key, hash string) (uuid.UUID, error) {
	var storedHash string
	var result uuid.NullUUID
	err := db.QueryRow(ctx, `SELECT request_hash, result_id FROM hms.idempotency_key
		WHERE tenant_id = $1 AND operation = $2 AND actor = $3 AND key = $4`, db.Tenant(), op, actorText(db.Actor), key).
		Scan(&storedHash, &result)
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("%w: the idempotency key is in use", hmstype.ErrUnavailable)
	}
	if err != nil {
		return uuid.Nil, err
	}
	if storedHash != hash || !result.Valid {
		return uuid.Nil, hmstype.ErrIdempotencyMismatch
	}
	return result.UUID, nil
}
