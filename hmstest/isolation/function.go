package isolation

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// attackViews reads every view, and looks for the victim in what comes.
func (s *siege) attackViews() error {
	views, err := s.asks(s.hostile, `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind IN ('v', 'm')`)
	if err != nil {
		return err
	}
	s.found.Views = len(views)
	for _, view := range views {
		for _, tenant := range []string{s.hostile, ""} {
			err := s.as(app, tenant, func() error {
				leaked, err := s.copyOut("(SELECT * FROM "+view+")", s.victim)
				s.check(!leaked, view, "shows the victim's rows")
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// function is one that the application's role may call.
type function struct {
	Name       string
	Signature  string
	Procedure  bool
	Writes     bool // volatile: only such a function can
	Parameters []parameter
}

type parameter struct {
	Name string
	Type string
}

const functionCatalogue = `SELECT json_build_object('Name', format('%I.%I', n.nspname, p.proname),
	'Signature', p.oid::regprocedure::text,
	'Procedure', p.prokind = 'p', 'Writes', p.provolatile = 'v', 'Parameters', (SELECT json_agg(
		json_build_object('Name', coalesce(p.proargnames[position], ''), 'Type', format_type(type, NULL)) ORDER BY position)
		FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY AS a (type, position)
		WHERE coalesce(p.proargmodes[position], 'i') IN ('i', 'b', 'v')))::text
	FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
	WHERE n.nspname = 'hms' AND p.prokind IN ('f', 'p')
		AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND has_function_privilege('hms_app', p.oid, 'EXECUTE') ORDER BY p.oid::regprocedure::text`

// attackFunctions calls every function with the victim's tenant and ids, and once more with
// a tenant and ids that exist nowhere: the answers must be the same.
func (s *siege) attackFunctions() error {
	listed, err := s.asks(s.hostile, functionCatalogue)
	if err != nil {
		return err
	}
	s.found.Functions = len(listed)
	known := s.victimsIDs()
	for _, body := range listed {
		var f function
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			return err
		}
		for _, name := range f.tables(s.tables) {
			if err := s.call(f, name, known); err != nil {
				return err
			}
		}
	}
	return nil
}

// victimsIDs gives ids of the victim's by the name under which a column or parameter holds
// them: "patient" for hms.patient.id and for columns patient_id.
func (s *siege) victimsIDs() map[string]string {
	ids := map[string]string{"tenant": s.victim}
	for _, t := range s.tables {
		if t.theirs == "" || t.Part {
			continue
		}
		for column, value := range pick(t.theirs, unquoted(t.Columns)) {
			text, _ := value.(string)
			if _, err := uuid.Parse(text); err != nil {
				continue
			}
			name := strings.TrimSuffix(column, "_id")
			if column == "id" {
				name = strings.TrimPrefix(t.Name, "hms.")
			}
			if _, taken := ids[name]; !taken || column == "id" {
				ids[name] = text
			}
		}
	}
	return ids
}

func unquoted(columns []string) []string {
	plain := make([]string, len(columns))
	for i, c := range columns {
		plain[i] = strings.Trim(c, `"`)
	}
	return plain
}

// tables gives the names for a parameter p_table: those of the tables in which the victim
// has rows; one empty name where the function takes none.
func (f function) tables(all []*table) []string {
	for _, p := range f.Parameters {
		if p.Name == "p_table" {
			var names []string
			for _, t := range all {
				if t.theirs != "" && !t.Part {
					names = append(names, strings.TrimPrefix(t.Name, "hms."))
				}
			}
			return names
		}
	}
	return []string{""}
}

// call compares the function's answer about the victim with that about nobody.
func (s *siege) call(f function, table string, known map[string]string) error {
	nobody := map[string]string{}
	for name := range known {
		nobody[name] = uuid.NewString()
	}
	for _, tenant := range []string{s.hostile, ""} {
		err := s.as(app, tenant, func() error {
			about, wrote, err := s.answerTo(f, table, known)
			if err != nil {
				return err
			}
			reference, _, err := s.answerTo(f, table, nobody)
			if err != nil {
				return err
			}
			s.check(about == reference || len(f.Parameters) == 0, f.Signature,
				"answers about the victim what it does not answer about nobody")
			s.check(!strings.Contains(about, s.victim), f.Signature, "shows the victim's rows")
			s.check(!wrote, f.Signature, "changes the victim's rows")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// answerTo calls the function and gives its answer, with the arguments that it was given
// made unrecognisable, and whether the victim's rows changed.
func (s *siege) answerTo(f function, table string, ids map[string]string) (text string, wrote bool, err error) {
	arguments := make([]string, len(f.Parameters))
	var given []string
	for i, p := range f.Parameters {
		arguments[i] = p.argument(table, ids)
		if id := strings.Trim(strings.TrimSuffix(arguments[i], "::uuid"), "'"); p.Type == "uuid" {
			given = append(given, id, "#")
		}
	}
	statement := fmt.Sprintf("SELECT r::text FROM %s(%s) AS r", f.Name, strings.Join(arguments, ", "))
	if f.Procedure {
		statement = fmt.Sprintf("CALL %s(%s)", f.Name, strings.Join(arguments, ", "))
	}
	results, err := s.conn.PgConn().Exec(s.ctx, statement).ReadAll()
	a, err := refusalOf(err)
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", statement, err)
	}
	if a.refused() {
		text = a.state() + " " + a.refusal.Message + " " + a.refusal.Detail
	} else {
		a.rows = results[0].Rows
		text = a.text()
		if f.Writes {
			if wrote, err = s.victimChanged(); err != nil {
				return "", false, err
			}
		}
	}
	return strings.NewReplacer(given...).Replace(text), wrote, s.undo()
}

// victimChanged tells, inside an attack, whether it changed the victim's rows. It looks as the
// role of the connection, until the attack is undone.
func (s *siege) victimChanged() (bool, error) {
	_, err := s.conn.PgConn().Exec(s.ctx, "SET LOCAL ROLE NONE; "+s.enter(s.victim)).ReadAll()
	if err != nil {
		return false, err
	}
	results, err := s.conn.PgConn().Exec(s.ctx, s.fingerprintQuery()).ReadAll()
	if err != nil {
		return false, err
	}
	lines := make([]string, len(results[0].Rows))
	for i, row := range results[0].Rows {
		lines[i] = string(row[0])
	}
	return fingerprintOf(lines) != s.before, nil
}

// argument gives an argument of the parameter's type: the id that its name asks for, or
// something harmless.
func (p parameter) argument(table string, ids map[string]string) string {
	name := strings.TrimPrefix(p.Name, "p_")
	switch p.Type {
	case "uuid":
		if _, ok := ids[name]; !ok {
			name = "patient"
		}
		return quote(ids[name]) + "::uuid"
	case "text":
		if name == "table" {
			return quote(table)
		}
		return quote(map[string]string{"currency": "USD", "action": "read", "entity": "patient",
			"kind": "bill"}[name]) + "::text"
	case "jsonb", "json":
		return "'{}'::" + p.Type
	case "boolean":
		return "true"
	case "date", "timestamp with time zone":
		return "now()::" + p.Type
	case "integer", "bigint", "smallint", "numeric":
		return "1::" + p.Type
	default:
		return "NULL::" + p.Type
	}
}
