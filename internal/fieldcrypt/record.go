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
	Field  Field
	Text   *string
	Erased *bool // is told whether a sealed text is empty because the subject was erased; nil asks not
}

// Texts names the texts of a record of one kind that may be sealed, whose key seals them, and the
// row that they belong to.
type Texts[T any] func(record *T) (subject uuid.UUID, row fmt.Stringer, parts []Part)

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

// OpenRecords opens the texts of records in place: whatever was sealed, whether or not the host
// still seals. Where nothing is sealed it asks the database nothing.
func OpenRecords[T any](ctx context.Context, c *Cipher, db dbx.DB, texts Texts[T], records []T) error {
	var subjects []uuid.UUID
	for i := range records {
		subject, _, parts := texts(&records[i])
		if slices.ContainsFunc(parts, func(p Part) bool { return Sealed(*p.Text) }) {
			subjects = append(subjects, subject)
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	keys, err := c.Load(ctx, db, subjects...)
	if err != nil {
		return err
	}
	for i := range records {
		subject, row, parts := texts(&records[i])
		for _, p := range parts {
			if p.Erased != nil {
				*p.Erased = *p.Erased || (Sealed(*p.Text) && keys.Erased(subject)) // any of them tells
			}
			if *p.Text, err = keys.Open(subject, p.Field, row, *p.Text); err != nil {
				return err
			}
		}
	}
	return nil
}
