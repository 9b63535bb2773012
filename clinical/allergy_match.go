package clinical

import (
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

// matches tells whether a medicine is what the allergy is to, by names and codes alone: a code of it is the
// allergy's, or a name of the one stands in one of the other, word by word.
func (r allergyRow) matches(codes []hmstype.Code, called []string) bool {
	return slices.ContainsFunc(codes, func(c hmstype.Code) bool { return isSameCode(c, r.Substance) }) ||
		slices.ContainsFunc(called, func(name string) bool {
			key := names.SubstanceKey(name)
			return names.ContainsWords(key, r.SubstanceKey) || names.ContainsWords(r.SubstanceKey, key)
		})
}

// isSameCode tells whether two codes are one, however they are typed: a code in small letters must not hide an allergy.
func isSameCode(a, b hmstype.Code) bool {
	code := names.CodeKey(a.Value)
	return code != "" && code == names.CodeKey(b.Value) && names.CodeKey(a.System) == names.CodeKey(b.System)
}
