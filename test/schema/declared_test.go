package schema_test

import (
	"reflect"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/usecase"
)

// Every declaration's sample passes its input's validation once its ids are filled in: otherwise
// the tests that are fed by the declarations would stop at it. Ids that exclude each other are left
// to those tests (method.Omissions).
func TestSamples_PassValidation(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, info := range usecase.Declared() {
		if info.Sample == nil || len(method.Omissions[methodOf(info.Name)]) > 0 {
			continue
		}
		v, ok := method.Sample(info, info.Input, func(kind reflect.Type) reflect.Value {
			id := uuid.Must(uuid.NewV7())
			made := reflect.New(kind).Elem()
			reflect.Copy(made, reflect.ValueOf(id[:]))
			return made
		}, exclusive[info.Input]...)
		if assert.True(t, ok, info.Name) {
			checked++
			in, isValidator := v.Interface().(usecase.Validator)
			if assert.True(t, isValidator, info.Name) {
				assert.NoError(t, in.Validate(), info.Name)
			}
		}
	}
	assert.Greater(t, checked, 200)
}

// exclusive are ids of which an input takes one alone.
var exclusive = map[reflect.Type][]string{reflect.TypeFor[audit.ListEventsInput](): {"APIKey"}}

// methodOf finds the method of an operation among those that have omissions.
func methodOf(operation string) string {
	for name := range method.Omissions {
		if method.Operation(name) == operation {
			return name
		}
	}
	return ""
}
