package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayAuthorize are the functions that call an Authorizer, and why.
var mayAuthorize = map[string]string{
	"internal/usecase/usecase.go authorize": "the gate: after the scopes of a key, which no Authorizer widens",
}

// isAuthorizer are the methods that are an Authorizer, and why.
var isAuthorizer = map[string]string{
	"identity/authorize.go Service.Authorize":    "the library's own, which asks the actor's roles",
	"hmstype/permission.go Authorizer.Authorize": "the port, which a host may fill in",
}

// gateBreaches gives the functions of a file that use something named Authorize: to call it, or to hand it on,
// is to pass the gate by.
func gateBreaches(s source) (uses, definitions []string) {
	for _, declaration := range s.file.Decls {
		where := ""
		if f, ok := declaration.(*ast.FuncDecl); ok {
			where = f.Name.Name
			if f.Name.Name == "Authorize" {
				definitions = append(definitions, s.path+" "+receiverName(f)+".Authorize")
			}
		}
		ast.Inspect(declaration, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if n.Sel.Name == "Authorize" {
					uses = append(uses, s.path+" "+where)
				}
			case *ast.TypeSpec:
				port, ok := n.Type.(*ast.InterfaceType)
				if !ok {
					return true
				}
				for _, method := range port.Methods.List {
					if len(method.Names) == 1 && method.Names[0].Name == "Authorize" {
						definitions = append(definitions, s.path+" "+n.Name.Name+".Authorize")
					}
				}
			}
			return true
		})
	}
	return uses, definitions
}

func receiverName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	return typeText(kind)
}

// Who may do what is asked at one place, and by nobody else: what asks an Authorizer itself forgets the scopes of
// a key, and the refusal on the trail. HMS.Require and HMS.Allows go through the gate as well.
func TestGateIsTheOnlyWayToTheAuthorizer(t *testing.T) {
	t.Parallel()
	used, defined := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() || strings.HasPrefix(s.path, "examples/") {
			continue
		}
		uses, definitions := gateBreaches(s)
		for _, use := range uses {
			used[use] = true
			require.NotEmpty(t, mayAuthorize[use], "%s asks the Authorizer: ask usecase.Base.Require or Allows", use)
		}
		for _, definition := range definitions {
			defined[definition] = true
			require.NotEmpty(t, isAuthorizer[definition], "%s is an Authorizer of its own", definition)
		}
	}
	require.Len(t, used, len(mayAuthorize), "mayAuthorize lists what is no more")
	require.Len(t, defined, len(isAuthorizer), "isAuthorizer lists what is no more")
}

// The test sees what it is to find: a call, the method handed on, one behind a local name, a second Authorizer.
func TestGateBreaches(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][2]int{
		"func f(b Base) { b.Authorizer.Authorize(nil, a, p) }":                   {1, 0},
		"func f(s *identity.Service) error { return s.Authorize(ctx, a, p) }":    {1, 0},
		"func f(b Base) { ask := b.Authorizer.Authorize; ask(nil, a, p) }":       {1, 0},
		"var ask = (hmstype.Authorizer).Authorize":                               {1, 0},
		"func f(b Base) { func() { b.Authorizer.Authorize(nil, a, p) }() }":      {1, 0},
		"type lax struct{}\nfunc (lax) Authorize() error { return nil }":         {0, 1},
		"type asker interface { Authorize() error }":                             {0, 1},
		"func f(b Base) error { return b.Require(ctx, name, p) } // Authorize()": {0, 0},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+body, 0)
		require.NoError(t, err)
		uses, definitions := gateBreaches(source{path: "x.go", file: file})
		require.Equal(t, want, [2]int{len(uses), len(definitions)}, body)
	}
}
