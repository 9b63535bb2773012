package fieldcrypt

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/chelal/hms/internal/dbx"
)

// fieldRequest is the hash of an input with an idempotency key.
const fieldRequest Field = "idempotency.request"

// HashRequest implements dbx.RequestHasher: a plain hash of an input would let somebody who has
// the table try out what a patient's data were.
func (c *Cipher) HashRequest(ctx context.Context, db dbx.DB, request []byte) (string, error) {
	hash := fmt.Sprintf("%x", sha256.Sum256(request))
	keys, err := c.Load(ctx, db)
	if err != nil {
		return "", err
	}
	return keys.Index(fieldRequest, hash)
}
