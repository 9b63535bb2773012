package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ceilings of the house.
const (
	maxFileLines     = 510
	maxFunctionLines = 80
	maxNameLength    = 50
)

const root = "../.."

type source struct {
	path string // inside the module
	body string
	set  *token.FileSet
	file *ast.File
}

func (s source) isTest() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "hmstest/") ||
		strings.HasPrefix(s.path, "internal/dbtest/") || strings.HasPrefix(s.path, "internal/day/") ||
		strings.HasPrefix(s.path, "billing/charge/chargetest/")
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(n.Pos()).Line)
}

// sources reads every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			if entry != nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, body, parser.ParseComments)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, path)
		all = append(all, source{path: filepath.ToSlash(inside), body: string(body), set: set, file: file})
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 50)
	return all
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		require.LessOrEqual(
			t, strings.Count(s.body, "\n"), maxFileLines, "%s is too long: part it by what it is about", s.path,
		)
		ast.Inspect(s.file, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok {
				lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line
				require.LessOrEqual(t, lines, maxFunctionLines, "%s: %s is too long", s.at(f), f.Name.Name)
			}
			return true
		})
	}
}

func TestExportsAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		folder := filepath.Dir(s.path)
		documented[folder] = documented[folder] || s.file.Doc != nil || s.isTest()
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		for _, declaration := range s.file.Decls {
			for _, missing := range undocumented(declaration) {
				require.Fail(t, "no comment", "%s: %s", s.at(declaration), missing)
			}
		}
	}
	for folder, ok := range documented {
		require.True(t, ok, "package %s has no comment: say what it owns and what it does not", folder)
	}
}

// undocumented gives the exported names of a declaration that have no comment.
func undocumented(declaration ast.Decl) []string {
	var missing []string
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			missing = append(missing, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				missing = append(missing, ts.Name.Name)
			}
			if vs, ok := spec.(*ast.ValueSpec); ok && d.Doc == nil && vs.Doc == nil && vs.Comment == nil {
				for _, n := range vs.Names {
					if n.IsExported() {
						missing = append(missing, n.Name)
					}
				}
			}
		}
	}
	return missing
}

// exportedReceiver tells whether a method can be seen from outside at all.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if index, ok := kind.(*ast.IndexExpr); ok {
		kind = index.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}

// bans are words that stand only in their room.
var bans = []struct {
	what  *regexp.Regexp
	where func(source) bool // where it may stand
	mend  string
}{
	{
		regexp.MustCompile(`\btime\.Now\b`), func(s source) bool {
			// a duration
			return s.isTest() || s.path == "config.go" || s.path == "doc.go" || s.path == "internal/usecase/observe.go" ||
				s.path == "outbox/relay.go" || // how much of a lease has passed
				s.path == "internal/dbx/context_key.go" || // until when a signature holds, by the database's clock
				strings.HasPrefix(s.path, "examples/")
		}, "the clock is Config.Now, read once per operation: db.Now",
	},
	{
		regexp.MustCompile(`\.(RunInTx|BeginTx)\(`), func(s source) bool {
			return s.isTest() || strings.HasPrefix(s.path, "internal/dbx/")
		}, "only internal/dbx begins transactions",
	},
	{
		regexp.MustCompile(`\bnet\.Listen|\bListenAndServe|\bListenConfig\b`), func(s source) bool {
			return s.isTest() || strings.HasPrefix(s.path, "examples/")
		}, "the library opens no port",
	},
	{
		regexp.MustCompile(`\bfloat(32|64)\b`), func(s source) bool {
			return s.isTest() || !(strings.HasPrefix(s.path, "pharmacy/") || strings.HasPrefix(s.path, "billing/"))
		}, "money and stock are exact: decimal or int64",
	},
	{
		regexp.MustCompile(`\bt\.Skip(f)?\([^)]`), func(s source) bool {
			return !s.isTest() || strings.HasPrefix(
				s.path, "hmstest/pgserver/",
			) || strings.Contains(s.body, "SharedData") || strings.Contains(s.body, "rapid.T") ||
				strings.HasPrefix(s.path, "internal/archtest/") ||
				s.path == "test/fault/pgbouncer_test.go" || // in CI it fails instead
				s.path == "test/fault/backup_test.go" || // only where the server came without pg_dump, as an embedded one
				s.path == "test/fault/restore_drill_test.go" // the same, of pg_basebackup
		}, "a test that does not run proves nothing",
	},
	{
		regexp.MustCompile(`(?m)^\s*go func`), func(s source) bool {
			return s.isTest() || strings.HasPrefix(s.path, "examples/")
		}, "the library starts no goroutine",
	},
}

