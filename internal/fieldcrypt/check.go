package fieldcrypt

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// installation is the tenant of the database's own mark: no hospital's, and no actor's.
var installation hmstype.TenantID

// Check holds the configured key against the database, for the host's start: it seals a
// mark by the first key that it meets and opens it ever after. [ErrKeyMissing] where the
// mark is there and the key is not, [ErrKeyWrong] where the key does not open it.
func (c *Cipher) Check(ctx context.Context, db *bun.DB) error {
	return dbx.AsInstallation(ctx, db, func(ctx context.Context, tx bun.Tx) error { return c.checkMark(ctx, db, tx) })
}

func (c *Cipher) checkMark(ctx context.Context, db *bun.DB, tx bun.Tx) error {
	var data, index []byte
	err := tx.Tx.QueryRowContext(ctx, `SELECT data_keyset, index_keyset FROM hms.tenant_keyset WHERE tenant_id = $1`,
		dbx.Arguments(db, installation.String())...).Scan(&data, &index)
	switch {
	case errors.Is(err, sql.ErrNoRows) && !c.On():
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return c.leaveMark(ctx, db, tx)
	case err != nil:
		return err
	case !c.On():
		return ErrKeyMissing
	}
	_, err = c.tenantKeys(ctx, installation, data, index)
	return err
}

func (c *Cipher) leaveMark(ctx context.Context, db *bun.DB, tx bun.Tx) error {
	data, index, err := c.newKeysets(ctx, installation)
	if err != nil {
		return err
	}
	_, err = tx.Tx.ExecContext(ctx, `INSERT INTO hms.tenant_keyset (tenant_id, epoch, data_keyset, index_keyset, created_at)
		VALUES ($1, 1, $2, $3, now()) ON CONFLICT DO NOTHING`, dbx.Arguments(db, installation.String(), data, index)...)
	return err
}
