package isolation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

// attackKeys goes for what unique and foreign keys would tell or allow: their checks are
// not bound by row-level security.
func (s *siege) attackKeys() error {
	for _, t := range s.tables {
		if t.Part || t.theirs == "" && t.own == "" {
			continue
		}
		if err := s.replay(t); err != nil {
			return err
		}
		for _, u := range t.Uniques {
			if err := s.reuse(t, u); err != nil {
				return err
			}
		}
		for _, f := range t.Foreign {
			if err := s.pointAt(t, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// replay writes the victim's row as the hostile tenant's own, with each of its keys.
func (s *siege) replay(t *table) error {
	if t.theirs == "" {
		return nil
	}
	return s.insertOwn(t, t.theirs, map[string]any{"tenant_id": s.hostile}, "writes the victim's row as its own")
}

// reuse gives a row of its own a unique value of the victim's. It must go as if the victim
// did not have it.
func (s *siege) reuse(t *table, u unique) error {
	if len(u.Columns) == 0 || t.own == "" {
		return nil
	}
	where := "true"
	if u.Where != "" {
		where = u.Where
	}
	theirs, err := s.rowOf(t.Name, s.victim, where)
	if err != nil || theirs == "" {
		return err
	}
	base, err := s.rowOf(t.Name, s.hostile, where)
	if err != nil {
		return err
	}
	if base == "" {
		base = t.own
	}
	changed := t.fresh(base, u)
	for column, value := range pick(theirs, u.Columns) {
		changed[column] = value
	}
	return s.insertOwn(t, base, changed, "uses the values of "+u.Name+" again")
}

// insertOwn inserts a row as the hostile tenant's. A unique key may refuse it only for a row
// that he has himself.
func (s *siege) insertOwn(t *table, row string, changed map[string]any, what string) error {
	return s.as(app, s.hostile, func() error {
		a, err := s.try(t.insert(row, changed))
		if err != nil {
			return err
		}
		if !a.refused() || a.byKey() {
			s.found.Answered++
		}
		taken := a.state() == "23505" || a.state() == "23P01"
		if taken {
			for _, u := range t.Uniques {
				if u.Name != a.refusal.ConstraintName {
					continue
				}
				has, err := s.has(t, u.Columns, merged(row, changed))
				if err != nil {
					return err
				}
				taken = !has
			}
		}
		s.check(!taken, t.Name, "the hostile tenant %s and learns that they are taken", what)
		return nil
	})
}

// has tells, inside an attack, whether the tenant himself has a row with these values.
func (s *siege) has(t *table, columns []string, values string) (bool, error) {
	same := []string{"true"}
	for _, c := range columns {
		same = append(same, fmt.Sprintf(`t.%q IS NOT DISTINCT FROM n.%q`, c, c))
	}
	a, err := s.try(fmt.Sprintf(`SELECT 1 FROM %s AS t, jsonb_populate_record(NULL::%s, %s) AS n WHERE %s LIMIT 1`,
		t.Name, t.Name, values, strings.Join(same, " AND ")))
	if err == nil && a.refused() && a.state() != "42501" { // who may not read the table is sure to see no row
		err = a.refusal
	}
	return a.touched > 0, err
}

// fresh gives new values for the columns of all unique keys but one, so that the row's other
// keys do not answer first.
func (t *table) fresh(row string, but unique) map[string]any {
	values := map[string]any{}
	for _, u := range t.Uniques {
		for column, value := range pick(row, u.Columns) {
			if !slices.Contains(but.Columns, column) {
				values[column] = another(value)
			}
		}
	}
	return values
}

// pick gives some values of a row.
func pick(row string, columns []string) map[string]any {
	all := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(row))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		panic(err) // PostgreSQL wrote it
	}
	picked := map[string]any{}
	for _, c := range columns {
		picked[c] = all[c]
	}
	return picked
}

// another gives a value of the same shape: a new id for an id, other letters and digits for
// a text. Numbers, and what is neither, stay.
func another(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	if _, err := uuid.Parse(text); err == nil {
		return uuid.NewString()
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '0' + rand.N[rune](10)
		case r < unicode.MaxASCII && unicode.IsUpper(r):
			return 'A' + rand.N[rune](26)
		case r < unicode.MaxASCII && unicode.IsLower(r):
			return 'a' + rand.N[rune](26)
		default:
			return r
		}
	}, text)
}

// pointAt points a foreign key of a row of its own to the victim's row: by changing the row,
// and by a new one. Either must fail.
func (s *siege) pointAt(t *table, f foreignKey) error {
	if t.own == "" || len(f.Columns) == 0 {
		return nil
	}
	target, err := s.rowOf(f.To, s.victim, "true")
	if err != nil || target == "" {
		return err
	}
	referred := pick(target, f.Refers)
	values := map[string]any{}
	for i, column := range f.Columns {
		values[column] = referred[f.Refers[i]]
	}
	return s.as(app, s.hostile, func() error {
		has, err := s.has(&table{Name: f.To}, f.Refers, quote(target)+"::jsonb")
		if err != nil || has {
			return err
		}
		inserted := t.fresh(t.own, unique{Columns: f.Columns})
		for column, value := range values {
			inserted[column] = value
		}
		for what, statement := range map[string]string{"points": t.update(values),
			"adds a row that points": t.insert(t.own, inserted)} {
			a, err := s.try(statement)
			if err != nil {
				return err
			}
			if a.state() == "23503" {
				s.found.Answered++
			}
			s.check(a.refused() || a.touched == 0, t.Name, "the hostile tenant %s by %s to the victim's row", what, f.Name)
		}
		return nil
	})
}

// update gives the statement that changes some values of the hostile tenant's row.
func (t *table) update(values map[string]any) string {
	var sets, same []string
	for column := range values {
		sets = append(sets, fmt.Sprintf(`%q = n.%q`, column, column))
	}
	for _, column := range t.Key {
		same = append(same, fmt.Sprintf(`t.%q = k.%q`, column, column))
	}
	slices.Sort(sets)
	key := "jsonb_populate_record(NULL::" + t.Name + ", " + quote(t.own) + "::jsonb) AS k"
	next := "jsonb_populate_record(k, " + merged("{}", values) + ") AS n"
	return fmt.Sprintf(`UPDATE %s AS t SET %s FROM %s CROSS JOIN LATERAL %s WHERE %s`,
		t.Name, strings.Join(sets, ", "), key, next, strings.Join(same, " AND "))
}
