package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noTables are entities that no table keeps, and what they are.
var noTables = map[string]string{
	"actor":                "who asks, where nobody does",
	"permission":           "a permission of hmstype's catalogue that was missing",
	"separation_of_duties": "a pair of permissions that one person must not use on the same thing",
}

var createTable = regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?hms\.(\w+)`)

// tables gives the names of all tables, without the schema.
func tables(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(root + "/migrate/sql/*.sql")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, path := range files {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, made := range createTable.FindAllStringSubmatch(cutComments(string(body), "--"), -1) {
			names[made[1]] = true
		}
	}
	require.Greater(t, len(names), 50)
	return names
}

// entityArgument is where a function takes the name of an entity.
var entityArgument = map[string]int{
	"Get": 2, "NotFound": 0, "NotFoundIfNoRows": 1, "Check": 0, "errTerminal": 0, "Histories": 0, "ReadHistory": 0,
	"RecordSearch": 1,
}

// entityField is the field by which a struct names an entity.
var entityField = map[string]string{
	"Error": "Entity", "TransitionError": "Entity", "EventType": "Entity", "Access": "Entity",
	"Machine": "Table", "Entity": "Table",
}

// An entity has one name wherever it is told of: in errors, in the trail, in the outbox. It is its
// table's, so that a host may look one up by the other.
func TestEntities_AreNamedAsTheirTables(t *testing.T) {
	t.Parallel()
	known := tables(t)
	found := 0
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for n := range ast.Preorder(s.file) {
			for _, name := range entitiesNamed(n) {
				found++
				_, isNone := noTables[name]
				assert.True(t, known[name] || isNone, "%s: %q is no table", s.at(n), name)
			}
		}
	}
	require.Greater(t, found, 200)
}

// entitiesNamed gives the entities that a call or a literal names by a constant text.
func entitiesNamed(n ast.Node) []string {
	var named []string
	add := func(e ast.Expr) {
		if text, ok := stringOf(e); ok {
			named = append(named, text)
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if at, ok := entityArgument[nameOf(n.Fun)]; ok && at < len(n.Args) {
			add(n.Args[at])
		}
	case *ast.CompositeLit:
		field, ok := entityField[nameOf(n.Type)]
		for _, e := range n.Elts {
			if pair, isPair := e.(*ast.KeyValueExpr); ok && isPair && nameOf(pair.Key) == field {
				add(pair.Value)
			}
		}
	}
	return named
}

// nameOf gives the last name of an expression: "Get" of dbx.Get[userRow]; empty for none.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return nameOf(e.X)
	case *ast.IndexListExpr:
		return nameOf(e.X)
	}
	return ""
}

func stringOf(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
