package hmstype

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError names one field of an input and the rule that it breaks. It never holds
// the value, which may be a patient's.
type FieldError struct {
	Path string `json:"path"` // such as "lines[2].quantity"
	Rule string `json:"rule"` // such as "required" or "must be at least 1"
}

// Error implements error.
func (f FieldError) Error() string { return f.Path + ": " + f.Rule }

// ValidationError lists every field that breaks a rule; its kind is [ErrInvalid].
type ValidationError struct {
	Fields []FieldError `json:"fields"`
}

// Error implements error.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Error()
	}
	return ErrInvalid.Error() + ": " + strings.Join(parts, "; ")
}

// Unwrap makes errors.Is(err, ErrInvalid) true.
func (e *ValidationError) Unwrap() error { return ErrInvalid }

// Invalid is a [ValidationError] for one field.
func Invalid(path, rule string) error {
	return &ValidationError{Fields: []FieldError{{Path: path, Rule: rule}}}
}

// Fields gives the fields that err complains about, nil where it names none.
func Fields(err error) []FieldError {
	var v *ValidationError
	if errors.As(err, &v) {
		return v.Fields
	}
	return nil
}

// Validator collects the broken rules of one input, so that a caller sees all of them
// at once. The zero value is ready.
type Validator struct {
	fields []FieldError
}

// Check notes the rule for the path unless ok holds.
func (v *Validator) Check(ok bool, path, rule string) {
	if !ok {
		v.fields = append(v.fields, FieldError{Path: path, Rule: rule})
	}
}

// Required notes that the path is missing unless present holds.
func (v *Validator) Required(present bool, path string) { v.Check(present, path, "required") }

// Text checks a text field: it has at least minLen characters after trimming and at most maxLen
// as it stands, since it is stored as it stands; it is valid UTF-8 and holds no NUL or other control character but
// tab and line ends
// (PostgreSQL refuses NUL, and screens hide the others).
func (v *Validator) Text(text, path string, minLen, maxLen int) {
	if !utf8.ValidString(text) {
		v.Check(false, path, "must be valid UTF-8")
		return
	}
	n := utf8.RuneCountInString(strings.TrimSpace(text))
	switch {
	case n == 0 && minLen > 0:
		v.Required(false, path)
	case n < minLen:
		v.Check(false, path, fmt.Sprintf("must have at least %d characters", minLen))
	case utf8.RuneCountInString(text) > maxLen:
		v.Check(false, path, fmt.Sprintf("must have at most %d characters", maxLen))
	}
	v.Check(!strings.ContainsFunc(text, isForbiddenControl), path, "must not hold control characters")
}

func isForbiddenControl(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
}

// OneOf checks that value is one of the allowed ones.
func OneOf[T comparable](v *Validator, value T, path string, allowed ...T) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	v.Check(false, path, fmt.Sprintf("must be one of %v", allowed))
}

// Nested notes every field of err below the path, for an input inside an input; an empty path
// adds nothing.
// An error that is no [ValidationError] is noted as broken rule of the path itself.
func (v *Validator) Nested(path string, err error) {
	if err == nil {
		return
	}
	fields := Fields(err)
	if fields == nil {
		v.Check(false, path, KindOf(err).rule())
		return
	}
	for _, f := range fields {
		sub := strings.Trim(path+"."+f.Path, ".")
		v.fields = append(v.fields, FieldError{Path: sub, Rule: f.Rule})
	}
}

func (k Kind) rule() string { return "is " + strings.ReplaceAll(string(k), "_", " ") }

// Err gives nil where every rule holds, otherwise a [ValidationError].
func (v *Validator) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return &ValidationError{Fields: v.fields}
}
