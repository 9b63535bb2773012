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
	distrustAfter     = 20               // then a device is a stranger's, and a session ends
	longestDelay      = 5 * time.Minute  // a delay, not a lock, for a lock serves whoever wants a doctor out
	freeSource        = 50               // many people sit behind one address
	longestSource     = time.Minute      //
	sourceForgotAfter = 15 * time.Minute // without a failure; longer than any delay
)

// delay gives the wait after n failures of which so many are free: 1 s, 2 s, 4 s, ...
func delay(failures, free int, longest time.Duration) time.Duration {
	if failures <= free {
		return 0
	}
	shift := min(failures-free-1, 20)
	return min(time.Second<<shift, longest)
}

// forgotten gives the instant before which a source's failures do not count any more.
func forgotten(now time.Time) time.Time { return now.Add(-sourceForgotAfter) }

// sourceKey hides where somebody came from, and what unknown name he tried.
func sourceKey(kind, text string) string {
	sum := sha256.Sum256([]byte(kind + ":" + text))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// countSource counts an attempt of a source and tells whether it must wait. A row that is new takes the
// place of two that are forgotten, so there are no more than the attempts of a quarter of an hour.
func countSource(
	ctx context.Context, db dbx.DB, key string, free int, longest time.Duration,
) (refused bool, err error) {
	var failures int
	var next, last time.Time
	var isNew bool
	err = db.QueryRow(ctx, `INSERT INTO hms.login_source AS s (tenant_id, source, failures, next_attempt_at,
		last_failure_at)
		VALUES ($1, $2, 0, $3, $3) ON CONFLICT (tenant_id, source) DO UPDATE SET failures = s.failures
		RETURNING failures, next_attempt_at, last_failure_at, xmax = 0`, db.Tenant(), key, db.Now).
		Scan(&failures, &next, &last, &isNew)
	if err != nil || db.Now.Before(next) {
		return err == nil, err
	}
	if isNew {
		_, err := db.Exec(ctx, `DELETE FROM hms.login_source WHERE tenant_id = $1 AND source IN (SELECT source
			FROM hms.login_source WHERE tenant_id = $1 AND last_failure_at < $2
			ORDER BY last_failure_at LIMIT 2 FOR UPDATE SKIP LOCKED)`, db.Tenant(), forgotten(db.Now))
		if err != nil {
			return false, err
		}
	}
	if last.Before(forgotten(db.Now)) {
		failures = 0
	}
	failures++
	_, err = db.Exec(ctx, `UPDATE hms.login_source SET failures = $1, next_attempt_at = $2, last_failure_at = $3
		WHERE tenant_id = $4 AND source = $5`,
		failures, db.Now.Add(delay(failures, free, longest)), db.Now, db.Tenant(), key)
	return false, err
}

// origin is where the attempts on an account are counted: with the device or the session that they
// come from, and without one with those of all strangers and with their source. So no stranger makes a
// person wait who is at his own device, or in his own session.
type origin struct {
	user    hmstype.UserID
	device  hmstype.UserDeviceID // from which the user has logged in; zero for a stranger
	session hmstype.SessionID    // in which the user is; zero for none
	source  string               // counted, too; empty for none
}

// own gives the row that counts what does not come from strangers; no table for these.
func (o origin) own() (table string, id string) {
	switch {
	case !o.session.IsZero():
		return "user_session", o.session.String()
	case !o.device.IsZero():
		return "user_device", o.device.String()
	default:
		return "", ""
	}
}

// count counts an attempt and gives the account's hash, or tells that it must wait.
func (o origin) count(ctx context.Context, db dbx.DB) (hash string, refused bool, err error) {
	table, id := o.own()
	if table == "" {
		return countAccount(ctx, db, o.user)
	}
	var failures int
	var next sql.NullTime
	err = db.QueryRow(ctx, `SELECT failures, next_attempt_at FROM hms.`+table+`
		WHERE tenant_id = $1 AND id = $2 AND user_id = $3 FOR UPDATE`, db.Tenant(), id, o.user).Scan(&failures, &next)
	if errors.Is(err, sql.ErrNoRows) { // a session of the host's own, or one that was just ended
		return countAccount(ctx, db, o.user)
	}
	if err != nil || next.Valid && db.Now.Before(next.Time) {
		return "", err == nil, err
	}
	failures++
	_, err = db.Exec(ctx, `UPDATE hms.`+table+` SET failures = $1, next_attempt_at = $2
		WHERE tenant_id = $3 AND id = $4`,
		failures, db.Now.Add(delay(failures, freeFailures, longestDelay)), db.Tenant(), id)
	if err == nil && failures >= distrustAfter {
		err = o.distrust(ctx, db)
	}
	if err != nil {
		return "", false, err
	}
	err = db.QueryRow(ctx, `SELECT hash FROM hms.user_password WHERE tenant_id = $1 AND user_id = $2`,
		db.Tenant(), o.user).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return hash, false, err
}

// distrust makes a stranger of who guesses at a device or in a session.
func (o origin) distrust(ctx context.Context, db dbx.DB) error {
	if !o.session.IsZero() {
		if err := endSession(ctx, db, o.session, "too many failures"); err != nil {
			return err
		}
		return record(ctx, db, "session_ended", o.user)
	}
	_, err := db.Exec(ctx, `DELETE FROM hms.user_device WHERE tenant_id = $1 AND id = $2`, db.Tenant(), o.device)
	if err != nil {
		return err
	}
	return record(ctx, db, "device_ended", o.user)
}

// forget makes an attempt that succeeded uncounted: where it was counted begins anew, the source only
// loses this one. What strangers did is forgotten by the success of one without a device only.
func (o origin) forget(ctx context.Context, db dbx.DB) error {
	table, id := o.own()
	if table == "" {
		return errors.Join(forgetFailures(ctx, db, o.user), uncountSource(ctx, db, o.source))
	}
	_, err := db.Exec(ctx, `UPDATE hms.`+table+` SET failures = 0, next_attempt_at = NULL
		WHERE tenant_id = $1 AND id = $2`, db.Tenant(), id)
	return err
}

// takeBack takes back the count of an attempt whose password was right but which lacked the second
// factor. What was counted before stays: codes cannot be guessed for free.
func (o origin) takeBack(ctx context.Context, db dbx.DB) error {
	table, id := o.own()
	if table == "" {
		_, err := db.Exec(ctx, `UPDATE hms.user_password SET failures = greatest(failures - 1, 0),
			next_attempt_at = NULL, locked_at = NULL WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), o.user)
		return errors.Join(err, uncountSource(ctx, db, o.source))
	}
	_, err := db.Exec(ctx, `UPDATE hms.`+table+` SET failures = greatest(failures - 1, 0), next_attempt_at = NULL
		WHERE tenant_id = $1 AND id = $2`, db.Tenant(), id)
	return err
}

// countAccount counts a stranger's attempt on an account and gives its hash, or tells that it must wait.
func countAccount(ctx context.Context, db dbx.DB, user hmstype.UserID) (hash string, refused bool, err error) {
	_, err = db.Exec(ctx, `INSERT INTO hms.user_password (tenant_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		db.Tenant(), user)
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

// forgetFailures makes an account begin anew for strangers.
func forgetFailures(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_password SET failures = 0, next_attempt_at = NULL, locked_at = NULL
		WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user)
	return err
}

func uncountSource(ctx context.Context, db dbx.DB, source string) error {
	if source == "" {
		return nil
	}
	_, err := db.Exec(ctx, `UPDATE hms.login_source SET failures = greatest(failures - 1, 0)
		WHERE tenant_id = $1 AND source = $2`, db.Tenant(), sourceKey("source", source))
	return err
}
