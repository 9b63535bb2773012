package archtest

import (
	"go/ast"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tellsTrail are the methods by which the mechanism learns of whom an error told, and records it.
var tellsTrail = []string{"MatchedPatients", "RefusedPatient"}

// An error that names a patient tells whoever gets it that he is one here: it says so to the trail.
func TestErrors_ThatNameAPatientTellTheTrail(t *testing.T) {
	t.Parallel()
	named, told := map[string]string{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() || strings.HasPrefix(s.path, "internal/") {
			continue
		}
		folder := filepath.Dir(s.path)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if fields, ok := n.Type.(*ast.StructType); ok && strings.HasSuffix(n.Name.Name, "Error") && hasPatient(fields) {
					named[folder+"."+n.Name.Name] = s.at(n)
				}
			case *ast.FuncDecl:
				for _, name := range tellsTrail {
					if n.Recv == nil || n.Name.Name != name {
						continue
					}
					receiver := n.Recv.List[0].Type
					if pointer, ok := receiver.(*ast.StarExpr); ok {
						receiver = pointer.X
					}
					told[folder+"."+nameOf(receiver)] = true
				}
			}
			return true
		})
	}
	require.GreaterOrEqual(t, len(named), 3)
	for name, at := range named {
		require.True(t, told[name], "%s: %s names a patient and has none of %v", at, name, tellsTrail)
	}
}

func hasPatient(fields *ast.StructType) bool {
	for _, f := range fields.Fields.List {
		kind := f.Type
		if list, ok := kind.(*ast.ArrayType); ok {
			kind = list.Elt
		}
		if nameOf(kind) == "PatientID" {
			return true
		}
	}
	return false
}
