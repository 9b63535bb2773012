package fieldcrypt

import (
	"context"

	"github.com/chelal/hms/internal/dbx"
)

// fieldResult is the stored result of a deed with an idempotency key.
const fieldResult Field = "idempotency.response"

// rowName names a row by its key as text.
type rowName string

func (n rowName) String() string { return string(n) }

// SealResult implements dbx.ResultCipher: the result of a deed may hold a patient's data,
// so it is sealed by the tenant's own key until it expires.
func (c *Cipher) SealResult(ctx context.Context, db dbx.DB, row, text string) (string, error) {
	keys, err := c.Ensure(ctx, db, db.Tenant().UUID())
	if err != nil {
		return "", err
	}
	return keys.Seal(db.Tenant().UUID(), fieldResult, rowName(row), text)
}

// OpenResult implements dbx.ResultCipher.
func (c *Cipher) OpenResult(ctx context.Context, db dbx.DB, row, stored string) (string, error) {
	keys, err := c.Load(ctx, db, db.Tenant().UUID())
	if err != nil {
		return "", err
	}
	return keys.Open(db.Tenant().UUID(), fieldResult, rowName(row), stored)
}
