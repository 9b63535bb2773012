package schema_test

import (
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
)

// A hook gets what the caller gave and what he will get, in types that a host can name.
func TestOperations_HaveTypesThatHostsCanName(t *testing.T) {
	t.Parallel()
	operations := hms.Operations()
	require.Greater(t, len(operations), 250)
	for i, op := range operations {
		assert.Contains(t, op.Name, ".")
		if i > 0 {
			assert.Less(t, operations[i-1].Name, op.Name)
		}
		for _, kind := range []reflect.Type{op.Input, op.Result} {
			assert.True(t, canBeNamed(kind), "%s: %v", op.Name, kind)
		}
	}
}

func canBeNamed(kind reflect.Type) bool {
	switch {
	case kind == nil:
		return true
	case kind.Kind() == reflect.Slice && kind.Name() == "":
		return canBeNamed(kind.Elem())
	default:
		name, _, _ := strings.Cut(kind.Name(), "[")
		return kind.PkgPath() == "" || token.IsExported(name) && !strings.Contains(kind.PkgPath(), "/internal")
	}
}
