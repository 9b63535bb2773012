package fieldcrypt

import (
	"context"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
)

// Erase destroys all keys of a subject and the tokens by which its fields were found: its
// sealed fields open as empty text from then on, for ever, and no key is ever made for it
// again. It is final, and as complete as the backups that hold the keys are gone. To erase
// twice is no error: after a restore it must be done again.
func (c *Cipher) Erase(ctx context.Context, db dbx.DB, subject uuid.UUID) error {
	keys, err := c.lockKeyset(ctx, db) // no epoch begins meanwhile
	if err != nil {
		return err
	}
	// See migrate/routine/encryption/destroy_keys.sql.
	_, err = db.Exec(ctx, `SELECT hms.destroy_keys($1, $2, $3, $4)`, db.Tenant(), subject.String(), keys.epoch, db.Now)
	if err != nil {
		return err
	}
	for _, column := range Columns() {
		if column.Index == "" {
			continue
		}
		_, err := db.Exec(ctx, `UPDATE hms.`+column.Table+` SET `+column.Index+` = 'erased:' || gen_random_uuid()
			WHERE tenant_id = $1
			AND `+column.Subject+` = $2 AND `+column.Index+` NOT LIKE 'erased:%'`, db.Tenant(), subject.String())
		if err != nil {
			return err
		}
	}
	for _, d := range derivedRows() {
		if err := d.Forget(ctx, db, subject); err != nil {
			return err
		}
	}
	return nil
}
