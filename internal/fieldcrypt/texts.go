package fieldcrypt

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
)

// Table declares the sealed texts of one table, once: its columns, whose key seals them, and
// where a value of type D, which rows and domain types embed, holds them. It serves declaring,
// sealing and opening alike.
type Table[D any] struct {
	Name    string // the table's
	Subject string // the column of whose key it is, such as "patient_id"
	// Narrative texts are sealed only where the host asked for that (hms.Config.EncryptNarrative).
	// A new epoch's key leaves them as they are.
	Narrative bool
	// Fixed texts are sealed wherever the host gave a key, and keep the key of their epoch: the table
	// refuses to change them.
	Fixed bool
	// Texts gives the texts and their columns.
	Texts func(d *D) []Text
}

// Text is one text of a table.
type Text struct {
	Column string
	Text   *string
	// Index names the column of the text's blind index; empty for none. IndexField, where it is not
	// the text's own field, and Normalize go with it; see [Column].
	Index     string
	Normalize func(string) string
}

// Declare registers the columns; it is called once, from a package variable.
func (t Table[D]) Declare() *Table[D] {
	var d D
	for _, text := range t.Texts(&d) {
		c := Column{
			Table: t.Name, Name: text.Column, Field: t.field(text), Subject: t.Subject, Row: "id", Fixed: t.Narrative || t.Fixed,
			Narrative: t.Narrative,
		}
		if text.Index != "" {
			c.Index, c.IndexField, c.Normalize = text.Index, c.Field, text.Normalize
		}
		Declare(c)
	}
	return &t
}

func (t *Table[D]) field(text Text) Field { return Field(t.Name + "." + text.Column) }

// Seal seals the texts of a row that is about to be written, in place.
func (t *Table[D]) Seal(ctx context.Context, c *Cipher, db dbx.DB, subject uuid.UUID, row fmt.Stringer, d *D) error {
	if t.Narrative && !c.SealsNarrative() {
		return nil
	}
	return c.SealParts(ctx, db, subject, row, t.parts(d)...)
}

// SealBy is [Table.Seal] by keys that the caller has for the subject already, for a use case that seals
// rows of several tables by them.
func (t *Table[D]) SealBy(keys Keys, subject uuid.UUID, row fmt.Stringer, d *D) (err error) {
	for _, text := range t.Texts(d) {
		if *text.Text, err = keys.Seal(subject, t.field(text), row, *text.Text); err != nil {
			return err
		}
	}
	return nil
}

// Token gives what the column of a blind index holds for a text in clear; empty for empty text.
func (t *Table[D]) Token(keys Keys, index, text string) (string, error) {
	var d D
	for _, declared := range t.Texts(&d) {
		if declared.Index == index {
			return keys.Index(t.field(declared), declared.Normalize(text))
		}
	}
	return "", fmt.Errorf("table %s has no blind index %s", t.Name, index)
}

// Of gives the texts of a record for opening.
func (t *Table[D]) Of(subject uuid.UUID, row fmt.Stringer, d *D) Record {
	return Record{Subject: subject, Row: row, Parts: t.parts(d)}
}

func (t *Table[D]) parts(d *D) []Part {
	texts := t.Texts(d)
	parts := make([]Part, len(texts))
	for i, text := range texts {
		parts[i] = Part{Field: t.field(text), Text: text.Text, Narrative: t.Narrative}
	}
	return parts
}

// Record is the texts of one row, to be opened in place.
type Record struct {
	Subject uuid.UUID
	Row     fmt.Stringer
	Parts   []Part
	Erased  *bool // is told that a sealed text is empty because the subject was erased; nil asks not
	// Gone is told that the subject was erased, whatever of the record was sealed; nil asks not.
	Gone *bool
}

// OpenTexts opens the texts of records in place: whatever was sealed, whether or not the host
// still seals. Where no text is that may have been sealed, and nobody asks whether a subject is gone, it asks the
// database nothing. [ErrReplaced] for clear text where the tenant finished sealing.
func (c *Cipher) OpenTexts(ctx context.Context, db dbx.DB, records ...Record) error {
	var subjects []uuid.UUID
	for _, r := range records {
		if r.Gone != nil || slices.ContainsFunc(r.Parts, c.mayBeSealed) {
			subjects = append(subjects, r.Subject)
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	keys, err := c.Load(ctx, db, subjects...)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := r.open(keys); err != nil {
			return err
		}
	}
	return nil
}

func (r Record) open(keys Keys) (err error) {
	erased := keys.Erased(r.Subject)
	if r.Gone != nil {
		*r.Gone = erased
	}
	for _, p := range r.Parts {
		if erased && Sealed(*p.Text) {
			tell(r.Erased)
		}
		if *p.Text, err = keys.Open(r.Subject, p.Field, r.Row, *p.Text); err != nil {
			return err
		}
	}
	return nil
}

func tell(flag *bool) {
	if flag != nil {
		*flag = true
	}
}

// mayBeSealed tells whether a text is a ciphertext, or clear text of a field that the cipher seals.
func (c *Cipher) mayBeSealed(p Part) bool {
	return Sealed(*p.Text) || *p.Text != "" && c.On() && (c.narrative || !p.Narrative)
}
