package method

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// Leaf is a text somewhere in an input or a result.
type Leaf struct {
	Path  string // such as "patient.Register.Details.FirstName"
	Value reflect.Value
}

// IsPlain tells free text and secrets from the codes of a fixed list, which have types of their own.
func (l Leaf) IsPlain() bool {
	return l.Value.Type() == reflect.TypeFor[string]() || l.Value.Type() == reflect.TypeFor[hmstype.Secret]()
}

// IsNamedIn tells whether an error names the leaf as broken: "Details.FirstName" is "firstName"
// there, and the value of a code is "code". An argument of its own has no name to compare.
func (l Leaf) IsNamedIn(err error) bool {
	parts := strings.Split(l.Path, ".")
	name := strings.ToLower(parts[len(parts)-1])
	if of := parts[len(parts)-2]; name == "value" && (of == "Code" || of == "Codes" || of == "Substance") {
		name = "code"
	}
	return slices.ContainsFunc(hmstype.Fields(err), func(f hmstype.FieldError) bool {
		path := strings.ToLower(strings.TrimSuffix(f.Path, "[0]"))
		return len(parts) == 2 || path == name || strings.HasSuffix(path, "."+name)
	})
}

// Leaves gives the texts of a value, which must be addressable.
func Leaves(v reflect.Value, path string) []Leaf {
	if !v.IsValid() || IsAtom(v.Type()) {
		return nil
	}
	var all []Leaf
	switch v.Kind() {
	case reflect.String:
		return []Leaf{{path, v}}
	case reflect.Pointer:
		return Leaves(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, Leaves(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, Leaves(v.Field(i), path+"."+v.Type().Field(i).Name)...)
			}
		}
	}
	return all
}

// IsAtom tells what is no structure of ours, though it may be a struct.
func IsAtom(t reflect.Type) bool {
	return slices.Contains([]reflect.Type{
		reflect.TypeFor[time.Time](), reflect.TypeFor[hmstype.Date](), reflect.TypeFor[decimal.Decimal](),
		reflect.TypeFor[[]byte](),
	}, t)
}

// IsID tells whether a type is one of the distinct types of ids.
func IsID(t reflect.Type) bool {
	return t.Kind() == reflect.Array && strings.HasPrefix(t.Name(), "ID[") && strings.HasSuffix(t.PkgPath(), "/hmstype")
}

// IDs are those that methods gave, by type, each once, in the order in which they came.
type IDs map[reflect.Type][]reflect.Value

// Remember takes all ids out of a value.
func (ids IDs) Remember(v reflect.Value) {
	switch {
	case !v.IsValid():
	case IsID(v.Type()):
		isKnown := slices.ContainsFunc(ids[v.Type()], func(known reflect.Value) bool { return known.Equal(v) })
		if !v.IsZero() && !isKnown {
			ids[v.Type()] = append(ids[v.Type()], v)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				ids.Remember(v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			ids.Remember(v.Index(i))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		ids.Remember(v.Elem())
	}
}
