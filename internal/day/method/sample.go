package method

import (
	"reflect"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

// Sample gives an input of the type that a declaration has as its sample, as a copy whose ids are
// those that id gives, but for the fields that are left out; ok is false where the method's
// declaration has another input.
func Sample(info usecase.Info, t reflect.Type, id func(reflect.Type) reflect.Value, omit ...string) (reflect.Value,
	bool) {
	if info.Sample == nil || info.Input != t {
		return reflect.Value{}, false
	}
	v := reflect.New(t).Elem()
	v.Set(reflect.ValueOf(info.Sample))
	if t.Kind() != reflect.Struct {
		setIDs(v, id)
		return v, true
	}
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case slices.Contains(omit, f.Name):
			v.Field(i).SetZero()
		case f.IsExported():
			setIDs(v.Field(i), id)
		}
	}
	return v, true
}

// setIDs gives every id in a value; slices and what pointers point to are copied, for a sample is
// shared by all tests.
func setIDs(v reflect.Value, id func(reflect.Type) reflect.Value) {
	switch {
	case IsID(v.Type()):
		if got := id(v.Type()); got.IsValid() {
			v.Set(got)
		}
	case v.Kind() == reflect.Struct && !IsAtom(v.Type()) && v.Type() != reflect.TypeFor[hmstype.ActorRef]():
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				setIDs(v.Field(i), id)
			}
		}
	case v.Kind() == reflect.Slice && !v.IsNil():
		items := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(items, v)
		for i := range items.Len() {
			setIDs(items.Index(i), id)
		}
		v.Set(items)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		target := reflect.New(v.Type().Elem())
		target.Elem().Set(v.Elem())
		setIDs(target.Elem(), id)
		v.Set(target)
	}
}

// Arguments gives what a method is called with beside its context: its declaration's sample
// where it takes that, and otherwise ids, the instant, and zero values.
func Arguments(method reflect.Type, info usecase.Info, at time.Time,
	id func(reflect.Type) reflect.Value, omit ...string) []reflect.Value {
	var args []reflect.Value
	for i := 1; i < method.NumIn(); i++ {
		t := method.In(i)
		if v, ok := Sample(info, t, id, omit...); ok {
			args = append(args, v)
			continue
		}
		v := reflect.New(t).Elem()
		switch {
		case t == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(at))
		case t.Kind() == reflect.Func: // one that does nothing, with success
			v.Set(reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
				var none []reflect.Value
				for i := range t.NumOut() {
					none = append(none, reflect.Zero(t.Out(i)))
				}
				return none
			}))
		default:
			setIDs(v, id)
		}
		args = append(args, v)
	}
	return args
}

// Omissions are fields that exclude others: one call for each choice.
var Omissions = map[string][][]string{
	"audit.ListEvents":        {{"Session"}, {"APIKey"}},
	"audit.ExportEvents":      {{"Session"}, {"APIKey"}},
	"audit.ListExposures":     {{"Session", "APIKey", "Actor"}, {"User", "APIKey", "Actor"}, {"User", "Session", "Actor"}},
	"pharmacy.Dispense":       {{"Patient", "Item"}, {"Prescription"}},
	"clinical.OpenEncounter":  {{"Appointment"}, {"Patient", "Practitioner"}},
	"billing.IssueCreditNote": {{"Amount"}},
	"billing.CreateBill":      {{"Discounts", "Discount", "DiscountReason"}, {"Discount"}},
}
