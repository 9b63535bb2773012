package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// docs/permissions.md says which role may do what, as a new tenant has it.
func TestPermissions_AreListed(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	roles, err := env.H.Identity.ListRoles(env.Ctx)
	require.NoError(t, err)
	slices.SortFunc(roles, func(a, b identity.Role) int { return len(b.Permissions) - len(a.Permissions) })
	operations := map[hmstype.Permission][]string{}
	for _, op := range hms.Operations() {
		operations[op.Permission] = append(operations[op.Permission], "`"+op.Name+"`")
	}
	var b strings.Builder
	b.WriteString("# Permissions\n\n" +
		"Written by a test from the declarations of the use cases and the roles of a new tenant:\n" +
		"`go test ./test/schema -run TestPermissions_AreListed -update`\n\n" +
		"Roles are the tenant's: it may change these and add its own. Nobody gives a permission that he does not\n" +
		"hold, unless he holds `identity.escalate`. The host's own actor holds every one.\n\n| permission |")
	for _, r := range roles {
		b.WriteString(" " + r.Name + " |")
	}
	b.WriteString(" use cases |\n|---|" + strings.Repeat("---|", len(roles)) + "---|\n")
	for _, p := range hmstype.Permissions() {
		fmt.Fprintf(&b, "| `%s` |", p)
		for _, r := range roles {
			mark := ""
			if slices.Contains(r.Permissions, p) {
				mark = "✓"
			}
			b.WriteString(" " + mark + " |")
		}
		b.WriteString(" " + strings.Join(operations[p], ", ") + " |\n")
	}
	b.WriteString("\n" +
		"Without a permission, because the caller proves himself by a token or a password, or because it concerns\n" +
		"his own account only: " + strings.Join(operations[""], ", ") + ".\n")
	requireUpToDate(t, root+"/docs/permissions.md", b.String())
}
