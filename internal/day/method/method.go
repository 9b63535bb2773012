// Package method walks the public methods of the services by reflection, for the tests that go
// through all of them: it lists them, finds the declaration that belongs to each, fills their inputs
// from the declarations' samples, and takes texts and ids out of what they take and give. It owns the
// walk, and neither a hospital nor what a test asks of a method. Beside tests only package day imports it.
package method

import (
	"reflect"
	"runtime"
	"strings"

	"github.com/chelal/hms"
	"github.com/chelal/hms/internal/archtest"
	"github.com/chelal/hms/internal/usecase"
)

// Method is a method of one of the services.
type Method struct {
	Name string // domain and method, such as "patient.Register"
	Fn   reflect.Value
}

// Undeclared are the public methods that are no use cases, and why.
var Undeclared = map[string]string{
	"identity.Authorize": "answers the question itself",
	"identity.Bind":      "wires; touches nothing",
}

// Public lists those that a host calls: not the wiring, nor the question that every other
// method asks.
func Public(h *hms.HMS) []Method {
	var all []Method
	services := reflect.ValueOf(h).Elem()
	for i := range services.NumField() {
		if !services.Type().Field(i).IsExported() {
			continue
		}
		service := services.Field(i)
		for m := range service.NumMethod() {
			name := DomainOf(service.Type()) + "." + service.Type().Method(m).Name
			if _, ok := Undeclared[name]; ok {
				continue
			}
			all = append(all, Method{Name: name, Fn: service.Method(m)})
		}
	}
	return all
}

// DomainOf gives the domain of a service, by which its operations are named, whatever room it is in.
func DomainOf(service reflect.Type) string { return archtest.Domain(service.Elem().PkgPath()) }

// NameOf names a method as [Public] does.
func NameOf(fn any) string {
	full := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name() // .../patient.(*Service).Register-fm
	folder, name, _ := strings.Cut(full, ".(*Service).")
	return archtest.Domain(folder) + "." + strings.TrimSuffix(name, "-fm")
}

// Declared gives the declarations that stand beside the public methods, by operation.
func Declared() map[string]usecase.Info {
	all := map[string]usecase.Info{}
	for _, info := range usecase.Declared() {
		all[info.Name] = info
	}
	return all
}

// Operation gives the operation of a public method, such as "pharmacy.get_dispense" for
// "pharmacy.GetDispense".
func Operation(method string) string {
	domain, name, _ := strings.Cut(method, ".")
	return archtest.Operation(domain, name)
}

// Drained gives what a stream brings as a list and an error, and everything else as it is.
func Drained(out []reflect.Value) []reflect.Value {
	if len(out) != 1 || !out[0].Type().CanSeq2() {
		return out
	}
	var list []any
	var err error
	for item, failure := range out[0].Seq2() {
		if e, ok := failure.Interface().(error); ok && e != nil {
			err = e
			break
		}
		list = append(list, item.Interface())
	}
	return []reflect.Value{reflect.ValueOf(list), reflect.ValueOf(&err).Elem()}
}

// TakesKey tells whether an input takes an idempotency key.
func TakesKey(in reflect.Type) bool {
	if in == nil || in.Kind() != reflect.Struct {
		return false
	}
	_, ok := in.FieldByName("IdempotencyKey")
	return ok
}
