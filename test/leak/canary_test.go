package hms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// The tests whose files begin with canary feed recognisable text through every field of every
// input of every public method, and then look for it wherever it must not be:
//
//   - canary_input_test.go fills inputs by reflection and feeds what is wrong,
//   - canaryday*_test.go is a little hospital's day that feeds what is right,
//   - canary_clear_test.go lists what may stay in clear, and why,
//   - canary_leak_test.go looks, also through the spans and metrics of package hmsotel,
//   - canary_restricted_test.go looks as every role, after all records were restricted.

// canaryForm finds a canary in any text: the word, or the number that passes for one of a telephone.
var canaryForm = regexp.MustCompile(`(?i)canary(\d{4})|7654321(\d{4})`)

// canaries remembers which one was given to what.
type canaries struct {
	mu      sync.Mutex
	paths   []string
	secrets map[int]bool   // those that must be nowhere at all
	tokens  map[string]int // secrets that the library made, and the canary that stands for each
}

func (c *canaries) next(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, path)
	return len(c.paths) - 1
}

// text gives a new canary of ten characters.
func (c *canaries) text(path string) string { return fmt.Sprintf("canary%04d", c.next(path)) }

// phone gives a new canary of eleven digits.
func (c *canaries) phone(path string) string { return fmt.Sprintf("7654321%04d", c.next(path)) }

// mail gives a new canary that is an address.
func (c *canaries) mail(path string) string { return c.text(path) + "@example.org" }

// secret gives a new canary that is a password.
func (c *canaries) secret(path string) hmstype.Secret {
	n := c.next(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[n] = true
	return hmstype.Secret(fmt.Sprintf("canary%04d, seven green lanterns", n))
}

// made notes a secret that the library made.
func (c *canaries) made(path string, s hmstype.Secret) {
	if s == "" {
		return
	}
	n := c.next(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[n] = true
	c.tokens[s.Reveal()] = n
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

// fastHash keeps password hashing from dominating.
var fastHash = identity.Argon2{MemoryKiB: 64, Passes: 1, Lanes: 1}
