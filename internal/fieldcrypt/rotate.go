package fieldcrypt

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Column is a column that holds an encrypted field.
type Column struct {
	Table, Name string              // physical names, without the schema
	Field       Field               // logical name, for ever
	Subject     string              // the column that names the subject
	Row         string              // the column that names the row: "id"
	Index       string              // the column that holds the blind-index token; empty means none
	IndexField  Field               // under which the token is made
	Normalize   func(string) string // gives what the token is made of
	Fixed       bool                // the table is append-only: its rows keep the key of their epoch
	Narrative   bool                // sealed only where the host asked for it; see [Table]
}

var columns struct {
	mu   sync.Mutex
	list []Column
}

// Declare says which columns hold encrypted fields; call it once, beside the table's row
// type: var _ = fieldcrypt.Declare(...).
func Declare(list ...Column) struct{} {
	columns.mu.Lock()
	defer columns.mu.Unlock()
	columns.list = append(columns.list, list...)
	return struct{}{}
}

// Columns lists what was declared.
func Columns() []Column {
	columns.mu.Lock()
	defer columns.mu.Unlock()
	return append([]Column(nil), columns.list...)
}

// ErrOff: there is nothing to rotate, for no key-encryption key is configured.
var ErrOff = fmt.Errorf("%w: field encryption is off", hmstype.ErrPrecondition)

