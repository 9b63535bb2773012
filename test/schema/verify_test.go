package schema_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
)

// Every check of the whole has one form, so that a host runs them all in a loop and prints what
// they find.
func TestVerify_GivesAReport(t *testing.T) {
	t.Parallel()
	services, found := reflect.TypeFor[hms.HMS](), 0
	for i := range services.NumField() {
		service := services.Field(i)
		if !service.IsExported() {
			continue
		}
		for m := range service.Type.NumMethod() {
			method := service.Type.Method(m)
			checksTheWhole := strings.HasPrefix(method.Name, "Verify") && method.Type.NumIn() == 2
			if !checksTheWhole && method.Name != "Verify" {
				continue
			}
			found++
			name := service.Name + "." + method.Name
			require.Equal(t, 2, method.Type.NumIn(), "%s takes a context alone", name)
			require.Equal(t, reflect.TypeFor[context.Context](), method.Type.In(1), name)
			require.Equal(t, 2, method.Type.NumOut(), name)
			require.Equal(t, strings.TrimPrefix(method.Name, "Verify")+"Report", method.Type.Out(0).Name(), name)
			requireReport(t, name, method.Type.Out(0))
		}
	}
	require.GreaterOrEqual(t, found, 6)
}

// requireReport holds a report without a finding, and one that is full of them, against its text.
func requireReport(t *testing.T, name string, kind reflect.Type) {
	t.Helper()
	type report interface {
		fmt.Stringer
		Clean() bool
	}
	empty, ok := reflect.Zero(kind).Interface().(report)
	require.True(t, ok, "%s: its report has Clean and String", name)
	assert.True(t, empty.Clean(), name)
	assert.Regexp(t, `^clean: .+$`, empty.String(), name)
	v := reflect.New(kind).Elem()
	fill(v, 0)
	full := v.Interface().(report)
	assert.False(t, full.Clean(), name)
	assert.Regexp(t, `^NOT CLEAN: [^\n]+(\n  [^\n]+)+$`, full.String(), name)
	assert.NotContains(t, full.String(), "12.25", "%s: an amount is a patient's", name)
}
