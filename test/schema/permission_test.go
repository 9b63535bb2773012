package schema_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/usecase"
)

// delegating are the public methods that only call another one of their service, and which.
var delegating = map[string]string{
	"audit.ListEventsOfUser":   "Trail",
	"audit.ListEventsOfObject": "Trail",
	"audit.ExportAccesses":     "AccessReport",
}

// Every public method of every service is called as a user without any role, and must be
// refused before it looks at its input; those that ask for no permission say by what their caller
// proves himself, and refuse who proves nothing.
func TestMethods_NeedAPermission(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	nobody := env.As(t)
	services := reflect.ValueOf(env.H).Elem()
	declared := method.Declared()
	asked, proving := 0, 0
	for i := range services.NumField() {
		if !services.Type().Field(i).IsExported() {
			continue
		}
		service := services.Field(i)
		domain := method.DomainOf(service.Type())
		for m := range service.NumMethod() {
			called := domain + "." + service.Type().Method(m).Name
			if _, ok := method.Undeclared[called]; ok {
				continue
			}
			info, ok := declared[method.Operation(called)]
			if _, passesOn := delegating[called]; !ok && !passesOn {
				t.Errorf("%s has no declaration", called)
			}
			asked++
			if info.Proof != "" {
				proving++
			}
			t.Run(called, func(t *testing.T) {
				t.Parallel()
				require.ErrorIs(t, call(service.Method(m), t.Context()), hmstype.ErrUnauthenticated)
				if info.Proof == "" {
					require.ErrorIs(t, call(service.Method(m), nobody), hmstype.ErrPermissionDenied)
				}
			})
		}
	}
	require.Greater(t, asked, 60)
	require.Positive(t, proving)
}

// The table of roles and use cases is true: somebody of each standard role calls every public method, and
// is refused for his permissions exactly where his role lacks the one that the method declares.
func TestRoles_MayWhatTheTableSays(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	roles, err := env.H.Identity.ListRoles(env.Ctx)
	require.NoError(t, err)
	require.Len(t, roles, 10)
	declared := method.Declared()
	for _, role := range roles {
		t.Run(role.Name, func(t *testing.T) {
			t.Parallel()
			somebody := env.As(t, role.Name)
			allowed := 0
			for _, m := range method.Public(env.H) {
				info, ok := declared[method.Operation(m.Name)]
				if !ok || info.Proof != "" || delegating[m.Name] != "" {
					continue
				}
				err := call(m.Fn, somebody)
				if slices.Contains(role.Permissions, info.Permission) && !info.HostOnly {
					allowed++
					require.NotErrorIs(t, err, hmstype.ErrPermissionDenied, m.Name)
				} else {
					require.ErrorIs(t, err, hmstype.ErrPermissionDenied, m.Name)
				}
			}
			require.Positive(t, allowed)
		})
	}
}

// Only who proves who he is goes without a permission.
func TestProofs_AreOfIdentityOnly(t *testing.T) {
	t.Parallel()
	for _, info := range usecase.Declared() {
		if info.Proof != "" {
			require.True(t, strings.HasPrefix(info.Name, "identity."), info.Name)
		}
	}
}

// call calls a method with a context and otherwise zero arguments, and gives its error.
func call(fn reflect.Value, ctx context.Context) error { //nolint:revive // the method comes first
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < fn.Type().NumIn(); i++ {
		args = append(args, reflect.Zero(fn.Type().In(i)))
	}
	if fn.Type().IsVariadic() {
		args = args[:len(args)-1]
	}
	out := fn.Call(args)
	if last := out[len(out)-1]; last.Kind() == reflect.Func { // a stream gives its error as it is read
		for _, value := range last.Seq2() {
			out = []reflect.Value{value}
		}
	}
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

var permissionUse = regexp.MustCompile(`hmstype\.(Perm\w+)`)

// Every permission of the catalogue guards something, and is held by some standard role.
func TestPermissions_AreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	files, err := filepath.Glob(root + "/*/*.go")
	require.NoError(t, err)
	rooms, err := filepath.Glob(root + "/*/*/*.go")
	require.NoError(t, err)
	files = append(files, rooms...)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == root+"/identity/standard_role.go" ||
			strings.HasPrefix(file, root+"/internal/") || strings.HasPrefix(file, root+"/examples/") {
			continue
		}
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range permissionUse.FindAllStringSubmatch(string(body), -1) {
			used[m[1]] = true
		}
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), root+"/hmstype/permission.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				require.True(t, used[name.Name], "%s guards nothing", name.Name)
			}
		}
		return true
	})
}
