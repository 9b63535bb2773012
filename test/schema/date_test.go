package schema_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
)

// badDates lie outside of the years 0001 to 9999, to which JSON, FHIR and the database's text forms agree.
var badDates = map[string]time.Time{
	"4713 BC":            time.Date(-4712, 5, 17, 9, 0, 0, 0, time.UTC),
	"2 BC":               time.Date(-1, 5, 17, 9, 0, 0, 0, time.UTC),
	"1 BC":               time.Date(0, 5, 17, 9, 0, 0, 0, time.UTC),
	"10000":              time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
	"10000 by its zone":  time.Date(9999, 12, 31, 23, 59, 0, 0, time.FixedZone("", -3600)),
	"32767":              time.Date(32767, 5, 17, 9, 0, 0, 0, time.UTC),
	"1990 in sixteen":    time.Date(65536+1990, 5, 17, 9, 0, 0, 0, time.UTC),
	"after the database": time.Date(294277, 1, 1, 0, 0, 0, 0, time.UTC),
	"a billion":          time.Date(1<<30, 5, 17, 9, 0, 0, 0, time.UTC),
}

// setDate sets a date or an instant; false for what is neither, and for a day that only its zone puts elsewhere.
func setDate(v reflect.Value, at time.Time) bool {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = at
	case *hmstype.Date:
		y, m, d := at.Date()
		*p = hmstype.NewDate(y, m, d)
		return y < 1 || y > 9999
	default:
		return false
	}
	return true
}

// dates gives the dates and instants in a value, and makes room for those that pointers and slices lead to.
func dates(v reflect.Value, path string) (all []method.Leaf) {
	switch v.Addr().Interface().(type) {
	case *time.Time, *hmstype.Date:
		return []method.Leaf{{Path: path, Value: v}}
	}
	switch v.Kind() { //nolint:exhaustive // nothing else holds any
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			target.Elem().Set(v.Elem())
		}
		if all = dates(target.Elem(), path); len(all) > 0 {
			v.Set(target)
		}
	case reflect.Slice:
		items := reflect.MakeSlice(v.Type(), max(1, v.Len()), max(1, v.Len()))
		reflect.Copy(items, v)
		if all = dates(items.Index(0), path); len(all) > 0 {
			v.Set(items)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				all = append(all, dates(v.Field(i), path+"."+f.Name)...)
			}
		}
	}
	return all
}

// Every date and instant that a caller may give has an end: outside of it the method refuses the input, naming the
// field, and the database is not asked.
func TestInputs_DatesLieInTheCalendar(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	declared := method.Declared()
	newID := func(kind reflect.Type) reflect.Value {
		id := uuid.Must(uuid.NewV7())
		made := reflect.New(kind).Elem()
		reflect.Copy(made, reflect.ValueOf(id[:]))
		return made
	}
	// Instants that the method sets itself, whatever it is given.
	own := []string{"identity.AddWebAuthnCredential.CreatedAt", "identity.AddWebAuthnCredential.LastUsedAt"}
	found := 0
	for _, m := range method.Public(env.H) {
		args := method.Arguments(m.Fn.Type(), declared[method.Operation(m.Name)], hmstest.Start, newID)
		for i, arg := range args {
			of := reflect.New(arg.Type()).Elem()
			of.Set(arg)
			args[i] = of
			for _, leaf := range dates(of, m.Name) {
				if slices.Contains(own, leaf.Path) {
					continue
				}
				found++
				was := reflect.New(leaf.Value.Type()).Elem()
				was.Set(leaf.Value)
				for name, at := range badDates {
					if !setDate(leaf.Value, at) {
						continue
					}
					out := method.Drained(m.Fn.Call(append([]reflect.Value{reflect.ValueOf(env.Ctx)}, args...)))
					err, _ := out[len(out)-1].Interface().(error)
					assert.Equal(t, hmstype.KindInvalid, hmstype.KindOf(err), "%s, %s: %v", leaf.Path, name, err)
					assert.True(t, leaf.IsNamedIn(err), "%s, %s: %v", leaf.Path, name, err)
				}
				leaf.Value.Set(was)
			}
		}
	}
	assert.Greater(t, found, 60)
}
