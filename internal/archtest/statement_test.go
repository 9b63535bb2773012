package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sqlText tells a piece of a statement from other text.
var sqlText = regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|WHERE|VALUES|GROUP BY|ORDER BY|` +
	`HAVING|JOIN|SAVEPOINT|SET (LOCAL|ROLE)|LIMIT|AND|EXISTS|RETURNING|TABLE|RAISE)\b|\bhms\.`)

// mayBeSQL are the pieces of statements that are no constants, by folder and expression, and why they hold
// nothing that anybody entered. Values are parameters.
var mayBeSQL = map[string]string{
	"audit column":                                      "a list's own columns",
	"audit/sealed a.part":                               "a table of pg_class, quoted by the server's %I",
	"audit/sealed sel.condition":                        "one of two constants",
	"billing account":                                   "a code of the ledger's chart: a constant of ours",
	"billing p.query":                                   "the proofs, which are constants",
	"billing shares":                                    "a condition of a proof's: a constant",
	"identity table":                                    "the users' or the sources' counter: a constant",
	"internal/dbx around":                               "a savepoint's, which nobody can guess",
	"internal/dbx column":                               "the caller's constant, and an identifier in quotes",
	"internal/dbx h.savepoint()":                        "a constant and a depth",
	"internal/dbx history":                              "the constant above it, for one of our tables",
	"internal/dbx id":                                   "a list's own column",
	"internal/dbx quoteLiteral(value)":                  "SET takes no parameters: quoted, escaped and fuzzed",
	"internal/dbx name":                                 "a savepoint's: a constant and a depth",
	"internal/dbx o.At":                                 "a list's own column",
	"internal/dbx quoteRole(before.role)":               "SET ROLE takes no parameters: what the server gave, in quotes",
	"internal/dbx role":                                 "SET ROLE takes no parameters: one of our constants",
	"internal/dbx table":                                "one of our tables: a constant of its Machine",
	"internal/fieldcrypt c.Name":                        "of a declared column: constants of ours",
	"internal/fieldcrypt c.Row":                         "of a declared column: constants of ours",
	"internal/fieldcrypt c.Subject":                     "of a declared column: constants of ours",
	"internal/fieldcrypt c.Table":                       "of a declared column: constants of ours",
	"internal/fieldcrypt c.isClear()":                   "of a declared column: constants of ours",
	"internal/fieldcrypt c.outdated(keys, \"$2\")":      "of a declared column: constants of ours",
	"internal/fieldcrypt column.Index":                  "of a declared column: constants of ours",
	"internal/fieldcrypt column.Subject":                "of a declared column: constants of ours",
	"internal/fieldcrypt column.isClear()":              "of a declared column: constants of ours",
	"internal/fieldcrypt condition":                     "of a declared column: constants of ours",
	"internal/fieldcrypt column.Table":                  "of a declared column: constants of ours",
	"internal/fieldcrypt column.outdated(keys, \"$2\")": "of a declared column: constants of ours",
	"internal/fieldcrypt current":                       "of a declared column: constants of ours",
	"internal/fieldcrypt set":                           "of a declared column: constants of ours",
	"tenant by":                                         "names of the catalogue, in quotes",
	"tenant child":                                      "a name of the catalogue, in quotes",
	"tenant names":                                      "names of the catalogue, in quotes",
	"tenant parent":                                     "a name of the catalogue, in quotes",
	"tenant strings.Join(free, \"\")":                   "constants and names of the catalogue, in quotes",
	"tenant strings.Join(list, \", \")":                 "names of the catalogue, in quotes",
	"tenant t.sql()":                                    "a name of the catalogue, in quotes",
	"tenant w.table.sql()":                              "a name of the catalogue, in quotes",
	"tenant what":                                       "names of the catalogue, in quotes",
	"internal/fieldcrypt where":                         "of a declared column: constants of ours",
}

// mayBuildSQL are the folders whose statements take no parameters, and why.
var mayBuildSQL = map[string]string{
	"migrate": "DDL takes none; what is put in are our own files, their names and their checksums",
}

// sqlPieces gives the pieces of statements in a file that are neither literals nor constants.
func sqlPieces(s source, isConstant map[string]bool) []string {
	var found []string
	add := func(pieces ...ast.Expr) {
		for _, e := range pieces {
			if id, ok := e.(*ast.Ident); ok && isConstant[id.Name] {
				continue
			}
			if _, ok := e.(*ast.BasicLit); !ok {
				found = append(found, types.ExprString(e))
			}
		}
	}
	inner := map[ast.Expr]bool{} // parts of a sum that was looked at
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if pieces := summands(n, inner); n.Op == token.ADD && !inner[n] && slices.ContainsFunc(pieces, isSQL) {
				add(pieces...)
			}
		case *ast.AssignStmt:
			if n.Tok == token.ADD_ASSIGN && isSQL(n.Rhs[0]) {
				add(n.Rhs...)
			}
		case *ast.CallExpr:
			add(builtByCall(n)...)
		}
		return true
	})
	return found
}

// summands gives the operands of a sum, and notes the sums within it.
func summands(e ast.Expr, inner map[ast.Expr]bool) []ast.Expr {
	sum, ok := e.(*ast.BinaryExpr)
	if !ok || sum.Op != token.ADD {
		return []ast.Expr{e}
	}
	for _, side := range []ast.Expr{sum.X, sum.Y} {
		if _, ok := side.(*ast.BinaryExpr); ok {
			inner[side] = true
		}
	}
	return append(summands(sum.X, inner), summands(sum.Y, inner)...)
}

func isSQL(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING && sqlText.MatchString(lit.Value)
}

// builtByCall gives what a call makes SQL of: by a format, or past Bun's quoting.
func builtByCall(call *ast.CallExpr) []ast.Expr {
	name := types.ExprString(call.Fun)
	switch {
	case strings.HasPrefix(name, "fmt.") && len(call.Args) > 1 && strings.HasSuffix(name, "f"):
		if format := slices.IndexFunc(call.Args, isSQL); format >= 0 && name != "fmt.Errorf" {
			return call.Args[format+1:]
		}
	case strings.HasPrefix(name, "strings.Replace") && slices.ContainsFunc(call.Args, isSQL):
		return call.Args
	case slices.Contains([]string{
		"bun.Safe", "bun.Ident", "bun.Name", "schema.Safe", "schema.Ident", "bun.SafeQuery", "schema.SafeQuery",
		"schema.UnsafeIdent", "bun.In", "bun.List", "bun.Tuple",
	}, name):
		return call.Args
	}
	return nil
}

// constants gives the names of the constants that a file declares.
func constants(file *ast.File) []string {
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, spec := range d.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range value.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
		return true
	})
	return names
}

// A statement's text is put together from literals and constants: a value in it would be seen by whoever sees
// statements, would be SQL where its quoting fails, and would make a text of its own that nothing is prepared for.
func TestStatements_HoldNoValues(t *testing.T) {
	t.Parallel()
	all, constantsOf := sources(t), map[string]map[string]bool{}
	for _, s := range all {
		folder := path.Dir(s.path)
		if constantsOf[folder] == nil {
			constantsOf[folder] = map[string]bool{}
		}
		for _, name := range constants(s.file) {
			constantsOf[folder][name] = true
		}
	}
	used := map[string]bool{}
	for _, s := range all {
		folder := path.Dir(s.path)
		if s.isTest() || strings.HasPrefix(s.path, "examples/") || strings.HasPrefix(s.path, "test/") {
			continue
		}
		if _, ok := mayBuildSQL[folder]; ok {
			continue
		}
		for _, piece := range sqlPieces(s, constantsOf[folder]) {
			key := folder + " " + piece
			used[key] = true
			assert.Contains(t, mayBeSQL, key, "%s: a value is a parameter; no list, but dbx.Array", s.path)
		}
	}
	for key := range mayBeSQL {
		assert.True(t, used[key], "%s is in no statement any more", key)
	}
}

func TestSQLPieces(t *testing.T) {
	t.Parallel()
	const code = `package p
const table = "bed"
func f() {
	_ = "SELECT 1 FROM hms." + table + " WHERE id = '" + id + "'"
	_ = fmt.Sprintf("SELECT %s", name)
	_ = fmt.Errorf("FROM %w", err)
	query += " AND x = " + y
	_ = bun.Safe(z)
	_ = bun.Safe("DESC")
	_ = "plain " + text
}`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", code, 0)
	require.NoError(t, err)
	found := sqlPieces(source{file: file, set: set}, map[string]bool{"table": true})
	require.Equal(t, []string{"id", "name", "y", "z"}, found)
}
