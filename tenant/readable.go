package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// leftTables are the tables that a readable archive does not hold, and why.
var leftTables = map[string]string{ //nolint:gosec // names of tables, no credentials
	"tenant_keyset":       "keys: what they seal is opened here",
	"data_key":            "keys: what they seal is opened here",
	"user_password":       "hashes of passwords",
	"user_totp":           "seeds of second factors",
	"user_recovery_code":  "hashes of recovery codes",
	"user_session":        "hashes of sessions' tokens; sign-ins are in the trail",
	"user_token":          "hashes of tokens",
	"user_device":         "hashes of devices' tokens; sign-ins are in the trail",
	"webauthn_credential": "public keys by which people sign in here",
	"login_source":        "hashes of where attempts came from",
	"user_look":           "made of the names of users, which are here",
	"patient_token":       "made of the names of patients, which are here",
	"patient_key":         "made of what is told of patients, which is here",
	"patient_likeness":    "made of the names of patients, which are here",
	"idempotency_key":     "hashes of requests",
	"lock":                "a mechanism: it says nothing of anybody",
}

// leftColumns are the columns that a readable archive does not hold, and why; besides them the blind indexes.
var leftColumns = map[string]string{
	"api_key.token_hash":      "hashes of tokens",
	"clinical_note.body_hash": "what a signed note was made of, which is here",
}

const blindIndex = "a token made of a text that is here"

// leftOf tells why a column is left out; empty where it is not.
func leftOf(t table, c column) string {
	if reason := leftColumns[t.name+"."+c.name]; reason != "" {
		return reason
	}
	for _, f := range fieldcrypt.Columns() {
		if f.Table == t.name && f.Index == c.name {
			return blindIndex
		}
	}
	return ""
}

// leftOut lists what a readable archive does not hold.
func leftOut(list []table) []proof.TenantLeft {
	var left []proof.TenantLeft
	for _, t := range list {
		if reason := leftTables[t.name]; reason != "" {
			left = append(left, proof.TenantLeft{Name: t.name, Reason: reason})
			continue
		}
		for _, c := range t.columns {
			if reason := leftOf(t, c); reason != "" {
				left = append(left, proof.TenantLeft{Name: t.name + "." + c.name, Reason: reason})
			}
		}
	}
	return left
}

// reader makes rows readable.
type reader struct {
	table  table
	place  map[string]int
	left   map[string]bool
	sealed []fieldcrypt.Column // of the table
	all    []fieldcrypt.Column // of every table, for the trail
}

func newReader(t table) *reader {
	r := &reader{table: t, place: map[string]int{}, left: map[string]bool{}, all: fieldcrypt.Columns()}
	for i, c := range t.columns {
		r.place[c.name] = i
		r.left[c.name] = leftOf(t, c) != ""
	}
	for _, c := range r.all {
		if c.Table == t.name && !r.left[c.Name] {
			r.sealed = append(r.sealed, c)
		}
	}
	return r
}

// writeReadable writes a table's rows as people can read them.
func (l *Library) writeReadable(ctx context.Context, db dbx.DB, t table, w *proof.TenantArchiveWriter) error {
	if leftTables[t.name] != "" {
		return nil
	}
	r := newReader(t)
	var names []string
	for _, c := range t.columns {
		if !r.left[c.name] {
			names = append(names, c.name)
		}
	}
	if err := w.Table(t.name, names); err != nil {
		return err
	}
	return t.batches(ctx, db, func(batch [][]*string) error {
		keys, err := l.keys(ctx, db, r, batch)
		if err != nil {
			return err
		}
		for _, row := range batch {
			if err := r.open(keys, row); err != nil {
				return err
			}
			values, err := r.values(row)
			if err != nil {
				return err
			}
			if err := w.ReadableRow(values); err != nil {
				return err
			}
		}
		return nil
	})
}

// keys loads the keys of all subjects of a batch.
func (l *Library) keys(ctx context.Context, db dbx.DB, r *reader, batch [][]*string) (fieldcrypt.Keys, error) {
	ids := map[uuid.UUID]bool{}
	for _, row := range batch {
		for _, c := range r.sealed {
			ids[r.id(row, c.Subject)] = true
		}
		if r.table.name == trailTable {
			for _, c := range r.ofEvent(row) {
				ids[c.subject] = true
			}
		}
	}
	delete(ids, uuid.Nil)
	if len(ids) == 0 {
		return fieldcrypt.Keys{}, nil
	}
	subjects := make([]uuid.UUID, 0, len(ids))
	for id := range ids {
		subjects = append(subjects, id)
	}
	return l.load(ctx, db, subjects...)
}

