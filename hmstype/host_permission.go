package hmstype

import (
	"fmt"
	"regexp"
	"strings"
)

// The bounds of a host's own permissions.
const (
	maxHostPermissions     = 200
	maxPermissionLength    = 60
	maxDescriptionOfAction = 200
)

// HostPermission is a permission of the host's own program, which roles and API keys hold like the library's:
// the right to look at images, say, where the library knows of none. It belongs to the HMS that was made with it.
type HostPermission struct {
	// Name has the form "area.action", such as "radiology.read": each a lower-case letter, then lower-case
	// letters, digits and underscores; up to 60 characters. The area is none of the library's.
	Name Permission `json:"name"`
	// Description says what it allows, for whoever gives it; required, up to 200 characters.
	Description string `json:"description"`
}

var hostPermissionForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)

// IsHostForm tells whether the name may be one of a host's own permission: it has the form of
// [HostPermission.Name], in an area that is none of the library's. Whether a host has declared it, it does not tell.
func (p Permission) IsHostForm() bool {
	return len(p) <= maxPermissionLength && hostPermissionForm.MatchString(string(p)) && !libraryAreas[p.area()]
}

// area is the word before the dot.
func (p Permission) area() string {
	area, _, _ := strings.Cut(string(p), ".")
	return area
}

// libraryAreas are those of the catalogue, and two that it may need.
var libraryAreas = func() map[string]bool {
	areas := map[string]bool{"hms": true, "fhir": true}
	for _, p := range Permissions() {
		areas[p.area()] = true
	}
	return areas
}()

// CheckHostPermissions notes what of a host's own permissions breaks a rule of [HostPermission], or repeats another;
// they are at most 200.
func CheckHostPermissions(v *Validator, path string, permissions []HostPermission) {
	v.Check(len(permissions) <= maxHostPermissions, path, fmt.Sprintf("must be at most %d", maxHostPermissions))
	seen := map[Permission]bool{}
	for i, p := range permissions[:min(len(permissions), maxHostPermissions)] {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.Check(p.Name.IsHostForm(), at+".name", "must be area.action in lower case, in no area of the library's")
		v.Check(!seen[p.Name], at+".name", "must not repeat another")
		v.Text(p.Description, at+".description", 1, maxDescriptionOfAction)
		seen[p.Name] = true
	}
}
