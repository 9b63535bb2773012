package hmstype

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultPageSize and MaxPageSize bound one page of a list.
const (
	DefaultPageSize = 50
	MaxPageSize     = 500
)

// ErrBadCursor: the cursor was made by another list or another version, or is damaged.
var ErrBadCursor = Invalid("page.cursor", "is not a cursor of this list")

// Page asks for one page of a list. Lists are ordered by (time, id) and paged by keyset,
// so that a page costs the same wherever it lies and rows neither repeat nor vanish.
type Page struct {
	Limit  int    `json:"limit"`  // rows wanted, 1 to MaxPageSize; zero means DefaultPageSize
	Cursor string `json:"cursor"` // Next of the page before; empty means the first page
}

// List is one page of results.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page; empty at the end
}

// Validate checks the limit and the cursor; errors are of kind invalid.
func (p Page) Validate() error {
	var v Validator
	_, err := p.Size()
	v.Nested("", err)
	_, _, err = p.read()
	v.Nested("", err)
	return v.Err()
}

// Size gives the number of rows wanted; an out-of-range limit is an [ErrInvalid].
func (p Page) Size() (int, error) {
	switch {
	case p.Limit == 0:
		return DefaultPageSize, nil
	case p.Limit < 0 || p.Limit > MaxPageSize:
		return 0, Invalid("page.limit", "must lie between 1 and 500")
	default:
		return p.Limit, nil
	}
}

// Position is the place in a list after which a page begins.
type Position struct {
	At time.Time `json:"at,omitzero"` // the row's instant, to the microsecond
	ID uuid.UUID `json:"id"`          // the row's id
}

// cursorVersion changes when the cursor's content does, so that an old cursor is refused
// rather than misread.
const cursorVersion = 3

// A cursor holds the version, a mark of the list, the instant in microseconds and the id.
const (
	atMark    = 1
	atInstant = atMark + 8
	atID      = atInstant + 8
	atEnd     = atID + 16
)

// markOf tells lists apart: a cursor of one would be a wrong page of another, without an error.
func markOf(list string) uint64 {
	sum := sha256.Sum256([]byte(list))
	return binary.BigEndian.Uint64(sum[:])
}

// MixCursor mixes a cursor with a mark of what its list was asked for, or takes the same mark out of it again: a
// cursor that is mixed with one and asked with another is one of no list ([ErrBadCursor]). What stands before a dot
// is left as it is, and so is a text that is no cursor.
func MixCursor(cursor string, mark uint64) string {
	own := strings.LastIndexByte(cursor, '.') + 1
	buf, err := base64.RawURLEncoding.Strict().DecodeString(cursor[own:])
	if err != nil || len(buf) != atEnd {
		return cursor
	}
	field := buf[atMark:atInstant]
	binary.BigEndian.PutUint64(field, binary.BigEndian.Uint64(field)^mark)
	return cursor[:own] + base64.RawURLEncoding.EncodeToString(buf)
}

// Cursor gives the opaque text of a position in a list, which has a name of its own.
func (p Position) Cursor(list string) string {
	buf := make([]byte, atEnd)
	buf[0] = cursorVersion
	binary.BigEndian.PutUint64(buf[atMark:], markOf(list))
	binary.BigEndian.PutUint64(buf[atInstant:], uint64(p.At.UnixMicro()))
	copy(buf[atID:], p.ID[:])
	return base64.RawURLEncoding.EncodeToString(buf)
}

// Position reads the page's cursor; ok is false for the first page. [ErrBadCursor] where the cursor
// is not one of this list.
func (p Page) Position(list string) (pos Position, ok bool, err error) {
	pos, mark, err := p.read()
	switch {
	case err != nil || p.Cursor == "":
		return Position{}, false, err
	case mark != markOf(list):
		return Position{}, false, ErrBadCursor
	default:
		return pos, true, nil
	}
}

// read reads the cursor of whatever list.
func (p Page) read() (pos Position, mark uint64, err error) {
	if p.Cursor == "" {
		return Position{}, 0, nil
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(buf) != atEnd || buf[0] != cursorVersion {
		return Position{}, 0, ErrBadCursor
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(buf[atInstant:]))).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return Position{}, 0, ErrBadCursor
	}
	return Position{At: at, ID: uuid.UUID(buf[atID:])}, binary.BigEndian.Uint64(buf[atMark:]), nil
}
