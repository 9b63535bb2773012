package hms_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/archtest"
)

// publicMethod is a method of one of the services.
type publicMethod struct {
	name string // domain and method, such as "patient.Register"
	fn   reflect.Value
}

// publicMethods lists those that a host calls: not the wiring, nor the question that every other
// method asks.
func publicMethods(h *hms.HMS) []publicMethod {
	var all []publicMethod
	services := reflect.ValueOf(h).Elem()
	for i := range services.NumField() {
		if !services.Type().Field(i).IsExported() {
			continue
		}
		service := services.Field(i)
		for m := range service.NumMethod() {
			name := domainOf(service.Type()) + "." + service.Type().Method(m).Name
			if _, ok := undeclared[name]; ok {
				continue
			}
			all = append(all, publicMethod{name: name, fn: service.Method(m)})
		}
	}
	return all
}

// domainOf gives the domain of a service, by which its operations are named, whatever room it is in.
func domainOf(service reflect.Type) string { return archtest.Domain(service.Elem().PkgPath()) }

// leaf is a text somewhere in an input.
type leaf struct {
	path  string // such as "patient.Register.Details.FirstName"
	value reflect.Value
}

// isPlain tells free text and secrets from the codes of a fixed list, which have types of their own.
func (l leaf) isPlain() bool {
	return l.value.Type() == reflect.TypeFor[string]() || l.value.Type() == reflect.TypeFor[hmstype.Secret]()
}

// leaves gives the texts of a value, which must be addressable.
func leaves(v reflect.Value, path string) []leaf {
	if !v.IsValid() || isAtom(v.Type()) {
		return nil
	}
	var all []leaf
	switch v.Kind() {
	case reflect.String:
		return []leaf{{path, v}}
	case reflect.Pointer:
		return leaves(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, leaves(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, leaves(v.Field(i), path+"."+v.Type().Field(i).Name)...)
			}
		}
	}
	return all
}

// isAtom tells what is no structure of ours, though it may be a struct.
func isAtom(t reflect.Type) bool {
	return slices.Contains([]reflect.Type{
		reflect.TypeFor[time.Time](), reflect.TypeFor[hmstype.Date](), reflect.TypeFor[decimal.Decimal](),
		reflect.TypeFor[[]byte](),
	}, t)
}

// filling fills an input with what may be right in itself, for entities that are not there.
type filling struct {
	text    func(path string) string
	now     time.Time
	extreme bool // numbers and instants at the ends of what their types hold
}

func (f filling) fill(v reflect.Value, path string) {
	if f.fillAtom(v) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.text(path))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0), path)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Array: // an id
		v.Set(reflect.ValueOf(uuid.New()).Convert(v.Type()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(f.number())
	case reflect.Uint32:
		v.SetUint(math.MaxUint32)
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value {
			return []reflect.Value{reflect.Zero(v.Type().Out(0))}
		}))
	default:
		panic(fmt.Sprintf("%s: no filling for %s", path, v.Type()))
	}
}

func (f filling) number() int64 {
	if f.extreme {
		return math.MaxInt64
	}
	return 1
}

// fillAtom fills what is no structure of ours.
func (f filling) fillAtom(v reflect.Value) bool {
	at, amount := f.now, decimal.NewFromInt(1)
	if f.extreme {
		at, amount = time.Date(294277, 1, 1, 0, 0, 0, 1, time.UTC), decimal.New(1, 100_000)
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = at
	case *hmstype.Date:
		*p = hmstype.NewDate(at.Year()%30000, at.Month(), at.Day())
	case *decimal.Decimal:
		*p = amount
	case *[]byte:
		*p = []byte(f.text("bytes") + "0123456")
	default:
		return false
	}
	return true
}

// arguments makes the arguments of a call after its context, filled, and gives their texts.
func (f filling) arguments(m publicMethod) ([]reflect.Value, []leaf) {
	kind := m.fn.Type()
	args := make([]reflect.Value, 0, kind.NumIn())
	var texts []leaf
	for i := 1; i < kind.NumIn(); i++ {
		arg := reflect.New(kind.In(i)).Elem()
		f.fill(arg, m.name)
		args = append(args, arg)
		texts = append(texts, leaves(arg, m.name)...)
	}
	return args, texts
}

// attempt calls a method and gives its error; a panic is one as well.
func (m publicMethod) attempt(ctx context.Context, args []reflect.Value) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	out := drained(m.fn.Call(append([]reflect.Value{reflect.ValueOf(ctx)}, args...)))
	err, _ = out[len(out)-1].Interface().(error)
	return err
}

// isNamedIn tells whether an error names the leaf as broken: "Details.FirstName" is "firstName"
// there, and the value of a code is "code". An argument of its own has no name to compare.
func (l leaf) isNamedIn(err error) bool {
	parts := strings.Split(l.path, ".")
	name := strings.ToLower(parts[len(parts)-1])
	if of := parts[len(parts)-2]; name == "value" && (of == "Code" || of == "Codes" || of == "Substance") {
		name = "code"
	}
	return slices.ContainsFunc(hmstype.Fields(err), func(f hmstype.FieldError) bool {
		path := strings.ToLower(strings.TrimSuffix(f.Path, "[0]"))
		return len(parts) == 2 || path == name || strings.HasSuffix(path, "."+name)
	})
}