func TestBans(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, "internal/archtest/") {
			continue
		}
		for _, ban := range bans {
			if !ban.where(s) {
				found := ban.what.FindString(withoutComments(s))
				require.Empty(t, strings.TrimSpace(found), "%s: %s", s.path, ban.mend)
			}
		}
	}
}

// withoutComments leaves out line comments, which may speak of what is banned.
func withoutComments(s source) string {
	var kept strings.Builder
	for line := range strings.Lines(s.body) {
		if !strings.HasPrefix(strings.TrimSpace(line), "//") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// calledByHMS are constructors, and what is the installation's and no tenant's: hms.go calls them, and a host
// calls HMS.
var calledByHMS = []string{"New", "NewPort", "Bind", "ListTenants", "ArchiveMonth"}

// An exported signature of a public package names no internal type, for a host could not
// write it down; what hms.go alone calls is the exception.
func TestNoInternalTypesInSignatures(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.isTest() || strings.HasPrefix(s.path, "internal/") {
			continue
		}
		for _, declaration := range s.file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || !exportedReceiver(f) || slices.Contains(calledByHMS, f.Name.Name) {
				continue
			}
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok {
						require.NotContains(t, []string{"dbx", "usecase", "dbtest"}, pkg.Name, "%s: %s", s.at(f), f.Name.Name)
					}
				}
				return true
			})
		}
	}
}

// What a distributed PostgreSQL, or row-level security, would not stand in a migration.
var sqlBans = map[string]*regexp.Regexp{
	"rows come by VALUES: INSERT ... SELECT becomes COPY": regexp.MustCompile(
		`(?is)INSERT\s+INTO\s+[\w.]+\s*(\([^)]*\))?\s*SELECT\b`,
	),
	"numbers come from counter rows, ids from Go": regexp.MustCompile(
		`(?i)\b(SERIAL|BIGSERIAL|CREATE SEQUENCE|GENERATED \w+( \w+)? AS IDENTITY)\b`,
	),
	"a status is text with a CHECK": regexp.MustCompile(`(?i)AS\s+ENUM`),
	"the trigger's own name carries a shard number: use TG_ARGV": regexp.MustCompile(
		`\bTG_(TABLE_NAME|RELNAME)\b[^,)]*[;=]`,
	),
	"locks are rows: an advisory lock lives on one node": regexp.MustCompile(`(?i)pg_(try_)?advisory`),
	"no notifications in the core":                       regexp.MustCompile(`(?i)\b(LISTEN|NOTIFY|pg_notify)\b`),
	"no temporary tables":                                regexp.MustCompile(`(?i)CREATE\s+(LOCAL\s+)?TEMP`),
	"a deferred failure comes as a failed COMMIT":        regexp.MustCompile(`(?i)\bDEFERRABLE\b`),
}

var sqlName = regexp.MustCompile(
	`(?i)(?:CONSTRAINT|CREATE (?:UNIQUE )?INDEX|CREATE TABLE|CREATE OR REPLACE FUNCTION) (?:hms\.)?(\w+)`,
)

func TestMigrations(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"sql/*.sql", "routine/*/*.sql"} {
		some, err := filepath.Glob(root + "/migrate/" + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, some)
		files = append(files, some...)
	}
	for _, path := range files {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		var code strings.Builder
		for line := range strings.Lines(string(body)) {
			statement, _, _ := strings.Cut(line, "--")
			code.WriteString(statement + "\n")
		}
		for mend, ban := range sqlBans {
			require.Empty(t, ban.FindString(code.String()), "%s: %s", path, mend)
		}
		for _, m := range sqlName.FindAllStringSubmatch(code.String(), -1) {
			require.LessOrEqual(t, len(m[1]), maxNameLength, "%s: %s", path, m[1])
		}
	}
}

// An example that no test runs may be wrong without anybody knowing.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, declaration := range s.file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Example") || !strings.HasSuffix(s.path, "_test.go") {
				continue
			}
			require.True(t, slices.ContainsFunc(s.file.Comments, func(c *ast.CommentGroup) bool {
				return f.Body.Pos() < c.Pos() && c.End() < f.Body.End() && strings.HasPrefix(c.Text(), "Output:")
			}), "%s: %s has no Output, so go test does not run it", s.at(f), f.Name.Name)
		}
	}
}
