package leak_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/outbox"
)

// The tests whose files begin with canary feed recognisable text through every field of every
// input of every public method, and then look for it wherever it must not be:
//
//   - internal/day is a hospital's day, whose pen the canaries are: it feeds what is right,
//   - canary_input_test.go fills inputs by reflection and feeds what is wrong,
//   - canary_clear_test.go lists what may stay in clear, and why,
//   - canary_leak_test.go looks, also through the spans and metrics of package hmsotel,
//   - canary_restricted_test.go looks as every role, after all records were restricted.

// canaryForm finds a canary in any text: the word, or the number that passes for one of a telephone.
var canaryForm = regexp.MustCompile(`(?i)canary(\d{4})|7654321(\d{4})`)

// canaries remembers which one was given to what. It is the pen of the hospital's day.
type canaries struct {
	t       *testing.T
	mu      sync.Mutex
	paths   []string
	fed     map[string]bool // fields that a canary went into
	secrets map[int]bool    // those that must be nowhere at all
	tokens  map[string]int  // secrets that the library made, and the canary that stands for each
}

var _ day.Pen = (*canaries)(nil)

func (c *canaries) next(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, path)
	return len(c.paths) - 1
}

// Text gives a new canary of ten characters.
func (c *canaries) Text(path string) string { return fmt.Sprintf("canary%04d", c.next(path)) }

// Phone gives a new canary of eleven digits.
func (c *canaries) Phone(path string) string { return fmt.Sprintf("7654321%04d", c.next(path)) }

// Secret gives a new canary that is a password.
func (c *canaries) Secret(path string) hmstype.Secret {
	n := c.next(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[n] = true
	return hmstype.Secret(fmt.Sprintf("canary%04d, seven green lanterns", n))
}

// Made notes a secret that the library made.
func (c *canaries) Made(path string, s hmstype.Secret) {
	if s == "" {
		return
	}
	n := c.next(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[n] = true
	c.tokens[s.Reveal()] = n
}

// Goes notes a field that a canary goes into.
func (c *canaries) Goes(path, text string) {
	if len(c.find(text)) > 0 {
		c.fed[path] = true
	}
}

// Error looks at an error of the day.
func (c *canaries) Error(method string, err error) { c.requireNoneIn(c.t, err, method) }

// Event looks at an event of the outbox, which may hold nothing of what was fed.
func (c *canaries) Event(e outbox.Event) {
	c.requireNone(c.t, string(e.Data)+e.Type+e.Entity+e.EntityID, "outbox event "+e.Type)
}

// find gives the canaries in a text.
func (c *canaries) find(text string) []int {
	var found []int
	for _, m := range canaryForm.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1] + m[2])
		if err == nil && n < len(c.paths) {
			found = append(found, n)
		}
	}
	for token, n := range c.tokens {
		if strings.Contains(text, token) {
			found = append(found, n)
		}
	}
	return found
}

// describe names the inputs that a text gives away.
func (c *canaries) describe(found []int) string {
	names := make([]string, len(found))
	for i, n := range found {
		names[i] = c.paths[n]
	}
	return strings.Join(names, ", ")
}

// requireNone fails where a text holds a canary.
func (c *canaries) requireNone(t assert.TestingT, text, where string) {
	if found := c.find(text); len(found) > 0 {
		assert.Fail(t, "leak", "%s gives away %s: %.300s", where, c.describe(found), text)
	}
}

// requireNoneIn looks at all that a host may do to an error: print, log or send it, or any that
// it wraps.
func (c *canaries) requireNoneIn(t assert.TestingT, err error, where string) {
	for _, e := range chain(err) {
		body, jsonErr := json.Marshal(e)
		if jsonErr != nil {
			body = nil
		}
		c.requireNone(t, fmt.Sprintf("%s\n%+v\n%#v\n%s", e.Error(), e, e, body), where+": error")
	}
}

// chain gives an error and all that it wraps.
func chain(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, chain(e)...)
		}
		return all
	}
	return append(all, chain(errors.Unwrap(err))...)
}
