package hmstype

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// DefaultPageSize and MaxPageSize bound one page of a list.
const (
	DefaultPageSize = 50
	MaxPageSize     = 500
)

// ErrBadCursor: the cursor was not made by this library or is damaged.
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
	_, _, err = p.Position()
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
	At time.Time // the row's instant, to the microsecond
	ID uuid.UUID // the row's id
}

// cursorVersion changes when the cursor's content does, so that an old cursor is refused
// rather than misread.
const cursorVersion = 1

// Cursor gives the opaque text of a position.
func (p Position) Cursor() string {
	buf := make([]byte, 1+8+16)
	buf[0] = cursorVersion
	binary.BigEndian.PutUint64(buf[1:9], uint64(p.At.UnixMicro()))
	copy(buf[9:], p.ID[:])
	return base64.RawURLEncoding.EncodeToString(buf)
}

// Position reads the page's cursor; ok is false for the first page.
func (p Page) Position() (pos Position, ok bool, err error) {
	if p.Cursor == "" {
		return Position{}, false, nil
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(buf) != 25 || buf[0] != cursorVersion {
		return Position{}, false, ErrBadCursor
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(buf[1:9]))).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return Position{}, false, ErrBadCursor
	}
	return Position{At: at, ID: uuid.UUID(buf[9:25])}, true, nil
}
