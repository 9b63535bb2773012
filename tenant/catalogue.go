package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/chelal/hms/internal/dbx"
)

// kept is the table that stays when a tenant goes and does not come with it: what it says is of this database.
const kept = "tenant_record"

// table is a table of the schema that has rows of tenants.
type table struct {
	name    string
	columns []column // but for those that the database computes
	key     []column // of the primary key, without the tenant
	parents []string // the tables that it refers to, but for itself
	self    []pair   // how it refers to itself
}

type column struct {
	name string
	kind string // as format_type gives it
}

// pair is a column that refers to another one of the same table.
type pair struct{ child, parent string }

// sql gives the table's name for a statement.
func (t table) sql() string { return pgx.Identifier{"hms", t.name}.Sanitize() }

// sql gives the column's name for a statement.
func (c column) sql() string { return quoted(c.name) }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// ordered gives the column to order by, in the same order on every server.
func (c column) ordered() string {
	if c.kind == "text" {
		return `t.` + c.sql() + ` COLLATE "C"`
	}
	return `t.` + c.sql()
}

func (t table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// columnsQuery lists the columns of all tables with rows of tenants, and their places in the primary key.
const columnsQuery = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',
		coalesce((SELECT k.place FROM pg_catalog.pg_constraint AS p, unnest(p.conkey) WITH ORDINALITY AS k (attnum, place)
			WHERE p.conrelid = c.oid AND p.contype = 'p' AND k.attnum = a.attnum), 0)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'hms'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname <> $1 AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute AS i
			WHERE i.attrelid = c.oid AND i.attname = 'tenant_id' AND NOT i.attisdropped)
	ORDER BY c.relname, a.attnum`

// referencesQuery lists the foreign keys, by the first column behind the tenant.
const referencesQuery = `SELECT c.relname, r.relname, a.attname, b.attname
	FROM pg_catalog.pg_constraint AS k
	JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
	JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
	JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[2]
	WHERE k.contype = 'f' AND k.connamespace = 'hms'::regnamespace
	ORDER BY c.relname, r.relname, a.attname`

// tables gives all tables with rows of tenants, each after those that it refers to.
func tables(ctx context.Context, db dbx.DB) ([]table, error) {
	byName, err := columns(ctx, db)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, referencesQuery)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var from, to string
		var p pair
		if err := rows.Scan(&from, &to, &p.child, &p.parent); err != nil {
			return nil, err
		}
		t := byName[from]
		switch {
		case t == nil:
		case from == to:
			t.self = append(t.self, p)
		default:
			t.parents = append(t.parents, to)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return inOrder(byName)
}

func columns(ctx context.Context, db dbx.DB) (map[string]*table, error) {
	rows, err := db.Query(ctx, columnsQuery, kept)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	byName := map[string]*table{}
	places := map[string][]int{}
	for rows.Next() {
		var name string
		var c column
		var generated bool
		var place int
		if err := rows.Scan(&name, &c.name, &c.kind, &generated, &place); err != nil {
			return nil, err
		}
		t := byName[name]
		if t == nil {
			t = &table{name: name}
			byName[name] = t
		}
		if !generated {
			t.columns = append(t.columns, c)
		}
		if place > 0 && c.name != "tenant_id" {
			at, _ := slices.BinarySearch(places[name], place)
			places[name] = slices.Insert(places[name], at, place)
			t.key = slices.Insert(t.key, at, c)
		}
	}
	return byName, rows.Err()
}

// inOrder sorts tables so that each comes after those that it refers to, by name where that leaves a choice.
func inOrder(byName map[string]*table) ([]table, error) {
	var list []table
	done := map[string]bool{}
	for len(list) < len(byName) {
		var ready []string
		for name, t := range byName {
			waits := func(parent string) bool { return byName[parent] != nil && !done[parent] }
			if !done[name] && !slices.ContainsFunc(t.parents, waits) {
				ready = append(ready, name)
			}
		}
		if len(ready) == 0 {
			return nil, fmt.Errorf("tenant: %d tables refer to each other in a circle", len(byName)-len(list))
		}
		slices.Sort(ready)
		for _, name := range ready {
			done[name] = true
			list = append(list, *byName[name])
		}
	}
	return list, nil
}

// query gives the rows of the transaction's tenant as texts, by primary key. In a table that refers to itself a row
// comes after the one that it refers to.
// In SQL: migrate/routine/core/current_tenant.sql.
func (t table) query() string {
	var list []string
	order := []string{`t.tenant_id`}
	for _, c := range t.columns {
		list = append(list, `t.`+c.sql()+`::text`)
	}
	for _, c := range t.key {
		order = append(order, c.ordered())
	}
	what, by := strings.Join(list, ", "), strings.Join(order, ", ")
	if len(t.self) == 0 {
		return `SELECT ` + what + ` FROM ` + t.sql() + ` AS t WHERE t.tenant_id = hms.current_tenant() ORDER BY ` + by
	}
	child, parent := quoted(t.self[0].child), quoted(t.self[0].parent)
	return `WITH RECURSIVE d (key, depth) AS (
			SELECT t.` + parent + `, 0 FROM ` + t.sql() + ` AS t
			WHERE t.tenant_id = hms.current_tenant() AND (t.` + child + ` IS NULL OR t.` + child + ` = t.` + parent + `)
			UNION ALL
			SELECT t.` + parent + `, d.depth + 1 FROM ` + t.sql() + ` AS t JOIN d ON d.key = t.` + child + `
			WHERE t.tenant_id = hms.current_tenant() AND t.` + child + ` <> t.` + parent + `)
		SELECT ` + what + ` FROM ` + t.sql() + ` AS t JOIN d ON d.key = t.` + parent + `
		WHERE t.tenant_id = hms.current_tenant() ORDER BY d.depth, ` + by
}
