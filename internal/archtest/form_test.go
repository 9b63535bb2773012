package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service's room is a folder that declares a type Service. It has a doc.go and a service.go, the other
// files where it has something for them, and each holds what its name says; the rest is one file per
// thing and per use case.
const (
	serviceFile = "service.go" // Service, Ports, New: nothing else
	errorsFile  = "errors.go"  // sentinels, typed errors, what the database's constraints mean
	eventsFile  = "events.go"  // what goes to the outbox
	portFile    = "port.go"    // what others call inside their transaction, and what is asked of others
	verifyFile  = "verify.go"  // the proof of the whole, in a room that has one
)

// rooms gives the production files of each service's room, by folder.
func rooms(all []source) map[string][]source {
	found := map[string][]source{}
	for _, s := range all {
		if folder := path.Dir(s.path); !s.isTest() && path.Base(s.path) == serviceFile {
			found[folder] = nil
		}
	}
	for _, s := range all {
		if folder := path.Dir(s.path); !s.isTest() {
			if _, ok := found[folder]; ok {
				found[folder] = append(found[folder], s)
			}
		}
	}
	return found
}

// declared gives the names that a file declares at its top, methods as "Type.Method".
func declared(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			names = append(names, strings.TrimPrefix(receiver(d)+"."+d.Name.Name, "."))
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver names the type of a method, without its pointer; empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if index, ok := kind.(*ast.IndexExpr); ok {
		kind = index.X
	}
	return kind.(*ast.Ident).Name
}

var sentinelName = regexp.MustCompile(`^Err[A-Z]`)

// homeOf tells in which file of a room a name must stand; empty where it may stand in any.
func homeOf(name string) string {
	switch {
	case name == "Service", name == "Ports", name == "New", name == "Service.Bind":
		return serviceFile
	case sentinelName.MatchString(name), strings.HasSuffix(name, "Error.Error"), strings.HasSuffix(name, "Error.Unwrap"):
		return errorsFile
	case name == "Port", name == "NewPort", strings.HasPrefix(name, "Port.") && token.IsExported(name[len("Port."):]):
		return portFile
	case name == "Service.Verify":
		return verifyFile
	default:
		return ""
	}
}

// isProof tells the names of the checks of the whole: Verify, or VerifyCalendar where the domain has several.
func isProof(name string) bool { return strings.HasPrefix(name, "Service.Verify") }

func TestRoomsHaveOneForm(t *testing.T) {
	t.Parallel()
	found := rooms(sources(t))
	require.Greater(t, len(found), 10)
	for folder, files := range found {
		stands, proves := map[string]bool{}, false
		for _, s := range files {
			base := path.Base(s.path)
			stands[base] = true
			proves = proves || base == verifyFile && slices.ContainsFunc(declared(s.file), isProof)
			for _, name := range declared(s.file) {
				if home := homeOf(name); home != "" {
					require.Equal(t, home, base, "%s: %s stands in the wrong file", s.path, name)
				}
				require.False(t, base == serviceFile && homeOf(name) != serviceFile && name != "_",
					"%s holds Service, Ports and New only, not %s: a newcomer would not look for it here", s.path, name)
			}
			require.Equal(t, base == eventsFile, strings.Contains(s.body, "dbx.DeclareEvent("),
				"%s: events are declared in %s, and nothing else has that name", s.path, eventsFile)
			for _, call := range []string{"dbx.Declare(", "dbx.DeclareStates("} {
				require.False(
					t, base != errorsFile && strings.Contains(s.body, call), "%s: %s belongs to %s", s.path, call, errorsFile,
				)
			}
		}
		for _, wanted := range []string{"doc.go", serviceFile} {
			require.True(t, stands[wanted], "%s has no %s", folder, wanted)
		}
		require.Equal(t, stands[verifyFile], proves, "%s: %s proves the whole; or there is none", folder, verifyFile)
	}
}

// one are words of the field, or of Go's own files, that are made of two.
var one = []string{"worklist", "turnaround", "sqlstate"}

var fileName = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*\.go$`)

// A file name of several words is written with underscores. Which letters are two words is told by
// the other file names: each of both parts is a word in one of them.
func TestFileNames(t *testing.T) {
	t.Parallel()
	all := sources(t)
	words := map[string]bool{}
	parts := func(s source) []string { return strings.Split(strings.TrimSuffix(path.Base(s.path), ".go"), "_") }
	for _, s := range all {
		for _, word := range parts(s) {
			words[word] = true
		}
	}
	for _, s := range all {
		require.Regexp(t, fileName, path.Base(s.path), s.path)
		for _, word := range parts(s) {
			if word == path.Base(path.Dir(s.path)) {
				continue // after its package, as httptest is
			}
			first, second := twoWords(word, words)
			require.Empty(t, first, "%s: %q reads as %q and %q; write it with an underscore", s.path, word, first, second)
		}
	}
}

// twoWords parts a word into two of the others, of three letters or more.
func twoWords(word string, words map[string]bool) (first, second string) {
	if slices.Contains(one, word) {
		return "", ""
	}
	for i := 3; i+3 <= len(word); i++ {
		if words[word[:i]] && words[word[i:]] {
			return word[:i], word[i:]
		}
	}
	return "", ""
}

func TestTwoWords(t *testing.T) {
	t.Parallel()
	words := map[string]bool{"credit": true, "note": true, "worklist": true, "work": true, "list": true}
	first, second := twoWords("creditnote", words)
	require.Equal(t, []string{"credit", "note"}, []string{first, second})
	for _, word := range []string{"credit", "worklist", "notes"} {
		first, _ := twoWords(word, words)
		require.Empty(t, first, word)
	}
}