// Rotate adds a key to the tenant's data keyset, makes it the one that wraps, and begins a
// new epoch, whose number it gives.
func (c *Cipher) Rotate(ctx context.Context, db dbx.DB) (epoch int, err error) {
	keys, err := c.lockKeyset(ctx, db)
	if err != nil {
		return 0, err
	}
	manager := keyset.NewManagerFromHandle(keys.keys.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return 0, fmt.Errorf("rotate: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return 0, fmt.Errorf("rotate: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return 0, fmt.Errorf("rotate: %w", err)
	}
	wrapped, err := c.wrapKeyset(ctx, handle, db.Tenant(), purposeData)
	if err != nil {
		return 0, err
	}
	// See migrate/routine/encryption/change_keyset.sql; the index's keyset stays.
	_, err = db.Exec(ctx, `SELECT hms.change_keyset($1, $2, $3,
		(SELECT k.index_keyset FROM hms.tenant_keyset AS k WHERE k.tenant_id = $1), $4)`,
		db.Tenant(), keys.epoch+1, wrapped, db.Now)
	return keys.epoch + 1, err
}

// lockKeyset makes rotations take turns and loads what the turn before left.
func (c *Cipher) lockKeyset(ctx context.Context, db dbx.DB) (Keys, error) {
	if !c.On() {
		return Keys{}, ErrOff
	}
	if err := db.LockName(ctx, "encryption.keyset"); err != nil {
		return Keys{}, err
	}
	return c.Load(ctx, db)
}

// Rewrap wraps the tenant's keysets anew by the key-encryption key as it is now: call it
// for every tenant after the host's key got a new version, and before the old one goes.
func (c *Cipher) Rewrap(ctx context.Context, db dbx.DB) error {
	keys, err := c.lockKeyset(ctx, db)
	if err != nil {
		return err
	}
	var data, index []byte
	err = db.QueryRow(
		ctx, `SELECT data_keyset, index_keyset FROM hms.tenant_keyset WHERE tenant_id = $1`, db.Tenant(),
	).Scan(&data, &index)
	if err != nil {
		return err
	}
	if data, err = c.rewrap(ctx, db, data, purposeData); err != nil {
		return err
	}
	if index, err = c.rewrap(ctx, db, index, purposeIndex); err != nil {
		return err
	}
	_, err = db.Exec(
		ctx, `SELECT hms.change_keyset($1, $2, $3, $4, $5)`, db.Tenant(), keys.epoch, data, index, db.Now,
	)
	return err
}

func (c *Cipher) rewrap(ctx context.Context, db dbx.DB, wrapped []byte, purpose string) ([]byte, error) {
	handle, err := c.unwrapKeyset(ctx, wrapped, db.Tenant(), purpose)
	if err != nil {
		return nil, err
	}
	return c.wrapKeyset(ctx, handle, db.Tenant(), purpose)
}

// Outdated counts the fields that are not sealed by a key of the current epoch, columns of
// append-only tables left out.
func (c *Cipher) Outdated(ctx context.Context, db dbx.DB) (int64, error) {
	keys, err := c.current(ctx, db)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, column := range Columns() {
		if column.Fixed {
			continue
		}
		var n int64
		query := `SELECT count(*) FROM hms.` + column.Table + ` AS t WHERE t.tenant_id = $1 AND ` +
			column.outdated(keys, "$2")
		if err := db.Replanned().QueryRow(ctx, query, db.Tenant(), keys.epochPrefix()).Scan(&n); err != nil {
			return 0, err
		}
		sum += n
	}
	for _, d := range derivedRows() {
		n, err := d.Outdated(ctx, db)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func (c *Cipher) current(ctx context.Context, db dbx.DB) (Keys, error) {
	if !c.On() {
		return Keys{}, ErrOff
	}
	return c.Load(ctx, db)
}

func (k Keys) epochPrefix() string { return prefix + strconv.Itoa(k.epoch) + ":" }

// outdated is the condition of a field that another epoch's key seals, or none; what is erased
// stays as it is, and so does clear text where the tenant finished sealing: to seal it would make it look
// genuine. The names come from [Declare], never from a caller; $1 is the tenant.
func (c Column) outdated(keys Keys, current string) string {
	condition := ""
	if _, strict := keys.strict[c.Field]; strict {
		condition = `NOT (` + c.isClear() + `) AND `
	}
	return condition + `t.` + c.Name + ` <> '' AND left(t.` + c.Name + `, length(` + current + `)) <> ` + current +
		` AND NOT EXISTS (SELECT 1 FROM hms.data_key AS d WHERE d.tenant_id = $1 AND d.subject_id = t.` + c.Subject +
		` AND d.wrapped = '')`
}

// Reencrypt seals up to limit fields by keys of the current epoch, and tells how many it
// did; fewer than limit means that none is left. A field that somebody changes meanwhile is
// left to its new value. Text in clear, from before encryption was on, is sealed as well.
func (c *Cipher) Reencrypt(ctx context.Context, db dbx.DB, limit int) (done int, err error) {
	keys, err := c.current(ctx, db)
	if err != nil {
		return 0, err
	}
	for _, column := range Columns() {
		if column.Fixed || done >= limit {
			continue
		}
		n, err := c.reencrypt(ctx, db, keys, column, limit-done)
		if err != nil {
			return done, err
		}
		done += n
	}
	for _, d := range derivedRows() {
		if done >= limit {
			break
		}
		n, err := d.Remake(ctx, db, c, limit-done)
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

type outdatedField struct {
	row, subject uuid.UUID
	stored       string
}

func (c *Cipher) reencrypt(ctx context.Context, db dbx.DB, keys Keys, column Column, limit int) (int, error) {
	fields, err := column.find(ctx, db, keys, limit)
	if err != nil || len(fields) == 0 {
		return 0, err
	}
	subjects := make([]uuid.UUID, len(fields))
	for i, f := range fields {
		subjects[i] = f.subject
	}
	if keys, err = c.Ensure(ctx, db, subjects...); err != nil {
		return 0, err
	}
	for _, f := range fields {
		if err := column.reseal(ctx, db, keys, f); err != nil {
			return 0, err
		}
	}
	return len(fields), nil
}

func (c Column) find(ctx context.Context, db dbx.DB, keys Keys, limit int) (_ []outdatedField, err error) {
	query := `SELECT t.` + c.Row + `, t.` + c.Subject + `, t.` + c.Name + ` FROM hms.` + c.Table +
		` AS t WHERE t.tenant_id = $1 AND ` + c.outdated(keys, "$2") + ` ORDER BY t.` + c.Row + ` LIMIT $3`
	rows, err := db.Replanned().Query(ctx, query, db.Tenant(), keys.epochPrefix(), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var fields []outdatedField
	for rows.Next() {
		var f outdatedField
		if err := rows.Scan(&f.row, &f.subject, &f.stored); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, rows.Err()
}

func (c Column) reseal(ctx context.Context, db dbx.DB, keys Keys, f outdatedField) error {
	text, err := keys.Open(f.subject, c.Field, f.row, f.stored)
	if err != nil {
		return err
	}
	sealed, err := keys.Seal(f.subject, c.Field, f.row, text)
	if err != nil {
		return err
	}
	where := ` WHERE tenant_id = $2 AND ` + c.Row + ` = $3 AND ` + c.Name + ` = $4`
	args := []any{sealed, db.Tenant(), f.row.String(), f.stored}
	set := c.Name + ` = $1`
	if c.Index != "" {
		token, err := keys.Index(c.IndexField, c.Normalize(text))
		if err != nil {
			return err
		}
		set += `, ` + c.Index + ` = nullif($5, '')`
		args = append(args, token)
	}
	_, err = db.Exec(ctx, `UPDATE hms.`+c.Table+` SET `+set+where, args...)
	return err
}
