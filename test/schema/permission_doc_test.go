package schema_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/usecase"
)

// docs/permissions.md says which role may do what, as a new tenant has it: by permission, and by use case.
func TestPermissions_AreListed(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	roles, err := env.H.Identity.ListRoles(env.Ctx)
	require.NoError(t, err)
	slices.SortFunc(roles, func(a, b identity.Role) int {
		return cmp.Or(len(b.Permissions)-len(a.Permissions), strings.Compare(a.Name, b.Name))
	})
	var b strings.Builder
	b.WriteString("# Permissions\n\n" +
		"Written by a test from the declarations of the use cases and the roles of a new tenant:\n" +
		"`go test ./test/schema -run TestPermissions_AreListed -update`\n\n" +
		"Roles are the tenant's: it may change these and add its own. Nobody gives a permission that he does not\n" +
		"hold, unless he holds `identity.escalate`. The host's own actor holds every one.\n\n" +
		"`clinical.treat` guards no method: it is asked of the practitioner whom a use case names, see below.\n\n")
	tableOf(&b, "permission", roles)
	for _, p := range hmstype.Permissions() {
		rowOf(&b, "`"+string(p)+"`", p, roles)
	}
	b.WriteString("\n## Role and use case\n\n" +
		"¹ needs another permission beside it for some inputs; the method says which. ² asks of the practitioner\n" +
		"whether he treats. ³ the host's own actor only, whatever a role holds.\n\n")
	tableOf(&b, "use case", roles)
	var proving []string
	for _, info := range usecase.Declared() {
		if info.Proof != "" {
			proving = append(proving, "`"+info.Name+"`")
			continue
		}
		name := "`" + info.Name + "`"
		if info.Also {
			name += " ¹"
		}
		if info.Treats {
			name += " ²"
		}
		if info.HostOnly {
			rowOf(&b, name+" ³", "", roles)
			continue
		}
		rowOf(&b, name, info.Permission, roles)
	}
	b.WriteString("\n" +
		"Without a permission, because the caller proves himself by a token or a password, or because it concerns\n" +
		"his own account only: " + strings.Join(proving, ", ") + ".\n")
	requireUpToDate(t, root+"/docs/permissions.md", b.String())
}

func tableOf(b *strings.Builder, what string, roles []identity.Role) {
	b.WriteString("| " + what + " |")
	for _, r := range roles {
		b.WriteString(" " + r.Name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(roles)) + "\n")
}

func rowOf(b *strings.Builder, what string, needs hmstype.Permission, roles []identity.Role) {
	fmt.Fprintf(b, "| %s |", what)
	for _, r := range roles {
		mark := ""
		if slices.Contains(r.Permissions, needs) {
			mark = "✓"
		}
		b.WriteString(" " + mark + " |")
	}
	b.WriteString("\n")
}
