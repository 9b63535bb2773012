package proof

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Event is an event of the trail with all that its leaf covers.
type Event struct {
	Tenant     string          `json:"tenant"` // canonical UUID, as all ids here
	ID         string          `json:"id"`
	RecordedAt time.Time       `json:"recordedAt,omitzero"` // UTC, microseconds
	XID        string          `json:"xid"`                 // the database's transaction id, decimal
	Actor      string          `json:"actor"`
	Action     string          `json:"action"`
	Entity     string          `json:"entity"`
	EntityID   string          `json:"entityId"`
	Patient    string          `json:"patient,omitempty"` // empty where nobody's
	Operation  string          `json:"operation"`
	RequestID  string          `json:"requestId"`
	Purpose    string          `json:"purpose"`
	BreakGlass string          `json:"breakGlass,omitempty"` // empty where none
	Changes    json.RawMessage `json:"changes,omitempty"`    // absent for what is no change
	Credential string          `json:"credential,omitempty"` // "session:<id>" or "key:<id>"; empty where none
	Salt       []byte          `json:"salt"`                 // random, so that a hash tells nothing
}

// A version begins the canonical bytes of every leaf: it says which fields follow.
const (
	versionPlain      = 1 // of an event without a credential
	versionCredential = 2 // the credential stands at the end
)

// ErrNotCanonical: the event's changes are no JSON.
var ErrNotCanonical = errors.New("proof: the changes are no JSON")

// Canonical gives the bytes that the leaf's hash covers: a version, then every field with
// its length before it, so that no two events share them. Times are microseconds since 1970.
// Changes lose their insignificant white space, and the escapes that encoding/json puts into
// what it hands on; the order of their keys is that of the database's storage.
func (e Event) Canonical() ([]byte, error) {
	var changes bytes.Buffer
	if len(e.Changes) > 0 {
		if err := json.Compact(&changes, e.Changes); err != nil {
			return nil, ErrNotCanonical
		}
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(e.RecordedAt.UnixMicro()))
	b := []byte{versionPlain}
	fields := [][]byte{
		[]byte(e.Tenant), []byte(e.ID), at, []byte(e.XID), []byte(e.Actor), []byte(e.Action), []byte(e.Entity),
		[]byte(e.EntityID),
		[]byte(e.Patient), []byte(e.Operation), []byte(e.RequestID), []byte(e.Purpose), []byte(e.BreakGlass),
		unescaped(changes.Bytes()), e.Salt,
	}
	if e.Credential != "" {
		b[0], fields = versionCredential, append(fields, []byte(e.Credential))
	}
	for _, field := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return b, nil
}

// escapes are what json.Marshal writes for characters that PostgreSQL's jsonb shows as they are.
var escapes = map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&", `\u2028`: "\u2028", `\u2029`: "\u2029"}

// unescaped undoes the escapes: an event that travelled as JSON keeps its hash.
func unescaped(changes []byte) []byte {
	if !bytes.Contains(changes, []byte(`\u`)) {
		return changes
	}
	out := make([]byte, 0, len(changes))
	for i := 0; i < len(changes); {
		if changes[i] != '\\' || i+2 > len(changes) {
			out = append(out, changes[i])
			i++
			continue
		}
		if i+6 <= len(changes) {
			if plain, ok := escapes[string(changes[i:i+6])]; ok {
				out = append(out, plain...)
				i += 6
				continue
			}
		}
		out = append(out, changes[i:i+2]...) // an escaped backslash begins no further escape
		i += 2
	}
	return out
}

// LeafHash gives the hash of the event's leaf.
func (e Event) LeafHash() (tlog.Hash, error) {
	b, err := e.Canonical()
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return tlog.RecordHash(b), nil
}
