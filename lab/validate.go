package lab

import (
	"github.com/chelal/hms/hmstype"
)

// reason checks the text that a step back must carry.
func reason(v *hmstype.Validator, text string) { v.Text(text, "reason", 1, 500) }

// checkPage notes what is wrong with a page.
func checkPage(v *hmstype.Validator, page hmstype.Page) {
	v.Nested("", page.Validate())
}
