package schema_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

// publicStructs are the structs that use cases take and give, with those inside of them.
func publicStructs() []reflect.Type {
	seen := map[reflect.Type]bool{}
	var all []reflect.Type
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch {
		case t == nil || seen[t]:
			return
		case t.Kind() == reflect.Slice, t.Kind() == reflect.Array, t.Kind() == reflect.Pointer:
			walk(t.Elem())
		case t.Kind() == reflect.Map:
			walk(t.Key())
			walk(t.Elem())
		case t.Kind() == reflect.Struct && strings.HasPrefix(t.PkgPath(), "github.com/chelal/hms") && !isTextType(t):
			seen[t] = true
			all = append(all, t)
			for i := range t.NumField() {
				if f := t.Field(i); f.IsExported() || f.Anonymous {
					walk(f.Type)
				}
			}
		}
	}
	for _, info := range usecase.Declared() {
		in, out := info.Seen()
		walk(in)
		walk(out)
	}
	return all
}

// isText tells whether a type is a single text in JSON.
func isTextType(t reflect.Type) bool { return t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) }

var camelCase = regexp.MustCompile(`^[a-z][a-z0-9]*([A-Z][a-z0-9]*)*$`)

// jsonFault says what is wrong with a field's tag; empty for nothing.
func jsonFault(f reflect.StructField) string {
	tag, tagged := f.Tag.Lookup("json")
	name, options, _ := strings.Cut(tag, ",")
	kind := f.Type
	for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch {
	case f.Anonymous && tag == "-":
		return ""
	case f.Anonymous && tagged:
		return "an embedded struct is flat in JSON and has no tag"
	case f.Anonymous || !f.IsExported() || tag == "-":
		return ""
	case !tagged:
		return "has no json tag"
	case kind.Kind() == reflect.Func || kind.Kind() == reflect.Chan:
		return "cannot travel"
	case !camelCase.MatchString(name):
		return "is not in camelCase"
	case !strings.EqualFold(name, f.Name) && f.Name+" "+name != "Value code": // FHIR Coding.code
		return "is named otherwise in JSON: " + name
	case isIDType(kind) && len(name) > 2 && strings.HasSuffix(name, "Id"):
		return "an id is the bare noun"
	case f.Type == reflect.TypeFor[time.Time]() && options != "omitzero":
		return "a zero instant is left out"
	case f.Type.Kind() == reflect.Float64 || f.Type.Kind() == reflect.Float32:
		return "a decimal is a string, and no float"
	}
	return ""
}

func isIDType(t reflect.Type) bool {
	return t.Kind() == reflect.Array && t.Len() == 16
}

// What use cases take and give has its names in JSON by tags, so that a host may decode a request
// into an input and answer with a result, and a renamed Go field is no silent change of its API.
func TestJSON_PublicStructsHaveTags(t *testing.T) {
	t.Parallel()
	all := publicStructs()
	require.Greater(t, len(all), 300)
	for _, kind := range all {
		for i := range kind.NumField() {
			fault := jsonFault(kind.Field(i))
			assert.Empty(t, fault, "%v.%s %s", kind, kind.Field(i).Name, fault)
		}
		names := map[string]int{}
		for _, f := range reflect.VisibleFields(kind) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				names[name]++
				assert.Equal(t, 1, names[name], "%v has %q twice: JSON drops one silently", kind, name)
			}
		}
	}
}

