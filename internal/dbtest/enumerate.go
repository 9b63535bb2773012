package dbtest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chelal/hms/internal/usecase"
)

// succeeded are the use cases that a test of this binary ran with success, and so under the probe.
var succeeded struct {
	mu    sync.Mutex
	names map[string]bool
}

func noteSuccess(op string) {
	succeeded.mu.Lock()
	defer succeeded.mu.Unlock()
	if succeeded.names == nil {
		succeeded.names = map[string]bool{}
	}
	succeeded.names[op] = true
}

// notRun lists the public methods of the package in a folder whose use case no test ran with
// success: none of them may forget its trail unseen, and none may go untested.
func notRun(folder string) ([]string, error) {
	methods, err := useCases(folder)
	if err != nil {
		return nil, err
	}
	succeeded.mu.Lock()
	defer succeeded.mu.Unlock()
	var missing []string
	folder, err = filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	for _, info := range usecase.Declared() {
		if strings.HasPrefix(info.Name, filepath.Base(folder)+".") && !succeeded.names[info.Name] {
			missing = append(missing, fmt.Sprintf("no test runs %s with success", info.Name))
		}
	}
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		for _, op := range methods[method] {
			if !succeeded.names[op] {
				missing = append(missing, fmt.Sprintf("%s: no test runs %s with success", method, op))
			}
		}
	}
	return missing, nil
}

// isWholeRun tells whether all tests of the binary ran, rather than some that somebody chose.
func isWholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// useCases reads a package's source and gives, for each exported method of its services, the
// names of the use cases that it runs. Methods without any (ports, wiring) are left out.
func useCases(folder string) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	p := &packageSource{functions: map[string]*ast.FuncDecl{}, naming: map[string]int{}}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				p.functions[keyOf(f)] = f
			}
		}
	}
	return p.useCases(), nil
}

// keyOf names a function inside its package; a name alone may stand for methods of several types.
func keyOf(f *ast.FuncDecl) string {
	if isOfService(f) || f.Recv == nil {
		return f.Name.Name
	}
	return fmt.Sprintf("%s of another type, at %d", f.Name.Name, f.Pos())
}

func isOfService(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return false
	}
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.Ident)
	return ok && name.Name == "Service"
}

// packageSource is what names use cases in a package: literals of usecase.Op, calls of
// usecase.Base.Alone, and functions that are given the name for either.
type packageSource struct {
	functions map[string]*ast.FuncDecl
	naming    map[string]int // a function's parameter that is the name of a use case
}

func (p *packageSource) useCases() map[string][]string {
	for known := -1; known != len(p.naming); { // until no further function is found
		known = len(p.naming)
		for key, f := range p.functions {
			for _, name := range p.names(f) {
				if ident, ok := name.(*ast.Ident); ok {
					if i := parameter(f, ident.Name); i >= 0 {
						p.naming[key] = i
					}
				}
			}
		}
	}
	methods := map[string][]string{}
	for key, f := range p.functions {
		if !isOfService(f) || !f.Name.IsExported() {
			continue
		}
		ops := map[string]bool{}
		p.collect(key, ops, map[string]bool{})
		if len(ops) > 0 {
			methods[f.Name.Name] = slices.Sorted(maps.Keys(ops))
		}
	}
	return methods
}

// collect adds the use cases that a function runs, by itself or by functions of its package.
func (p *packageSource) collect(key string, ops, seen map[string]bool) {
	f, ok := p.functions[key]
	if !ok || seen[key] {
		return
	}
	seen[key] = true
	for _, name := range p.names(f) {
		if literal, ok := name.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				ops[text] = true
			}
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if callee := p.callee(f, call); callee != "" {
				p.collect(callee, ops, seen)
			}
		}
		return true
	})
}

// callee gives the function of the package that is called: by its name, or on the receiver.
func (p *packageSource) callee(f *ast.FuncDecl, call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		x, ok := fun.X.(*ast.Ident)
		if ok && isOfService(f) && len(f.Recv.List[0].Names) == 1 && x.Name == f.Recv.List[0].Names[0].Name {
			return fun.Sel.Name
		}
	}
	return ""
}

// names gives the expressions in a function that name a use case.
func (p *packageSource) names(f *ast.FuncDecl) []ast.Expr {
	var found []ast.Expr
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if selector, ok := n.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "Op" {
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "Name" {
						found = append(found, kv.Value)
					}
				}
			}
		case *ast.CallExpr:
			if i, ok := p.namingArgument(f, n); ok && i < len(n.Args) {
				found = append(found, n.Args[i])
			}
		}
		return true
	})
	return found
}

func (p *packageSource) namingArgument(f *ast.FuncDecl, call *ast.CallExpr) (int, bool) {
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Alone" {
		return 1, true // of usecase.Base: (ctx, name, fn)
	}
	i, ok := p.naming[p.callee(f, call)]
	return i, ok
}

// parameter gives the position of a function's parameter, -1 where it has none of this name.
func parameter(f *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}
