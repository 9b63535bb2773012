package tenant

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Record is what became of a tenant.
type Record struct {
	Tenant hmstype.TenantID
	proof.TenantRecord
	Note string // the signed text that proof.OpenTenantRecord reads
}

const opListRecords = "tenant.list_records"

// ListRecords gives what became of all tenants of the installation, by tenant and number, also of those that are
// deleted. [ErrRecord] where one is not what was signed.
func (l *Library) ListRecords(ctx context.Context, page hmstype.Page) (hmstype.List[Record], error) {
	list, err := l.listRecords(ctx, page)
	if err != nil {
		return hmstype.List[Record]{}, result(opListRecords, err)
	}
	return list, nil
}

func (l *Library) listRecords(ctx context.Context, page hmstype.Page) (list hmstype.List[Record], err error) {
	after, _, err := page.Position(opListRecords)
	if err != nil {
		return list, err
	}
	limit, err := page.Size()
	if err != nil {
		return list, err
	}
	var number int64 // of the last one shown, which the cursor has in place of an instant
	if !after.At.IsZero() {
		number = after.At.UnixMicro()
	}
	err = l.handle.AsOwner(ctx, opListRecords, "owner", func(ctx context.Context, tx dbx.Owner) error {
		rows, err := tx.Query(ctx, `SELECT r.tenant_id, r.number, r.kind, r.archive_hash, r.note FROM hms.tenant_record AS r
			WHERE (r.tenant_id, r.number) > ($1, $2) ORDER BY r.tenant_id, r.number LIMIT $3`, after.ID, number, limit+1)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err below tells what matters
		for rows.Next() {
			r, err := l.scanRecord(rows)
			if err != nil {
				return err
			}
			list.Items = append(list.Items, r)
		}
		return rows.Err()
	})
	if err == nil && len(list.Items) > limit {
		list.Items = list.Items[:limit]
		last := list.Items[limit-1]
		list.Next = hmstype.Position{ID: last.Tenant.UUID(), At: time.UnixMicro(last.Number)}.Cursor(opListRecords)
	}
	return list, err
}

// scanRecord reads a row, and refuses one that its note does not bear out.
func (l *Library) scanRecord(row interface{ Scan(dest ...any) error }) (Record, error) {
	var r Record
	var number int64
	var kind string
	var sum []byte
	if err := row.Scan(&r.Tenant, &number, &kind, &sum, &r.Note); err != nil {
		return r, err
	}
	verifiers, err := l.config.PublicKeys()
	if err != nil {
		return r, err
	}
	if r.TenantRecord, err = proof.OpenTenantRecord(r.Note, verifiers); err != nil {
		return r, errors.Join(ErrRecord, err)
	}
	if r.Number != number || string(r.Kind) != kind || string(r.SumBytes()) != string(sum) ||
		r.Origin != l.config.LogOrigin(r.Tenant) {
		return r, ErrRecord
	}
	return r, nil
}

// lastRecord gives the newest record of the transaction's tenant; ok is false where there is none.
func (l *Library) lastRecord(ctx context.Context, db dbx.DB) (r Record, ok bool, err error) {
	r, err = l.scanRecord(db.QueryRow(ctx, `SELECT r.tenant_id, r.number, r.kind, r.archive_hash, r.note
		FROM hms.tenant_record AS r WHERE r.tenant_id = $1 ORDER BY r.number DESC LIMIT 1`, db.Tenant()))
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// record signs and stores a record of the transaction's tenant; origin, number, time and who did it are filled in.
func (l *Library) record(ctx context.Context, db dbx.DB, r proof.TenantRecord) (Record, error) {
	last, _, err := l.lastRecord(ctx, db)
	if err != nil {
		return Record{}, err
	}
	r.Origin, r.Number, r.By = l.config.LogOrigin(db.Tenant()), last.Number+1, db.By().String()
	if r.Time, err = db.DatabaseTime(ctx); err != nil {
		return Record{}, err
	}
	signed, err := r.Sign(l.config.Signer)
	if err != nil {
		return Record{}, fmt.Errorf("record of a tenant: %w", err)
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.tenant_record (tenant_id, number, kind, recorded_at, archive_hash, note)
		VALUES ($1, $2, $3, $4, $5, $6)`, db.Tenant(), r.Number, string(r.Kind), r.Time, r.SumBytes(), signed)
	return Record{Tenant: db.Tenant(), TenantRecord: r, Note: signed}, err
}

// tell writes an event of the whole tenant to its trail.
// In SQL: migrate/routine/core/audit_write.sql.
func tell(ctx context.Context, db dbx.DB, action string, what map[string]any) error {
	told, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `SELECT hms.audit_write($1, $2, 'tenant_archive', $3, NULL, $4)`,
		db.Tenant(), action, db.Tenant().String(), string(told))
	return err
}

// schemaSum gives the hash of the steps that the database has.
func schemaSum(ctx context.Context, db dbx.DB) (sum tlog.Hash, err error) {
	rows, err := db.Query(ctx, `SELECT m.version, m.name, m.checksum FROM hms.migration AS m ORDER BY m.version`)
	if err != nil {
		return sum, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	steps := sha256.New()
	for rows.Next() {
		var version int
		var name, checksum string
		if err := rows.Scan(&version, &name, &checksum); err != nil {
			return sum, err
		}
		_, _ = fmt.Fprintf(steps, "%d %s %s\n", version, name, checksum) // a hash's Write never fails
	}
	return tlog.Hash(steps.Sum(nil)), rows.Err()
}
