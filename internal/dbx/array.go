package dbx

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/uptrace/bun/schema"
)

// Array is the elements, which are texts, whole numbers or what gives such by [driver.Valuer], as one
// value, for "= ANY(?)": a placeholder per element would be a text for each number of elements. Where
// the server cannot infer the type, a cast must tell it. No elements are an empty array, not NULL.
func Array[T any](elements []T) schema.QueryAppender { return array[T](elements) }

type array[T any] []T

// AppendQuery implements [schema.QueryAppender]. Bun's own array knows no NULL among the elements, and
// writes an error between them as if it were one.
func (a array[T]) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	text := []byte{'{'}
	for i, e := range a {
		if i > 0 {
			text = append(text, ',')
		}
		var err error
		if text, err = appendElement(text, e); err != nil {
			return nil, err
		}
	}
	return gen.Append(b, string(append(text, '}'))), nil
}

var escapeElement = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func appendElement(text []byte, e any) ([]byte, error) {
	if valuer, ok := e.(driver.Valuer); ok {
		v, err := valuer.Value()
		if err != nil {
			return nil, err
		}
		if v == nil {
			return append(text, "NULL"...), nil
		}
		e = v
	}
	switch v := reflect.ValueOf(e); v.Kind() { //nolint:exhaustive // the others are refused
	case reflect.String:
		return append(append(append(text, '"'), escapeElement.Replace(v.String())...), '"'), nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(text, v.Int(), 10), nil
	default:
		return nil, fmt.Errorf("dbx: no array of %T", e)
	}
}
