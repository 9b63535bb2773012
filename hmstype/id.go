package hmstype

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ID is the identifier of one kind of entity: a UUIDv7, made in Go (RFC 9562), so that
// ids sort by the time of their creation. E is a marker that keeps kinds apart: the
// compiler refuses a bed's id where a ward's is wanted. The zero ID means "none".
type ID[E any] uuid.UUID

// ErrBadID is returned (as an invalid-kind error) for text that is not a UUID.
var ErrBadID = fmt.Errorf("%w: not a UUID", ErrInvalid)

// NewID makes a new id: hmstype.NewID[hmstype.PatientID]().
// It panics only if the operating system cannot give random bytes.
func NewID[T ~[16]byte]() T {
	return T(uuid.Must(uuid.NewV7()))
}

// ParseID reads an id from its canonical text, as it comes in a URL or a message.
// It returns [ErrBadID] for any other text, and never repeats the text.
func ParseID[T ~[16]byte](text string) (T, error) {
	u, err := uuid.Parse(text)
	if err != nil {
		return T{}, ErrBadID
	}
	return T(u), nil
}

// IsZero tells whether the id is absent.
func (id ID[E]) IsZero() bool { return uuid.UUID(id) == uuid.Nil }

// UUID gives the id as a plain UUID.
func (id ID[E]) UUID() uuid.UUID { return uuid.UUID(id) }

// String gives the canonical text (36 characters, lower case), also for the zero id.
func (id ID[E]) String() string {
	var buf [36]byte
	hex.Encode(buf[0:8], id[0:4])
	buf[8] = '-'
	hex.Encode(buf[9:13], id[4:6])
	buf[13] = '-'
	hex.Encode(buf[14:18], id[6:8])
	buf[18] = '-'
	hex.Encode(buf[19:23], id[8:10])
	buf[23] = '-'
	hex.Encode(buf[24:36], id[10:16])
	return string(buf[:])
}

// MarshalText implements encoding.TextMarshaler; the zero id is empty text.
func (id ID[E]) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return []byte(id.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero id.
func (id *ID[E]) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID[E]{}
		return nil
	}
	parsed, err := ParseID[ID[E]](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value implements driver.Valuer; the zero id is NULL.
func (id ID[E]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.String(), nil
}

// Scan implements sql.Scanner; NULL is the zero id.
func (id *ID[E]) Scan(src any) error {
	if src == nil {
		*id = ID[E]{}
		return nil
	}
	var u uuid.UUID
	if err := u.Scan(src); err != nil {
		return errors.Join(ErrBadID, err)
	}
	*id = ID[E](u)
	return nil
}
