package sealed

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// partitionQuery finds the month's partition by what it may hold, not by its name.
const partitionQuery = `SELECT c.oid::regclass::text
	FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
	WHERE i.inhparent = 'hms.audit_event'::regclass AND pg_catalog.pg_get_expr(c.relpartbound, c.oid)
		= 'FOR VALUES FROM (''' || ($1::timestamptz)::text || ''') TO (''' || ($2::timestamptz)::text || ''')'`

// survey learns which tenants have events in the month. Row-level security hides that from
// everybody, so it is lifted from the one partition, for a moment, in a transaction that is
// rolled back.
func (a *archiver) survey(ctx context.Context, tx dbx.Owner) error {
	for _, s := range []string{`SET LOCAL timezone = 'UTC'`, `SET LOCAL datestyle = 'ISO'`} {
		if _, err := tx.Exec(ctx, s); err != nil {
			return err
		}
	}
	err := tx.QueryRow(ctx, partitionQuery, a.from, a.to).Scan(&a.part)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoPartition
	}
	if err != nil {
		return err
	}
	var tenants []hmstype.TenantID
	err = tx.TryLocked(ctx, lockAttempts, func(ctx context.Context) error {
		tenants, err = a.listTenants(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range tenants {
		part := &tenantPart{TenantMonth: TenantMonth{Tenant: id}}
		part.Month = a.in.Month
		a.tenants = append(a.tenants, part)
	}
	return errRollBack
}

// listTenants hops through the partition's primary key from tenant to tenant.
func (a *archiver) listTenants(ctx context.Context, tx dbx.Owner) ([]hmstype.TenantID, error) {
	_, err := tx.Exec(ctx, `ALTER TABLE `+a.part+` NO FORCE ROW LEVEL SECURITY`)
	if dbx.SQLState(err) == undefinedTable {
		return nil, ErrNoPartition
	}
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `WITH RECURSIVE t (tenant_id) AS (
			(SELECT p.tenant_id FROM `+a.part+` AS p ORDER BY p.tenant_id LIMIT 1)
			UNION ALL
			SELECT (SELECT p.tenant_id FROM `+a.part+` AS p WHERE p.tenant_id > t.tenant_id ORDER BY p.tenant_id LIMIT 1)
			FROM t WHERE t.tenant_id IS NOT NULL)
		SELECT tenant_id FROM t WHERE tenant_id IS NOT NULL ORDER BY tenant_id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []hmstype.TenantID
	for rows.Next() {
		var id hmstype.TenantID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// lockAttempts is how often a lock is asked for that others may hold, two seconds each: writers
// queue behind the request for no longer, and sealers must not wait for minutes.
const lockAttempts = 5

// purge records the purge for every tenant and drops the partition, where nothing has changed
// since the archives were written. Until the records it has no transaction id, which would hold
// the sealers up.
func (a *archiver) purge(ctx context.Context, tx dbx.Owner) error {
	if err := a.closeMonth(ctx, tx); err != nil {
		return err
	}
	if err := a.look(ctx, tx); err != nil {
		return err
	}
	if err := a.retained(); err != nil {
		return err
	}
	at, err := tx.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	err = a.each(ctx, tx, func(ctx context.Context, db dbx.DB, t *tenantPart) error {
		if t.Total() != t.purge.Leaves.Count {
			return fmt.Errorf("%w: the month has other events than its archive", ErrLogDamaged)
		}
		if err := a.judgeAgain(ctx, db, t, at); err != nil {
			return err
		}
		return a.record(ctx, db, t, at)
	})
	if err != nil {
		return err
	}
	if err := a.retained(); err != nil {
		return err
	}
	return tx.TryLocked(ctx, lockAttempts, func(ctx context.Context) error { return a.drop(ctx, tx) })
}

// closeMonth makes archivers take turns, whatever their months: two who read the trail and both
// want to lock it would wait for each other. Then it keeps others from writing into the month.
func (a *archiver) closeMonth(ctx context.Context, tx dbx.Owner) error {
	if err := tx.TakeTurn(ctx, `LOCK TABLE hms.audit_purge IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `LOCK TABLE `+a.part+` IN SHARE ROW EXCLUSIVE MODE`)
	if dbx.SQLState(err) == undefinedTable { // another archiver was faster
		return ErrNoPartition
	}
	return err
}

// judgeAgain asks for rules and holds under the lock that whoever sets them takes, too.
func (a *archiver) judgeAgain(ctx context.Context, db dbx.DB, t *tenantPart, at time.Time) error {
	if err := a.trail.LockRetention(ctx, db.Conn()); err != nil {
		return err
	}
	rules, err := a.trail.KeepPeriods(ctx, db.Conn())
	if err != nil {
		return err
	}
	if db.Now.Before(at) {
		at = db.Now
	}
	return t.judge(ctx, db, at, rules)
}

const undefinedTable = "42P01"

// errRollBack ends a transaction that must leave nothing behind.
var errRollBack = fmt.Errorf("%w: rolled back on purpose", hmstype.ErrPrecondition)

// record writes the signed record of a purge and the event that tells of it.
// In SQL: migrate/routine/core/audit_write.sql.
func (a *archiver) record(ctx context.Context, db dbx.DB, t *tenantPart, at time.Time) error {
	p := t.purge
	p.Time, p.Basis = at, t.Basis
	signed, err := p.Sign(a.config.Signer)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.audit_purge
			(tenant_id, month, leaf_count, digest, archive, archive_hash, basis, purged_at, note)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		db.Tenant(), hmstype.DateOf(a.from, time.UTC), p.Leaves.Count, p.Leaves.Digest[:],
		p.Archive, p.Sum[:], p.Basis, p.Time, signed)
	if err != nil {
		return err
	}
	told, err := json.Marshal(map[string]any{
		"month": p.Month, "events": p.Leaves.Count, "archive": p.Archive, "sha256": hex.EncodeToString(p.Sum[:]),
		"basis": p.Basis,
	})
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `SELECT hms.audit_write($1, $2, 'audit_purge', $3, NULL, $4)`,
		db.Tenant(), string(audit.ActionPurge), string(p.Month), string(told))
	return err
}

// drop removes the partition, where still nobody has events in it whose tenant has no archive.
// Detaching it first would gain nothing: both want the same lock, and a table that is neither in
// the trail nor gone would be out of sight of everything that verifies.
func (a *archiver) drop(ctx context.Context, tx dbx.Owner) error {
	if _, err := tx.Exec(ctx, `LOCK TABLE ONLY hms.audit_event IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	tenants, err := a.listTenants(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(tenants, a.tenants, func(id hmstype.TenantID, t *tenantPart) bool { return id == t.Tenant }) {
		return fmt.Errorf("%w: another tenant's events came into the month", hmstype.ErrPrecondition)
	}
	_, err = tx.Exec(ctx, `DROP TABLE `+a.part)
	return err
}
