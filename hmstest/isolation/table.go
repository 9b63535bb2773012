package isolation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// table is what the catalogue says of a table or partition.
type table struct {
	Name    string // schema and name, quoted where need be
	Part    bool   // inherits, so that only its parent is for use
	Writes  bool   // the application's role may change whole rows or remove them, and so LOCK the table
	Sets    string // a column that the application may set; the tenant where there is none
	Key     []string
	Columns []string // those that can be written, each quoted
	Uniques []unique
	Foreign []foreignKey

	theirs, own string // a row of the victim's and one of the hostile tenant's as JSON; empty: none
}

// unique is a unique index or an exclusion constraint.
type unique struct {
	Name    string
	Columns []string // without the tenant; of an exclusion only those compared by =
	Where   string   // of a partial index
}

// foreignKey is a foreign key with its columns and those that they refer to, the tenant left out.
type foreignKey struct {
	Name    string
	To      string
	Columns []string
	Refers  []string
}

const tableCatalogue = ours + `SELECT json_build_object('Name', t.name, 'Part', t.is_part,
	'Writes', has_table_privilege('hms_app', t.oid, 'UPDATE, DELETE, TRUNCATE'),
	'Sets', coalesce((SELECT quote_ident(a.attname) FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum > 0
		AND NOT a.attisdropped AND has_column_privilege('hms_app', t.oid, a.attnum, 'UPDATE') ORDER BY a.attnum LIMIT 1),
		'tenant_id'),
	'Columns', (SELECT json_agg(quote_ident(a.attname) ORDER BY a.attnum) FROM pg_attribute AS a
		WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'),
	'Key', (SELECT json_agg(a.attname ORDER BY o) FROM pg_constraint AS k
		CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS u (n, o)
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = u.n WHERE k.conrelid = t.oid AND k.contype = 'p'),
	'Uniques', (SELECT json_agg(json_build_object('Name', c.relname,
		'Where', coalesce(pg_get_expr(i.indpred, t.oid), ''), 'Columns',
		(SELECT json_agg(a.attname ORDER BY o) FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS u (n, o)
			JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = u.n AND a.attname <> 'tenant_id'
			WHERE NOT i.indisexclusion OR EXISTS (SELECT 1 FROM pg_constraint AS x
				CROSS JOIN LATERAL unnest(x.conexclop) WITH ORDINALITY AS e (op, eo)
				JOIN pg_operator AS p ON p.oid = e.op WHERE x.conindid = i.indexrelid AND eo = o AND p.oprname = '='))))
		FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = t.oid AND (i.indisunique
			OR i.indisexclusion)),
	'Foreign', (SELECT json_agg(json_build_object('Name', k.conname, 'To', k.confrelid::regclass::text,
		'Columns', (SELECT json_agg(a.attname ORDER BY o) FROM unnest(k.conkey) WITH ORDINALITY AS u (n, o)
			JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = u.n AND a.attname <> 'tenant_id'),
		'Refers', (SELECT json_agg(b.attname ORDER BY o) FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (n, m, o)
			JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = u.n AND a.attname <> 'tenant_id'
			JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.m)))
		FROM pg_constraint AS k WHERE k.conrelid = t.oid AND k.contype = 'f'))::text
	FROM tenanted AS t WHERE EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id')
		ORDER BY t.name`

// readTables reads the catalogue, and a row of each tenant per table.
func (s *siege) readTables() error {
	rows, err := s.asks(s.hostile, tableCatalogue)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := &table{}
		if err := json.Unmarshal([]byte(row), t); err != nil {
			return err
		}
		s.tables = append(s.tables, t)
	}
	for _, t := range s.tables {
		if t.theirs, err = s.rowOf(t.Name, s.victim, "true"); err != nil {
			return err
		}
		if t.own, err = s.rowOf(t.Name, s.hostile, "true"); err != nil {
			return err
		}
		s.found.count(t)
	}
	return nil
}

