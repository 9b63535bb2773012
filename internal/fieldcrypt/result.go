package fieldcrypt

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/chelal/hms/internal/dbx"
)

// The stored result of a use case with an idempotency key, and the hash of its input.
const (
	fieldResult  Field = "idempotency.response"
	fieldRequest Field = "idempotency.request"
)

// rowName names a row by its key as text.
type rowName string

func (n rowName) String() string { return string(n) }

// SealResult implements dbx.ResultCipher: the result of a use case may hold a patient's data,
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

// HashRequest implements dbx.ResultCipher: a plain hash of an input would let somebody who has
// the table try out what a patient's data were.
func (c *Cipher) HashRequest(ctx context.Context, db dbx.DB, request []byte) (string, error) {
	hash := fmt.Sprintf("%x", sha256.Sum256(request))
	keys, err := c.Load(ctx, db)
	if err != nil {
		return "", err
	}
	return keys.Index(fieldRequest, hash)
}
