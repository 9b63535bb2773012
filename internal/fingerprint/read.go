package fingerprint

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Roles are ours, which belong to the whole server.
func Roles() []string { return slices.Clone(roles) }

var roles = []string{"hms_owner", "hms_app", "hms_sealer", "hms_scheduler", backup}

// backup is the role that only a superuser may make, and that a database does without where none did.
const backup = "hms_backup"

// Query runs a statement with parameters ($1, $2, ...) in a transaction.
type Query func(ctx context.Context, query string, args ...any) (*sql.Rows, error)

// wording are the settings by which the server words definitions, and by which it takes its time.
var wording = [][2]string{
	{"search_path", "pg_catalog, pg_temp"},
	{"standard_conforming_strings", "on"}, {"quote_all_identifiers", "off"}, {"bytea_output", "hex"},
	{"DateStyle", "ISO, MDY"}, {"IntervalStyle", "postgres"}, {"TimeZone", "UTC"}, {"extra_float_digits", "1"},
	{"jit", "off"},
}

// Read reads the catalogue in the transaction that query runs in. Any role may. The transaction's settings are as
// before afterwards; after an error they are not, so roll back.
func Read(ctx context.Context, query Query) (Catalogue, error) {
	before, version, err := settingsBefore(ctx, query)
	if err != nil {
		return Catalogue{}, fmt.Errorf("fingerprint: %w", err)
	}
	words := make([]string, len(wording))
	for i, w := range wording {
		words[i] = w[1]
	}
	if err := set(ctx, query, words); err != nil {
		return Catalogue{}, fmt.Errorf("fingerprint: %w", err)
	}
	c, err := read(ctx, query, version)
	if err == nil {
		err = set(ctx, query, before)
	}
	if err != nil {
		return Catalogue{}, fmt.Errorf("fingerprint: %w", err)
	}
	return c, nil
}

func settingsBefore(ctx context.Context, query Query) (before []string, version int, err error) {
	names := make([]string, len(wording))
	for i, w := range wording {
		names[i] = w[0]
	}
	rows, err := query(ctx, `SELECT pg_catalog.current_setting(u.name), pg_catalog.current_setting('server_version_num')
		FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS u (name, position) ORDER BY u.position`, names)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var value string
		if err := rows.Scan(&value, &version); err != nil {
			return nil, 0, err
		}
		before = append(before, value)
	}
	return before, version / 10_000, rows.Err()
}

func set(ctx context.Context, query Query, values []string) error {
	names := make([]string, len(wording))
	for i, w := range wording {
		names[i] = w[0]
	}
	rows, err := query(ctx, `SELECT pg_catalog.set_config(u.name, u.value, true) FROM ROWS FROM (
		pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS u (name, value)`,
		names, values)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {                   // each row is one setting
		continue
	}
	return rows.Err()
}

// Reading names the way in which a version's catalogue is read, in eight hexadecimal digits: sums of two readings
// differ though nothing was changed.
func Reading(version int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v %d", statementFor(version), roles, maxText))
	return fmt.Sprintf("%x", sum[:4])
}

// statementFor gives the one statement: what a version lacks is left out.
func statementFor(version int) string {
	const all = begin + relations + schemaObjects + serverObjects + memberships
	if version < 15 {
		return all
	}
	return all + parameters
}

func read(ctx context.Context, query Query, version int) (Catalogue, error) {
	c := Catalogue{Version: version, Months: map[string][]Item{}}
	rows, err := query(ctx, statementFor(version), roles)
	if err != nil {
		return c, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var kind, part, name string
		var definition sql.NullString // of a thing that went while we read
		var host bool
		if err := rows.Scan(&kind, &part, &name, &definition, &host); err != nil {
			return c, err
		}
		switch {
		case part != "":
			item := newItem(kind, template(part, name), template(part, definition.String))
			c.Months[part] = append(c.Months[part], item)
		case host:
			c.Host = append(c.Host, newItem(kind, name, definition.String))
		default:
			c.Items = append(c.Items, newItem(kind, name, definition.String))
		}
	}
	for _, items := range c.Months {
		slices.SortFunc(items, compareItems)
	}
	slices.SortFunc(c.Items, compareItems)
	slices.SortFunc(c.Host, compareItems)
	return c, rows.Err()
}

// isMonths tells whether an item is of the template.
func isMonths(i Item) bool { return strings.Contains(i.Name, month) }
