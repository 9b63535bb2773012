package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// The rules of throttling. An attempt is counted before its password is looked at, so that
// two hundred at once do not get two hundred looks.
const (
	freeFailures      = 4                // the delay begins with the next one
	lockAfter         = 100              // NIST SP 800-63B-4, section 3.2.2: no more consecutive failures
	longestDelay      = 5 * time.Minute  // a delay, not a lock, for a lock serves whoever wants a doctor out
	freeSource        = 50               // many people sit behind one address
	longestSource     = time.Minute      //
	sourceForgotAfter = 15 * time.Minute // without a failure
)

// delay gives the wait after n failures of which so many are free: 1 s, 2 s, 4 s, ...
func delay(failures, free int, longest time.Duration) time.Duration {
	if failures <= free {
		return 0
	}
	shift := min(failures-free-1, 20)
	return min(time.Second<<shift, longest)
}

// sourceKey hides where somebody came from, and what unknown name he tried.
func sourceKey(kind, text string) string {
	sum := sha256.Sum256([]byte(kind + ":" + text))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// countSource counts an attempt of a source and tells whether it must wait.
func countSource(
	ctx context.Context, db dbx.DB, key string, free int, longest time.Duration,
) (refused bool, err error) {
	_, err = db.Exec(ctx, `INSERT INTO hms.login_source (tenant_id, source, failures, next_attempt_at, last_failure_at)
		VALUES ($1, $2, 0, $3, $3) ON CONFLICT DO NOTHING`, db.Tenant(), key, db.Now)
	if err != nil {
		return false, err
	}
	var failures int
	var next, last time.Time
	err = db.QueryRow(ctx, `SELECT failures, next_attempt_at, last_failure_at FROM hms.login_source
		WHERE tenant_id = $1 AND source = $2 FOR UPDATE`, db.Tenant(), key).Scan(&failures, &next, &last)
	if err != nil || db.Now.Before(next) {
		return err == nil, err
	}
	if db.Now.Sub(last) > sourceForgotAfter {
		failures = 0
	}
	failures++
	_, err = db.Exec(ctx, `UPDATE hms.login_source SET failures = $1, next_attempt_at = $2, last_failure_at = $3
		WHERE tenant_id = $4 AND source = $5`,
		failures, db.Now.Add(delay(failures, free, longest)), db.Now, db.Tenant(), key)
	return false, err
}

// countAccount counts an attempt on an account and gives its hash, or tells that it must wait.
func countAccount(ctx context.Context, db dbx.DB, user hmstype.UserID) (hash string, refused bool, err error) {
	_, err = db.Exec(
		ctx, `INSERT INTO hms.user_password (tenant_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, db.Tenant(), user,
	)
	if err != nil {
		return "", false, err
	}
	var failures int
	var next, locked sql.NullTime
	err = db.QueryRow(ctx, `SELECT hash, failures, next_attempt_at, locked_at FROM hms.user_password
		WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE`, db.Tenant(), user).Scan(&hash, &failures, &next, &locked)
	if err != nil {
		return "", false, err
	}
	if locked.Valid || next.Valid && db.Now.Before(next.Time) {
		return "", true, nil
	}
	failures++
	var lockedAt sql.NullTime
	if failures >= lockAfter {
		lockedAt = sql.NullTime{Time: db.Now, Valid: true}
		if err := record(ctx, db, "locked", user); err != nil {
			return "", false, err
		}
	}
	_, err = db.Exec(ctx, `UPDATE hms.user_password SET failures = $1, next_attempt_at = $2, locked_at = $3
		WHERE tenant_id = $4 AND user_id = $5`,
		failures, db.Now.Add(delay(failures, freeFailures, longestDelay)), lockedAt, db.Tenant(), user)
	return hash, false, err
}

// forgetFailures makes an attempt that succeeded uncounted: the account begins anew, the
// source only loses this one.
func forgetFailures(ctx context.Context, db dbx.DB, user hmstype.UserID, source string) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_password SET failures = 0, next_attempt_at = NULL, locked_at = NULL
		WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user)
	if err != nil || source == "" {
		return err
	}
	return uncountSource(ctx, db, source)
}

func uncountSource(ctx context.Context, db dbx.DB, source string) error {
	_, err := db.Exec(ctx, `UPDATE hms.login_source SET failures = greatest(failures - 1, 0) WHERE tenant_id = $1
		AND source = $2`,
		db.Tenant(), sourceKey("source", source))
	return err
}

// uncountAttempt takes back the count of an attempt whose password was right but which lacked
// the second factor. What was counted before stays: codes cannot be guessed for free.
func uncountAttempt(ctx context.Context, db dbx.DB, user hmstype.UserID, source string) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_password SET failures = greatest(failures - 1, 0), next_attempt_at = NULL,
		locked_at = NULL WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user)
	return errors.Join(err, uncountSource(ctx, db, source))
}
