package leak_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
)

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
func (f filling) arguments(m method.Method) ([]reflect.Value, []method.Leaf) {
	kind := m.Fn.Type()
	args := make([]reflect.Value, 0, kind.NumIn())
	var texts []method.Leaf
	for i := 1; i < kind.NumIn(); i++ {
		arg := reflect.New(kind.In(i)).Elem()
		f.fill(arg, m.Name)
		args = append(args, arg)
		texts = append(texts, method.Leaves(arg, m.Name)...)
	}
	return args, texts
}

// attempt calls a method and gives its error; a panic is one as well.
func attempt(ctx context.Context, m method.Method, args []reflect.Value) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	out := method.Drained(m.Fn.Call(append([]reflect.Value{reflect.ValueOf(ctx)}, args...)))
	err, _ = out[len(out)-1].Interface().(error)
	return err
}
