package fieldcrypt

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Load reads the keys of some subjects in the use case's transaction: one round trip. A subject
// without a key is left out: opening its ciphertexts gives [ErrKeyLost].
func (c *Cipher) Load(ctx context.Context, db dbx.DB, subjects ...uuid.UUID) (Keys, error) {
	if !c.On() {
		return Keys{}, c.requireClear(ctx, db)
	}
	keys := Keys{tenant: db.Tenant(), data: map[dataKeyID]tink.AEAD{}, erased: map[uuid.UUID]struct{}{}}
	found, err := c.load(ctx, db, &keys, subjects)
	if err != nil || found {
		return keys, err
	}
	if err := c.createKeyset(ctx, db); err != nil {
		return Keys{}, err
	}
	_, err = c.load(ctx, db, &keys, subjects)
	return keys, err
}

const loadKeys = `SELECT k.epoch, k.data_keyset, k.index_keyset, array_to_string(k.sealed_fields, ' '),
		d.subject_id, d.epoch, d.wrapped
	FROM hms.tenant_keyset AS k
	LEFT JOIN hms.data_key AS d ON d.tenant_id = k.tenant_id AND d.tenant_id = $1 AND d.subject_id = ANY ($2::uuid[])
	WHERE k.tenant_id = $1`

func (c *Cipher) load(ctx context.Context, db dbx.DB, keys *Keys, subjects []uuid.UUID) (found bool, err error) {
	ids := make([]string, len(subjects))
	for i, s := range subjects {
		ids[i] = s.String()
	}
	rows, err := db.Query(ctx, loadKeys, db.Tenant(), ids)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data, index, wrapped []byte
		var subject uuid.NullUUID
		var epoch sql.NullInt64
		var strict string
		if err := rows.Scan(&keys.epoch, &data, &index, &strict, &subject, &epoch, &wrapped); err != nil {
			return false, err
		}
		if !found {
			if keys.keys, err = c.tenantKeys(ctx, db.Tenant(), data, index); err != nil {
				return false, err
			}
			keys.strict = c.strictFields(strict)
			found = true
		}
		if !subject.Valid {
			continue
		}
		if len(wrapped) == 0 {
			keys.erased[subject.UUID] = struct{}{}
			continue
		}
		id := dataKeyID{subject.UUID, int(epoch.Int64)}
		if keys.data[id], err = c.dataKey(keys.keys, db.Tenant(), id.subject, id.epoch, wrapped); err != nil {
			return false, err
		}
	}
	return found, rows.Err()
}

// requireClear refuses a tenant whose fields are encrypted where there is no key.
func (c *Cipher) requireClear(ctx context.Context, db dbx.DB) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	_, known := c.clear[db.Tenant()]
	c.mu.Unlock()
	if known {
		return nil
	}
	var encrypted bool
	err := db.QueryRow(
		ctx, `SELECT EXISTS (SELECT 1 FROM hms.tenant_keyset WHERE tenant_id = $1)`, db.Tenant(),
	).Scan(&encrypted)
	if err != nil {
		return err
	}
	if encrypted {
		return ErrKeyMissing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.clear) >= maxRemembered {
		clear(c.clear)
	}
	c.clear[db.Tenant()] = struct{}{}
	return nil
}

// newKeysets makes the two keysets of a tenant, wrapped.
func (c *Cipher) newKeysets(ctx context.Context, tenant hmstype.TenantID) (data, index []byte, err error) {
	dataHandle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("data keyset: %w", err)
	}
	indexHandle, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("index keyset: %w", err)
	}
	if data, err = c.wrapKeyset(ctx, dataHandle, tenant, purposeData); err != nil {
		return nil, nil, err
	}
	index, err = c.wrapKeyset(ctx, indexHandle, tenant, purposeIndex)
	return data, index, err
}

// createKeyset makes the tenant's keysets, unless somebody else was faster.
func (c *Cipher) createKeyset(ctx context.Context, db dbx.DB) error {
	data, index, err := c.newKeysets(ctx, db.Tenant())
	if err != nil {
		return err
	}
	n, err := db.Exec(ctx, `INSERT INTO hms.tenant_keyset (tenant_id, epoch, data_keyset, index_keyset, created_at)
		VALUES ($1, 1, $2, $3, $4) ON CONFLICT DO NOTHING`, db.Tenant(), data, index, db.Now)
	if err != nil || n == 0 {
		return err
	}
	return c.closeFields(ctx, db, true)
}

// Ensure loads the keys of some subjects like [Cipher.Load] and makes a key of the current
// epoch for each that has none. [ErrErased] for a subject whose keys were destroyed.
func (c *Cipher) Ensure(ctx context.Context, db dbx.DB, subjects ...uuid.UUID) (Keys, error) {
	keys, err := c.Load(ctx, db, subjects...)
	if err != nil || keys.epoch == 0 {
		return keys, err
	}
	for _, subject := range subjects {
		if keys.Erased(subject) {
			return Keys{}, ErrErased
		}
		if _, ok := keys.data[dataKeyID{subject, keys.epoch}]; ok {
			continue
		}
		if err := c.createDataKey(ctx, db, keys, subject); err != nil {
			return Keys{}, err
		}
	}
	return keys, nil
}

func (c *Cipher) createDataKey(ctx context.Context, db dbx.DB, keys Keys, subject uuid.UUID) error {
	wrapped, key, err := keys.keys.newDataKey(keys.tenant, subject, keys.epoch)
	if err != nil {
		return fmt.Errorf("data key: %w", err)
	}
	id := dataKeyID{subject, keys.epoch}
	n, err := db.Exec(ctx, `INSERT INTO hms.data_key (tenant_id, subject_id, epoch, wrapped, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, db.Tenant(), subject.String(), keys.epoch, wrapped, db.Now)
	if err != nil {
		return err
	}
	if n == 1 {
		keys.data[id] = key
		return nil
	}
	err = db.QueryRow(ctx, `SELECT wrapped FROM hms.data_key WHERE tenant_id = $1 AND subject_id = $2 AND epoch = $3`,
		db.Tenant(), subject.String(), keys.epoch).Scan(&wrapped)
	switch {
	case err != nil:
		return err
	case len(wrapped) == 0: // erased by somebody at this very moment
		return ErrErased
	}
	keys.data[id], err = c.dataKey(keys.keys, keys.tenant, subject, keys.epoch, wrapped)
	return err
}
