package fieldcrypt

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
)

// Part is a text on its way into the database, or out of it.
type Part struct {
	Field     Field
	Text      *string
	Narrative bool // see [Table]
}

// SealParts seals the texts of a row that is about to be written, in place. Empty ones stay empty
// and want no key.
func (c *Cipher) SealParts(ctx context.Context, db dbx.DB, subject uuid.UUID, row fmt.Stringer, parts ...Part) error {
	if !slices.ContainsFunc(parts, func(p Part) bool { return *p.Text != "" }) {
		return nil
	}
	keys, err := c.Ensure(ctx, db, subject)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if *p.Text, err = keys.Seal(subject, p.Field, row, *p.Text); err != nil {
			return err
		}
	}
	return nil
}
