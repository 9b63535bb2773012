package fhir

import (
	"bufio"
	"errors"
	"io"
)

// Errors of the scanner. They hold no text of the input.
var (
	errBroken    = errors.New("is not JSON from here on")
	errTruncated = errors.New("the file ends inside a value")
	errTooLarge  = errors.New("is larger than 10 MB")
)

// scanner cuts a stream of JSON into values without keeping more than one of them. It
// only counts brackets and follows strings; whether a value is JSON, the decoder tells.
type scanner struct {
	r      *bufio.Reader
	offset int64 // of the next byte
	line   int   // of the next byte, from 1
}

// peekSize is how far the scanner can look ahead.
const peekSize = 64 << 10

func newScanner(r io.Reader) *scanner { return &scanner{r: bufio.NewReaderSize(r, peekSize), line: 1} }

// next takes one byte; io.EOF at the end.
func (s *scanner) next() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	s.offset++
	if c == '\n' {
		s.line++
	}
	return c, nil
}

// inside takes one byte of a value, which must not end here.
func (s *scanner) inside() (byte, error) {
	c, err := s.next()
	if errors.Is(err, io.EOF) {
		err = errTruncated
	}
	return c, err
}

// peekToken passes over white space and gives the next byte without taking it.
func (s *scanner) peekToken() (byte, error) {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if !isSpace(c) {
			return c, s.r.UnreadByte()
		}
		s.offset++
		if c == '\n' {
			s.line++
		}
	}
}

// token is [scanner.peekToken] inside a value, and takes the byte.
func (s *scanner) token() (byte, error) {
	if _, err := s.peekToken(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errTruncated
		}
		return 0, err
	}
	return s.next()
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// value takes one JSON value and appends it to buf as far as limit allows; past it the
// value is passed over, and errTooLarge is returned at its end.
func (s *scanner) value(buf []byte, limit int) ([]byte, error) {
	if _, err := s.peekToken(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errTruncated
		}
		return buf, err
	}
	depth, quoted, escaped, large := 0, false, false, false
	for {
		c, err := s.inside()
		if err != nil {
			return buf, err
		}
		if large = large || len(buf) >= limit; !large {
			buf = append(buf, c)
		}
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth < 0 {
			return buf, errBroken
		}
		if depth == 0 && !quoted && s.endsHere(c) {
			if large {
				return buf, errTooLarge
			}
			return buf, nil
		}
	}
}

// endsHere tells whether a value outside brackets and quotes ends with c: brackets and
// quotes end themselves, a number or word ends before what parts values.
func (s *scanner) endsHere(c byte) bool {
	if c == '"' || c == '}' || c == ']' {
		return true
	}
	following, err := s.r.Peek(1)
	return err != nil || isSpace(following[0]) || following[0] == ',' || following[0] == '}' || following[0] == ']' ||
		following[0] == ':'
}

// readLine takes the rest of the line without its end. io.EOF only where nothing was left;
// errTooLarge, after taking all of it, for one that is longer than limit.
func (s *scanner) readLine(limit int) ([]byte, error) {
	var line []byte
	large := false
	for {
		part, err := s.r.ReadSlice('\n')
		s.offset += int64(len(part))
		if large = large || len(line)+len(part) > limit+2; !large { // two bytes of a line's end
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil:
			s.line++
		case !errors.Is(err, io.EOF) || len(line) == 0 && !large:
			return nil, err
		}
		if large {
			return nil, errTooLarge
		}
		return line, nil
	}
}
