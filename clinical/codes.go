package clinical

import (
	"slices"

	"github.com/chelal/hms/hmstype"
)

// codesOf gives the codes that have a value, each once, without their displays, which are never compared.
func codesOf(lists ...[]hmstype.Code) []hmstype.Code {
	out := []hmstype.Code{}
	for _, list := range lists {
		for _, c := range list {
			if c.Display = ""; c.Value != "" && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}
