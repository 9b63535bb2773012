package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated documents anew")

// requireDocument holds a generated document against the file, or writes it.
func requireDocument(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join(root, "docs", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o600))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "docs/%s is generated: go test ./internal/archtest -update", name)
}

// sentinel is an exported error that a host compares with errors.Is.
type sentinel struct {
	pkg, name string   // such as "clinical" and "ErrSlotTaken"
	folder    string   // of its package
	doc       string   // what it means
	value     ast.Expr // what it is made of
}

// sentinels gives every exported error of every package, by "package.Name".
func sentinels(all []source) map[string]sentinel {
	found := map[string]sentinel{}
	for _, s := range all {
		if s.isTest() || strings.HasPrefix(s.path, "examples/") {
			continue
		}
		for _, d := range s.file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Err") {
					continue
				}
				doc := v.Doc.Text()
				if doc == "" && !group.Lparen.IsValid() {
					doc = group.Doc.Text()
				}
				e := sentinel{
					pkg: s.file.Name.Name, name: v.Names[0].Name, folder: filepath.Dir(s.path), doc: doc, value: v.Values[0],
				}
				found[e.pkg+"."+e.name] = e
			}
		}
	}
	return found
}

// kindOf follows what an error wraps, to its kind; "internal" for an error of none.
func kindOf(all map[string]sentinel, kinds map[string]string, key string) string {
	if kind, ok := kinds[key]; ok {
		return kind
	}
	e := all[key]
	var wrapped ast.Expr
	switch value := e.value.(type) {
	case *ast.SelectorExpr, *ast.Ident:
		wrapped = value
	case *ast.CallExpr:
		switch name := nameOf(value.Fun); {
		case name == "Invalid":
			return "invalid"
		case name == "Errorf" && len(value.Args) > 1:
			wrapped = value.Args[1]
		}
	}
	switch w := wrapped.(type) {
	case *ast.Ident:
		return kindOf(all, kinds, e.pkg+"."+w.Name)
	case *ast.SelectorExpr:
		return kindOf(all, kinds, nameOf(w.X)+"."+w.Sel.Name)
	}
	return "internal"
}

// Errors are part of the API: which there are, of what kind, and what they mean, in one place.
func TestErrors_AreCatalogued(t *testing.T) {
	t.Parallel()
	sources := sources(t)
	all := sentinels(sources)
	kinds, table := errorKinds(t, sources, all)
	var b strings.Builder
	b.WriteString("# Errors\n\nGenerated from the source by `go test ./internal/archtest -update`.\n\n" +
		"Every error that a service returns is of one kind: `errors.Is(err, hms.ErrNotFound)`, or `hms.KindOf(err)`.\n" +
		"What is of no kind is internal: a defect, or a server that is broken. No text holds a patient's data.\n\n" + table)
	folders := map[string][]sentinel{}
	for key, e := range all {
		_, isKind := kinds[key]
		isAlias := e.folder == "." && !strings.Contains(fmt.Sprintf("%T", e.value), "Call") && e.doc == ""
		if isKind || isAlias || strings.HasPrefix(e.folder, "internal") {
			continue
		}
		folders[e.folder] = append(folders[e.folder], e)
	}
	require.Greater(t, len(folders), 10)
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		list := folders[folder]
		slices.SortFunc(list, func(a, b sentinel) int { return strings.Compare(a.name, b.name) })
		fmt.Fprintf(&b, "\n## %s\n\n| error | kind | meaning |\n|---|---|---|\n", strings.Replace(folder, ".", "hms", 1))
		for _, e := range list {
			require.NotEmpty(t, e.doc, "%s.%s has no comment of its own", e.pkg, e.name)
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.name, kindOf(all, kinds, e.pkg+"."+e.name), sentence(e.name, e.doc))
		}
	}
	requireDocument(t, "errors.md", b.String())
}

// sentence makes of a comment what stands in a cell: without the name, on one line.
func sentence(name, doc string) string {
	text := strings.Join(strings.Fields(doc), " ")
	text = strings.TrimLeft(strings.TrimPrefix(text, name), ": ")
	return strings.NewReplacer("|", "\\|", "[", "`", "]", "`").Replace(text)
}

// errorKinds gives the kinds by their error, and the table of them.
func errorKinds(t *testing.T, all []source, errs map[string]sentinel) (kinds map[string]string, table string) {
	t.Helper()
	kinds, statuses := map[string]string{}, map[string]string{}
	for _, s := range all {
		if s.path != "hmstype/errors.go" {
			continue
		}
		for n := range ast.Preorder(s.file) {
			v, ok := n.(*ast.ValueSpec)
			if !ok || nameOf(v.Type) != "Kind" || len(v.Values) != 1 {
				continue
			}
			value, _ := stringOf(v.Values[0])
			statuses[value] = strings.TrimSpace(v.Comment.Text())
			key := "hmstype.Err" + strings.TrimPrefix(v.Names[0].Name, "Kind")
			if _, ok := errs[key]; ok {
				kinds[key] = value
			}
		}
	}
	require.Len(t, kinds, 8)
	table = "| kind | HTTP | error | meaning |\n|---|---|---|---|\n"
	for _, key := range slices.Sorted(maps.Keys(kinds)) {
		e := errs[key]
		table += fmt.Sprintf(
			"| `%s` | %s | `hms.%s` | %s |\n", kinds[key], statuses[kinds[key]], e.name, sentence(e.name, e.doc),
		)
	}
	return kinds, table + fmt.Sprintf("| `internal` | %s | none | anything else |\n", statuses["internal"])
}
