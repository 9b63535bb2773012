package audit

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/chelal/hms/internal/fieldcrypt"
)

// Field is one column of a row that was created, changed or removed.
type Field struct {
	Name   string // of the column
	Before Value  // absent for a row that was created
	After  Value  // absent for a row that was removed
}

// Value is what a column held.
type Value struct {
	JSON   json.RawMessage // as the trail holds it; nil: absent, there was no row
	Sealed bool            // a ciphertext, or the token by which one is found: nothing that a person can read
}

// Text gives the value for a person to read: a text without its quotes, anything else as JSON.
// ok is false for what is absent, null or sealed.
func (v Value) Text() (text string, ok bool) {
	if v.JSON == nil || v.Sealed || string(v.JSON) == "null" {
		return "", false
	}
	if json.Unmarshal(v.JSON, &text) == nil {
		return text, true
	}
	return string(v.JSON), true
}

// Fields gives what the event changed, by column in alphabetical order: every column of a row
// that was created or removed, and of an update those that differ. None for what is no
// change, and where the changes are withheld.
func (e Event) Fields() ([]Field, error) {
	if len(e.Changes) == 0 {
		return nil, nil
	}
	sides, err := e.sides()
	if err != nil {
		return nil, err
	}
	fields := make([]Field, 0, len(sides))
	for _, name := range slices.Sorted(maps.Keys(sides)) {
		fields = append(fields, Field{Name: name, Before: Value{JSON: sides[name][0]}, After: Value{JSON: sides[name][1]}})
	}
	for i, f := range fields {
		text := f.Name // of a token: the column whose text it finds
		for _, c := range fieldcrypt.Columns() {
			if c.Table == e.Entity && c.Index == f.Name {
				text = c.Name
			}
		}
		fields[i].Before.Sealed, fields[i].After.Sealed = isSealed(sides[text][0]), isSealed(sides[text][1])
	}
	return fields, nil
}

// sides gives the values of each column, before and after.
func (e Event) sides() (map[string][2]json.RawMessage, error) {
	sides := map[string][2]json.RawMessage{}
	switch e.Action {
	case ActionCreate, ActionDelete:
		var row map[string]json.RawMessage
		if json.Unmarshal(e.Changes, &row) != nil {
			return nil, ErrChanges
		}
		for name, value := range row {
			if e.Action == ActionCreate {
				sides[name] = [2]json.RawMessage{nil, value}
			} else {
				sides[name] = [2]json.RawMessage{value, nil}
			}
		}
	case ActionUpdate:
		var row map[string][]json.RawMessage
		if json.Unmarshal(e.Changes, &row) != nil {
			return nil, ErrChanges
		}
		for name, pair := range row {
			if len(pair) != 2 {
				return nil, ErrChanges
			}
			sides[name] = [2]json.RawMessage(pair)
		}
	}
	return sides, nil
}

func isSealed(value json.RawMessage) bool {
	var text string
	return json.Unmarshal(value, &text) == nil && fieldcrypt.Sealed(text)
}
