package fieldcrypt

import (
	"context"
	"strings"

	"github.com/chelal/hms/internal/dbx"
)

// Close says that the tenant finished sealing: from then on nothing is written in clear into the columns that
// this cipher seals, and what stands there in clear is refused, but where rows that never change have text from
// before encryption. Nobody takes it back. To close twice is no error.
func (c *Cipher) Close(ctx context.Context, db dbx.DB) error { return c.closeFields(ctx, db, false) }

// closeFields closes the columns that the cipher seals; of a new keyset those of tables without a row yet.
// In SQL: migrate/routine/encryption/close_fields.sql.
func (c *Cipher) closeFields(ctx context.Context, db dbx.DB, isNew bool) error {
	var fields []string
	for _, column := range Columns() {
		if c.narrative || !column.Narrative {
			fields = append(fields, column.String())
		}
	}
	_, err := db.Exec(ctx, `SELECT hms.close_fields($1, $2, $3)`, db.Tenant(), fields, isNew)
	return err
}

// String gives the column as the database names it among those that a tenant finished sealing.
func (c Column) String() string { return c.Table + "." + c.Name }

// strictFields gives the fields of the columns that a keyset lists.
func (c *Cipher) strictFields(list string) map[Field]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.strict[list]; ok {
		return known
	}
	byName := map[string]Field{}
	for _, column := range Columns() {
		byName[column.String()] = column.Field
	}
	fields := map[Field]struct{}{}
	for name := range strings.FieldsSeq(list) {
		if field, ok := byName[name]; ok {
			fields[field] = struct{}{}
		}
	}
	if len(c.strict) >= maxRemembered {
		clear(c.strict)
	}
	c.strict[list] = fields
	return fields
}

// Clear is how many rows have clear text in a column.
type Clear struct {
	Column Column
	Rows   int64
	Strict bool // the tenant finished sealing it: the text was put there by somebody without a key
}

// FindClear looks through every column that the cipher seals, or that the tenant finished sealing, for clear text.
func (c *Cipher) FindClear(ctx context.Context, db dbx.DB) ([]Clear, error) {
	keys, err := c.current(ctx, db)
	if err != nil {
		return nil, err
	}
	var list []Clear
	for _, column := range Columns() {
		_, strict := keys.strict[column.Field]
		if column.Narrative && !c.narrative && !strict {
			continue
		}
		found := Clear{Column: column, Strict: strict}
		query := `SELECT count(*) FROM hms.` + column.Table + ` AS t WHERE t.tenant_id = $1 AND ` + column.isClear()
		if err := db.QueryRow(ctx, query, db.Tenant()).Scan(&found.Rows); err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	return list, nil
}

// isClear is the condition of clear text; the names come from [Declare].
func (c Column) isClear() string {
	return `t.` + c.Name + ` <> '' AND left(t.` + c.Name + `, 5) <> '` + prefix + `'`
}