func (r *Report) count(t *table) {
	switch {
	case t.Part:
		r.Partitions++
	case t.theirs == "":
		r.Tables++
		r.Empty = append(r.Empty, t.Name)
	default:
		r.Tables++
		r.Filled++
	}
}

// rowOf gives a row of a tenant as JSON, empty where there is none.
func (s *siege) rowOf(table, tenant, where string) (string, error) {
	rows, err := s.asks(tenant, fmt.Sprintf(`SELECT to_jsonb(t)::text FROM %s AS t WHERE t.tenant_id = %s
		AND (%s) LIMIT 1`, table, quote(tenant), where))
	return strings.Join(rows, ""), err
}

// fingerprint is a sum over all rows of the victim.
func (s *siege) fingerprint() (string, error) {
	rows, err := s.asks(s.victim, s.fingerprintQuery())
	return fingerprintOf(rows), err
}

// fingerprintOf joins the tables' lines. A parallel plan gives them in any order.
func fingerprintOf(lines []string) string {
	return strings.Join(slices.Sorted(slices.Values(lines)), "\n")
}

func (s *siege) fingerprintQuery() string {
	parts := make([]string, 0, len(s.tables))
	for _, t := range s.tables {
		if !t.Part {
			parts = append(parts, fmt.Sprintf(`SELECT %s || ' ' || count(*) || ' '
				|| coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %s AS t WHERE t.tenant_id = %s`,
				quote(t.Name), t.Name, quote(s.victim)))
		}
	}
	return strings.Join(parts, " UNION ALL ")
}

