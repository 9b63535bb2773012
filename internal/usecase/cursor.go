package usecase

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"time"

	"github.com/chelal/hms/hmstype"
)

// A cursor is bound to the list and to what was asked of it: with another filter, or in another list over the same
// rows, it would begin somewhere, without an error. So the mark of the list's name and of the input without its page
// is mixed into every cursor that a query gives, and taken out of every one that it is asked with.

var (
	pageType = reflect.TypeFor[hmstype.Page]()
	timeType = reflect.TypeFor[time.Time]()
)

// turned gives the input with the mark taken out of its page's cursor.
func turned[In any](in In, mark uint64) In {
	if page := pageOf(reflect.ValueOf(&in).Elem()); page != nil {
		page.Cursor = hmstype.MixCursor(page.Cursor, mark)
	}
	return in
}

// pageOf gives the page of an input, nil where it has none.
func pageOf(in reflect.Value) *hmstype.Page {
	if in.Kind() != reflect.Struct {
		return nil
	}
	for i := range in.NumField() {
		field := in.Field(i)
		if !field.CanInterface() {
			continue
		}
		if page, ok := field.Addr().Interface().(*hmstype.Page); ok {
			return page
		}
		if page := pageOf(field); in.Type().Field(i).Anonymous && page != nil {
			return page
		}
	}
	return nil
}

// markNext mixes the mark into the cursor of the page after a result.
func markNext(out any, mark uint64) {
	if next := nextOf(reflect.ValueOf(out).Elem()); next.IsValid() {
		next.SetString(hmstype.MixCursor(next.String(), mark))
	}
}

// nextOf gives where a result has the cursor of the next page; invalid where it has none.
func nextOf(out reflect.Value) reflect.Value {
	if out.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return out.FieldByName("Next")
}

// isPaged tells whether an input asks for a page.
func isPaged(in reflect.Type) bool { return pageOf(reflect.New(in).Elem()) != nil }

// pagesOn tells whether a result says where its next page begins.
func pagesOn(out reflect.Type) bool {
	next := nextOf(reflect.New(out).Elem())
	return next.IsValid() && next.Kind() == reflect.String
}

// markOf sums a list's name and an input without its page.
func markOf(list string, in any) uint64 {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q", list) // a hash's Write never fails
	addTo(h, reflect.ValueOf(in))
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// addTo adds a value to a sum: instants whatever their zone, and a list that is nil like an empty one.
func addTo(h hash.Hash, v reflect.Value) {
	switch {
	case v.Type() == pageType:
		return
	case v.Type() == timeType:
		_, _ = fmt.Fprintf(h, "@%d.%d", v.Interface().(time.Time).Unix(), v.Interface().(time.Time).Nanosecond())
		return
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok && v.Kind() != reflect.Pointer {
		if text, err := m.MarshalText(); err == nil {
			_, _ = fmt.Fprintf(h, "%q", text)
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			addTo(h, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		_, _ = fmt.Fprintf(h, "#%d", v.Len())
		for i := range v.Len() {
			addTo(h, v.Index(i))
		}
	case reflect.Pointer, reflect.Interface:
		_, _ = fmt.Fprintf(h, "&%t", v.IsNil())
		if !v.IsNil() {
			addTo(h, v.Elem())
		}
	default:
		_, _ = fmt.Fprintf(h, "%#v;", v.Interface())
	}
}
