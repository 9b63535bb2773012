package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// readsOwnJSON are functions that decode JSON which nobody outside wrote, or that look at it in another way than by
// hmstype.CheckJSON, and why.
var readsOwnJSON = map[string]string{
	"audit/fields.go Text":                          "what PostgreSQL keeps as jsonb",
	"audit/fields.go sides":                         "what PostgreSQL keeps as jsonb",
	"audit/fields.go isSealed":                      "what PostgreSQL keeps as jsonb",
	"audit/proof/archive.go decode":                 "imports nothing of ours; a line must be what encoding/json writes",
	"examples/httpserver/walk.go do":                "the example's own answer",
	"fhir/patient.go mapPatient":                    "checked by strict, as all records are",
	"fhir/reader.go entry":                          "checked by strict, as all records are",
	"fhir/reader.go name":                           "a member's name, read before the record that is checked",
	"fhir/reader.go memberValue":                    "the kind of the whole, read before the records that are checked",
	"fhir/reader.go typeOf":                         "the kind of a record, read before it is checked",
	"hmstest/isolation/function.go attackFunctions": "what PostgreSQL built",
	"hmstest/isolation/key.go pick":                 "what PostgreSQL built",
	"hmstest/isolation/table.go readTables":         "what PostgreSQL built",
	"hmstest/pgserver/engine.go readJSON":           "a test's container engine",
	"hmstest/pgserver/shared.go findShared":         "a test's own file",
	"hmstype/check_json.go unquoted":                "is part of the check",
	"identity/api_key.go authenticateKey":           "what PostgreSQL keeps as jsonb",
	"identity/user.go loadUsers":                    "what PostgreSQL built",
	"tenant/readable.go ofEvent":                    "what PostgreSQL keeps as json",
	"tenant/readable.go openEvent":                  "what PostgreSQL keeps as json",
	"tenant/readable.go open":                       "what PostgreSQL keeps as json",
}

// JSON from outside is checked before it is decoded: encoding/json takes a member that is given twice, and half of a
// surrogate pair, without a word.
func TestJSON_IsCheckedBeforeItIsDecoded(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			var calls []string
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok {
						calls = append(calls, x.Name+"."+sel.Sel.Name)
					}
				}
				return true
			})
			if !slices.Contains(calls, "json.Unmarshal") && !slices.Contains(calls, "json.NewDecoder") {
				continue
			}
			where := s.path + " " + f.Name.Name
			if _, ok := readsOwnJSON[where]; ok {
				used[where] = true
				continue
			}
			assert.Contains(t, calls, "hmstype.CheckJSON", "%s decodes JSON that was not looked at", where)
		}
	}
	for where := range readsOwnJSON {
		assert.True(t, used[where], "%s decodes no JSON", where)
	}
}