// attackTables goes for the rows themselves.
func (s *siege) attackTables() error {
	for _, t := range s.tables {
		err := s.as(app, s.hostile, func() error {
			for _, attack := range []func(*table, string) error{s.reach, s.steal, s.probe, s.copies} {
				if err := attack(t, "the hostile tenant"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, bad := range badTenants {
			if err := s.as(app, bad.setting, func() error { return s.reach(t, bad.name) }); err != nil {
				return err
			}
		}
		if err := s.as(sealer, s.hostile, func() error { return s.reach(t, "the sealer") }); err != nil {
			return err
		}
	}
	return nil
}

// reach tries to get at rows of the victim, and to write in his name.
func (s *siege) reach(t *table, who string) error {
	theirs := " WHERE tenant_id = " + quote(s.victim)
	for _, a := range [][2]string{
		{"reads rows", "SELECT 1 FROM " + t.Name + theirs},
		{"reads rows of others", "SELECT 1 FROM " + t.Name + " WHERE tenant_id <> " + quote(s.hostile) + " LIMIT 1"},
		{"locks rows", "SELECT 1 FROM " + t.Name + theirs + " FOR UPDATE"},
		{"locks rows weakly", "SELECT 1 FROM " + t.Name + theirs + " FOR KEY SHARE"},
		{"changes rows", "UPDATE " + t.Name + " SET " + t.Sets + " = " + t.Sets + theirs},
		{"takes rows over", "UPDATE " + t.Name + " SET tenant_id = " + quote(s.hostile) + theirs},
		{"removes rows", "DELETE FROM " + t.Name + theirs},
	} {
		if err := s.nothing(t.Name, who+" "+a[0], a[1]); err != nil {
			return err
		}
	}
	if t.Part {
		if err := s.refused(t.Name, who+" reads a partition without its parent",
			"SELECT 1 FROM "+t.Name+" LIMIT 1"); err != nil {
			return err
		}
	}
	for _, row := range []string{t.theirs, t.own} {
		if row == "" {
			continue
		}
		insert := t.insert(row, map[string]any{"tenant_id": s.victim})
		if err := s.blind(t.Name, who+" writes a row in the victim's name", insert); err != nil {
			return err
		}
		if err := s.blind(t.Name, who+" writes a row in the victim's name unless he has it",
			insert+" ON CONFLICT DO NOTHING"); err != nil {
			return err
		}
		if err := s.blind(t.Name, who+" overwrites a row by ON CONFLICT", insert+t.onConflict()); err != nil {
			return err
		}
	}
	return nil
}

// insert gives the statement that inserts a row with some values changed.
func (t *table) insert(row string, changed map[string]any) string {
	columns := strings.Join(t.Columns, ", ")
	return fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM jsonb_populate_record(NULL::%s, %s)`,
		t.Name, columns, columns, t.Name, merged(row, changed))
}

func (t *table) onConflict() string {
	return " ON CONFLICT (" + strings.Join(t.Key, ", ") + ") DO UPDATE SET " + t.Sets + " = excluded." + t.Sets
}

// merged gives a row with some values changed, as an expression of type jsonb.
func merged(row string, changed map[string]any) string {
	body, err := json.Marshal(changed)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return quote(row) + "::jsonb || " + quote(string(body)) + "::jsonb"
}

// steal tries to move rows of its own into the victim's tenant, and to do without the
// policy, the triggers or the table.
func (s *siege) steal(t *table, who string) error {
	give := "UPDATE " + t.Name + " SET tenant_id = " + quote(s.victim) + " WHERE tenant_id = " + quote(s.hostile)
	if t.own == "" || t.Part {
		if err := s.nothing(t.Name, who+" moves a row to the victim", give); err != nil {
			return err
		}
	} else if err := s.blind(t.Name, who+" moves a row to the victim", give); err != nil {
		return err
	}
	for _, statement := range []string{
		"TRUNCATE %s", "ALTER TABLE %s DISABLE ROW LEVEL SECURITY", "ALTER TABLE %s NO FORCE ROW LEVEL SECURITY",
		"ALTER TABLE %s OWNER TO hms_app",
		"DROP POLICY tenant_isolation ON %s", "ALTER POLICY tenant_isolation ON %s USING (true)",
		"CREATE POLICY isolation_probe ON %s USING (true)",
		"ALTER TABLE %s DISABLE TRIGGER ALL", "ALTER TABLE %s DROP COLUMN tenant_id", "CREATE INDEX ON %s (tenant_id)",
		"DROP TABLE %s CASCADE",
	} {
		if err := s.refused(t.Name, who+" may "+fmt.Sprintf(statement, "it"), fmt.Sprintf(statement, t.Name)); err != nil {
			return err
		}
	}
	if t.Writes {
		return nil
	}
	return s.refused(t.Name, who+" locks the table", "LOCK TABLE "+t.Name+" IN ACCESS EXCLUSIVE MODE NOWAIT")
}

// probe tries to learn of rows that it cannot read: conditions that fail on the victim's
// values would fail if they were looked at before the policy hides them.
func (s *siege) probe(t *table, who string) error {
	theirs := "tenant_id = " + quote(s.victim)
	a, err := s.try("SELECT 1 FROM " + t.Name + " WHERE 1 / (CASE WHEN " + theirs + " THEN 0 ELSE 1 END) = 1")
	if err != nil {
		return err
	}
	s.check(a.state() != "22012", t.Name, "%s has a condition look at rows before the policy", who)
	return s.nothing(t.Name, who+" switches row-level security off",
		"SET LOCAL row_security = off; SELECT 1 FROM "+t.Name+" WHERE "+theirs)
}

// copies tries COPY in both directions.
func (s *siege) copies(t *table, who string) error {
	for _, source := range []string{t.Name, "(SELECT * FROM " + t.Name + ")"} {
		leaked, err := s.copyOut(source, s.victim)
		if err != nil {
			return err
		}
		s.check(!leaked, t.Name, "%s copies rows out", who)
	}
	allowed, err := s.copyIn(t.Name)
	s.check(!allowed, t.Name, "%s copies rows in", who)
	return err
}