// What hmstype exports is in every package's values, or in what a host writes to its log.
func TestJSON_StructsOfTheVocabularyHaveTags(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/hmstype/*.go")
	require.NoError(t, err)
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					if name.IsExported() {
						checked++
						assert.Empty(t, vocabularyFault(field), "hmstype.%s.%s", spec.Name, name)
					}
				}
			}
			return true
		})
	}
	require.Greater(t, checked, 30)
}

func vocabularyFault(field *ast.Field) string {
	if field.Tag == nil {
		return "has no json tag"
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return err.Error()
	}
	tag := reflect.StructTag(text).Get("json")
	if name, _, _ := strings.Cut(tag, ","); tag != "-" && !camelCase.MatchString(name) {
		return "is not in camelCase: " + tag
	}
	return ""
}

// A host that decodes what it was sent gets the input that was meant.
func TestJSON_SamplesTravel(t *testing.T) {
	t.Parallel()
	travelled := 0
	for _, info := range usecase.Declared() {
		in, _ := info.Seen()
		if info.Sample == nil || in != info.Input {
			continue
		}
		travelled++
		sample := reflect.New(info.Input).Elem()
		sample.Set(reflect.ValueOf(info.Sample))
		travel(t, sample)
	}
	require.Greater(t, travelled, 150)
}

// Neither is anything lost of a struct all of whose fields have a value.
func TestJSON_FullStructsTravel(t *testing.T) {
	t.Parallel()
	for _, kind := range publicStructs() {
		v := reflect.New(kind).Elem()
		fill(v, 0)
		travel(t, v)
	}
}

// travel writes a value as JSON and reads it again.
func travel(t *testing.T, v reflect.Value) {
	t.Helper()
	body, err := json.Marshal(v.Interface())
	require.NoError(t, err, v.Type())
	assert.NotContains(t, string(body), "canary", v.Type())
	assert.NotContains(t, string(body), `"0001-01-01T00:00:00Z"`, v.Type())
	back := reflect.New(v.Type())
	if assert.NoError(t, json.Unmarshal(body, back.Interface()), "%v: %s", v.Type(), body) {
		want := reflect.New(v.Type()).Elem()
		want.Set(v)
		arrived(want)
		arrived(back.Elem())
		assert.Equal(t, want.Interface(), back.Elem().Interface(), "%s", body)
	}
}

// arrived makes of a value what JSON may make of it without a loss: a decimal without the zeros at
// its end, a list of nothing that is nil, and a secret that is not told; what does not travel is
// empty.
func arrived(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[hmstype.Secret]():
		v.SetString("[secret]")
	case v.Type() == reflect.TypeFor[decimal.Decimal]():
		v.Set(reflect.ValueOf(decimal.RequireFromString(v.Interface().(decimal.Decimal).String())))
	case v.Kind() == reflect.Slice && v.Len() == 0:
		v.SetZero()
	case v.Kind() == reflect.Slice:
		items := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(items, v)
		for i := range items.Len() {
			arrived(items.Index(i))
		}
		v.Set(items)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		target := reflect.New(v.Type().Elem())
		target.Elem().Set(v.Elem())
		arrived(target.Elem())
		v.Set(target)
	case v.Kind() == reflect.Struct && !isTextType(v.Type()):
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case !f.IsExported():
			case f.Tag.Get("json") == "-":
				v.Field(i).SetZero()
			default:
				arrived(v.Field(i))
			}
		}
	}
}

// fill gives every exported field of a value some value that its type lets pass.
func fill(v reflect.Value, depth int) {
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = time.Date(2026, 3, 2, 9, 30, 0, 1000, time.UTC)
	case *hmstype.Date:
		*value = hmstype.NewDate(1987, time.May, 4)
	case *hmstype.ActorRef:
		*value = hmstype.Actor{Kind: hmstype.ActorSystem, Name: "night"}.Ref()
	case *decimal.Decimal:
		*value = decimal.RequireFromString("12.25")
	case *json.RawMessage:
		*value = json.RawMessage(`{"a":1}`)
	case *hmstype.Secret:
		*value = "canary"
	default:
		fillKind(v, depth)
	}
}

func fillKind(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Array:
		if id := uuid.Must(uuid.NewV7()); isIDType(v.Type()) {
			reflect.Copy(v, reflect.ValueOf(id[:]))
			return
		}
		for i := range v.Len() {
			fill(v.Index(i), depth)
		}
	case reflect.Slice:
		if depth < 5 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), depth+1)
		}
	case reflect.Pointer:
		if depth < 5 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth)
			}
		}
	case reflect.Interface, reflect.Func:
	default:
		panic(fmt.Sprintf("%v", v.Type()))
	}
}

// A secret is read from JSON, for hosts decode requests, and never written.
func TestJSON_SecretsAreNotWritten(t *testing.T) {
	t.Parallel()
	secrets := 0
	for _, kind := range publicStructs() {
		for i := range kind.NumField() {
			if f := kind.Field(i); f.Type == reflect.TypeFor[hmstype.Secret]() {
				secrets++
				v := reflect.New(kind).Elem()
				v.Field(i).SetString("canary")
				body, err := json.Marshal(v.Interface())
				require.NoError(t, err)
				require.NotContains(t, string(body), "canary", f.Name)
			}
		}
	}
	require.Greater(t, secrets, 3)
	body, err := json.Marshal(hmstype.Secret("canary"))
	require.NoError(t, err)
	require.Equal(t, `"[secret]"`, string(body))
}
