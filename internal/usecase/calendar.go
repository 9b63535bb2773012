package usecase

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chelal/hms/hmstype"
)

// Validate is the check of an input: its own, and the rule that no type has to state, because it holds for every date
// and instant that a caller gives: it lies in the years 0001 to 9999, by UTC, or is absent. Beyond them JSON, FHIR and
// PostgreSQL's text forms part, and the database would refuse what it could not even be told.
func Validate(in Validator) error {
	outside := outsideCalendar(nil, reflect.ValueOf(in), "")
	err := in.Validate()
	if len(outside) == 0 {
		return err
	}
	all := slices.Clone(hmstype.Fields(err))
	for _, path := range outside {
		all = append(all, hmstype.FieldError{Path: path, Rule: "must lie in the years 0001 to 9999"})
	}
	return &hmstype.ValidationError{Fields: all}
}

// outsideCalendar appends the paths of the dates and instants that lie outside, as JSON names them.
func outsideCalendar(paths []string, v reflect.Value, path string) []string {
	if !v.IsValid() || !holdsDates(v.Type()) {
		return paths
	}
	switch v.Kind() { //nolint:exhaustive // holdsDates knows no other
	case reflect.Pointer:
		if !v.IsNil() {
			return outsideCalendar(paths, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			paths = outsideCalendar(paths, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Struct:
		if isDate(v.Type()) {
			if !inCalendar(v) {
				paths = append(paths, path)
			}
			return paths
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				paths = outsideCalendar(paths, v.Field(i), strings.Trim(path+"."+jsonName(f), "."))
			}
		}
	}
	return paths
}

func isDate(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[hmstype.Date]()
}

func inCalendar(v reflect.Value) bool {
	switch at := v.Interface().(type) {
	case time.Time:
		return at.IsZero() || at.UTC().Year() >= 1 && at.UTC().Year() <= 9999
	case hmstype.Date:
		return at.IsZero() || at.Year() >= 1 && at.Year() <= 9999
	default:
		return true
	}
}

// jsonName gives the name of a field in JSON, empty for one whose fields are its owner's.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name != "" && name != "-":
		return name
	case f.Anonymous:
		return ""
	default:
		first, size := utf8.DecodeRuneInString(f.Name)
		return string(unicode.ToLower(first)) + f.Name[size:]
	}
}

// datedTypes remembers of each type whether a date can lie in it, so that the inputs that have none cost nothing.
var datedTypes sync.Map

func holdsDates(t reflect.Type) bool {
	if known, ok := datedTypes.Load(t); ok {
		return known.(bool) //nolint:forcetypeassert // nothing else is stored
	}
	holds := findsDates(t, map[reflect.Type]bool{})
	datedTypes.Store(t, holds)
	return holds
}

// findsDates looks into each type once, for a type may hold itself.
func findsDates(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() { //nolint:exhaustive // nothing else holds any
	case reflect.Pointer, reflect.Slice:
		return findsDates(t.Elem(), seen)
	case reflect.Struct:
		if isDate(t) {
			return true
		}
		for i := range t.NumField() {
			if f := t.Field(i); (f.IsExported() || f.Anonymous) && findsDates(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
