package hmstype

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// CheckJSON refuses what encoding/json takes without a word, and two readers understand differently: a member that an
// object has twice (RFC 8259, section 4: the last one wins, here; also "name" and "Name", which are one field of a
// struct), a half of a surrogate pair (it becomes U+FFFD) and bytes that are no UTF-8. Call it before the text is
// decoded into an input. Errors are a [ValidationError] with the member's path; "$" is the whole.
func CheckJSON(text []byte) error {
	if !json.Valid(text) {
		return Invalid("$", "must be JSON")
	}
	if !utf8.Valid(text) {
		return Invalid("$", "must be valid UTF-8")
	}
	c := jsonCheck{text: string(text)}
	c.value(nil)
	return c.found.Err()
}

// jsonCheck walks a text that is known to be JSON.
type jsonCheck struct {
	text  string
	found Validator
}

// maxFound ends the list of what is wrong, and maxPath what is told of where: a text may be wrong a million times.
const maxFound, maxPath = 20, 10

// jsonPath is where a value stands; nil is the whole. It is written out for what is wrong only.
type jsonPath struct {
	up    *jsonPath
	name  string // of a member; empty for an element
	index int    // of an element
}

// String gives the last steps of the path.
func (p *jsonPath) String() string {
	var steps []string
	for ; p != nil && len(steps) < maxPath; p = p.up {
		step := "." + p.name
		if p.name == "" {
			step = fmt.Sprintf("[%d]", p.index)
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return "$"
	}
	slices.Reverse(steps)
	return strings.TrimPrefix(strings.Join(steps, ""), ".")
}

func (c *jsonCheck) check(ok bool, path *jsonPath, rule string) {
	if !ok && len(c.found.fields) < maxFound {
		c.found.Check(false, path.String(), rule)
	}
}

// token drops white space and gives the byte that follows.
func (c *jsonCheck) token() byte {
	c.text = strings.TrimLeft(c.text, " \t\r\n")
	return c.text[0]
}

// value walks over one value.
func (c *jsonCheck) value(path *jsonPath) {
	switch c.token() {
	case '{':
		c.object(path)
	case '[':
		c.array(path)
	case '"':
		c.check(isPaired(c.literal()), path, "must not hold half of a surrogate pair")
	default:
		if end := strings.IndexAny(c.text, ",]} \t\r\n"); end >= 0 {
			c.text = c.text[end:]
		}
	}
}

// rest tells, after a value or the opening of what holds values, whether another one follows.
func (c *jsonCheck) rest(end byte) bool {
	switch c.token() {
	case end:
		c.text = c.text[1:]
		return false
	case ',':
		c.text = c.text[1:]
	}
	return true
}

func (c *jsonCheck) object(path *jsonPath) {
	c.text = c.text[1:]
	seen := map[string]bool{}
	for c.rest('}') {
		c.token()
		quoted := c.literal()
		name := unquoted(quoted)
		member := &jsonPath{up: path, name: pathName(name)}
		c.check(isPaired(quoted), member, "must not hold half of a surrogate pair")
		c.check(!seen[folded(name)], member, "must be given once")
		seen[folded(name)] = true
		c.token()
		c.text = c.text[1:] // the colon
		c.value(member)
	}
}

func (c *jsonCheck) array(path *jsonPath) {
	c.text = c.text[1:]
	for i := 0; c.rest(']'); i++ {
		c.value(&jsonPath{up: path, index: i})
	}
}

// literal takes a string with its quotes.
func (c *jsonCheck) literal() string {
	end := 1
	for ; c.text[end] != '"'; end++ {
		if c.text[end] == '\\' {
			end++
		}
	}
	literal := c.text[:end+1]
	c.text = c.text[end+1:]
	return literal
}

// isPaired tells whether each half of a surrogate pair among a string's escapes has its other half.
func isPaired(literal string) bool {
	for at := strings.IndexByte(literal, '\\'); at >= 0; at = strings.IndexByte(literal, '\\') {
		r, size := escape(literal[at:])
		literal = literal[at+size:]
		if !utf16.IsSurrogate(r) {
			continue
		}
		low, size := escape(literal)
		if utf16.DecodeRune(r, low) == unicode.ReplacementChar {
			return false
		}
		literal = literal[size:]
	}
	return true
}

// escape reads what begins a text where it is an escape, and gives the code unit that it stands for where it has the
// form \uXXXX; zero for any other.
func escape(text string) (r rune, size int) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, min(len(text), 2)
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return 0, 2
	}
	return rune(unit), 6
}

// unquoted gives the text of a string.
func unquoted(literal string) string {
	if !strings.Contains(literal, `\`) {
		return literal[1 : len(literal)-1]
	}
	var text string
	_ = json.Unmarshal([]byte(literal), &text) // it is JSON
	return text
}

// folded is the name as encoding/json compares it with those of fields.
func folded(name string) string {
	if isPlainName(name) {
		return strings.ToUpper(name) // where the least of an ASCII letter's forms lies
	}
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// isPlainName tells whether a name may be that of a field.
func isPlainName(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// pathName is the name of a member in a path: what is no name of a field may be a patient's.
func pathName(name string) string {
	if isPlainName(name) {
		return name
	}
	return "?"
}
