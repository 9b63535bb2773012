package archtest

import (
	"strings"
	"unicode"
)

const module = "github.com/chelal/hms"

// Domain gives the first element of a package's path inside the module. What a package names by its own
// name (use cases, events, errors' texts) is named by its domain, so that a room that is carved out of one
// keeps the names: "clinical" for clinical/scheduling.
func Domain(path string) string {
	domain, _, _ := strings.Cut(strings.TrimPrefix(path, module+"/"), "/")
	return domain
}

// Operation names the use case of a public method of a package's service: "clinical.book" for Book of
// clinical/scheduling.
func Operation(path, method string) string { return Domain(path) + "." + snake(method) }

// snake writes a Go name in snake case; abbreviations are one word: EndTOTP is end_totp.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(strings.ReplaceAll(name, "WebAuthn", "Webauthn"))
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 &&
			(unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