// load loads keys, and makes none for a tenant that has no keyset.
func (l *Library) load(ctx context.Context, db dbx.DB, subjects ...uuid.UUID) (fieldcrypt.Keys, error) {
	var there bool
	err := db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.tenant_keyset WHERE tenant_id = $1)`, db.Tenant()).
		Scan(&there)
	if err != nil || !there {
		return fieldcrypt.Keys{}, err
	}
	return l.crypt.Load(ctx, db, subjects...)
}

func (r *reader) text(row []*string, name string) string {
	if i, ok := r.place[name]; ok && row[i] != nil {
		return *row[i]
	}
	return ""
}

// id gives the id in a column; zero where there is none.
func (r *reader) id(row []*string, name string) uuid.UUID {
	id, err := uuid.Parse(r.text(row, name))
	if err != nil {
		return uuid.Nil
	}
	return id
}

// open opens the sealed columns of a row in place.
func (r *reader) open(keys fieldcrypt.Keys, row []*string) error {
	for _, c := range r.sealed {
		i := r.place[c.Name]
		if row[i] == nil || *row[i] == "" {
			continue
		}
		text, err := keys.Open(r.id(row, c.Subject), c.Field, r.id(row, c.Row), *row[i])
		if err != nil {
			return err
		}
		row[i] = &text
	}
	if r.table.name == trailTable {
		return r.openEvent(keys, row)
	}
	return nil
}

// values gives a row as JSON: numbers that JSON has, truth values and JSON as such, instants by RFC 3339, all else as
// PostgreSQL writes it.
func (r *reader) values(row []*string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for i, c := range r.table.columns {
		if r.left[c.name] || row[i] == nil {
			continue
		}
		text := *row[i]
		switch c.kind {
		case "boolean", "smallint", "integer", "bigint", "json", "jsonb":
			values[c.name] = json.RawMessage(text)
			continue
		case "timestamp with time zone":
			text = strings.Replace(strings.Replace(text, " ", "T", 1), "+00", "Z", 1)
		}
		value, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		values[c.name] = value
	}
	return values, nil
}

// trailTable is the one whose rows hold what stood in other tables' columns.
const trailTable = "audit_event"

// sealedChange is a sealed column in the changes of an event.
type sealedChange struct {
	fieldcrypt.Column
	subject uuid.UUID
	row     uuid.UUID
}

// ofEvent lists the sealed columns that an event may have values of.
func (r *reader) ofEvent(row []*string) []sealedChange {
	changes, entity := r.text(row, "changes"), r.text(row, "entity")
	if !strings.Contains(changes, `"hms1:`) {
		return nil
	}
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(changes), &values) != nil {
		return nil
	}
	var list []sealedChange
	for _, c := range r.all {
		if _, has := values[c.Name]; c.Table != entity || !has || c.Row != "id" {
			continue
		}
		s := sealedChange{Column: c, row: r.id(row, "entity_id")}
		switch {
		case c.Subject == "id":
			s.subject = s.row
		case json.Unmarshal(values[c.Subject], &s.subject) == nil && s.subject != uuid.Nil:
		default:
			s.subject = r.id(row, "patient_id")
		}
		list = append(list, s)
	}
	return list
}

// openEvent opens what an event's changes hold of sealed columns: one value, or those before and after. What cannot be
// opened, for its key of then is gone, stays as it is.
func (r *reader) openEvent(keys fieldcrypt.Keys, row []*string) error {
	list := r.ofEvent(row)
	if len(list) == 0 {
		return nil
	}
	var values map[string]json.RawMessage
	i := r.place["changes"]
	if err := json.Unmarshal([]byte(*row[i]), &values); err != nil {
		return err
	}
	for _, c := range list {
		var both []json.RawMessage
		if json.Unmarshal(values[c.Name], &both) != nil {
			both = []json.RawMessage{values[c.Name]}
		}
		for n, value := range both {
			opened, err := c.open(keys, value)
			if err != nil {
				return err
			}
			both[n] = opened
		}
		if len(both) == 1 {
			values[c.Name] = both[0]
			continue
		}
		pair, err := json.Marshal(both)
		if err != nil {
			return err
		}
		values[c.Name] = pair
	}
	changes, err := json.Marshal(values)
	if err != nil {
		return err
	}
	text := string(changes)
	row[i] = &text
	return nil
}

func (c sealedChange) open(keys fieldcrypt.Keys, value json.RawMessage) (json.RawMessage, error) {
	var text string
	isText := json.Unmarshal(value, &text) == nil
	if !isText || !fieldcrypt.Sealed(text) {
		return value, nil
	}
	opened, err := keys.Open(c.subject, c.Field, c.row, text)
	switch {
	case err == nil:
		return json.Marshal(opened)
	case errors.Is(err, fieldcrypt.ErrKeyLost), errors.Is(err, fieldcrypt.ErrTampered):
		return json.Marshal(text)
	default:
		return nil, err
	}
}
