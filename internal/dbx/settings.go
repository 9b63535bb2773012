package dbx

import (
	"context"
	"strings"

	"github.com/chelal/hms/hmstype"
)

// AppRole is the role that the library switches to in every transaction: it owns
// nothing and cannot bypass row-level security, whatever the host connects as.
const AppRole = "hms_app"

// settings are the transaction-local values that row-level security and the audit
// triggers read.
type settings struct {
	tenant, actor, request, purpose, operation, restricted string
}

type restrictedKey struct{}

// SeesRestricted says that the actor may see the data of patients whose record is
// restricted. Without it the database refuses to record, and so to allow, such a read.
func SeesRestricted(ctx context.Context) context.Context {
	return context.WithValue(ctx, restrictedKey{}, "yes")
}

func settingsOf(ctx context.Context, actor hmstype.Actor, op string) settings {
	restricted, _ := ctx.Value(restrictedKey{}).(string)
	return settings{
		tenant:    actor.Tenant.String(),
		actor:     actorText(actor),
		request:   actor.RequestID,
		purpose:   string(actor.Purpose),
		operation: op,

		restricted: restricted,
	}
}

// actorText is how the trail names an actor: "human:<id>", "service:<id>", "system:<name>".
func actorText(a hmstype.Actor) string {
	if a.Kind == hmstype.ActorSystem {
		return string(a.Kind) + ":" + a.Name
	}
	return string(a.Kind) + ":" + a.User.String()
}

// statements gives one SET LOCAL per setting. They travel as messages of their own,
// pipelined: inside one text of several statements, or as set_config(), a distributed
// PostgreSQL (Citus) would not carry them to its workers.
func (s settings) statements() ([]string, error) {
	pairs := [][2]string{
		{"hms.tenant", s.tenant}, {"hms.actor", s.actor}, {"hms.request_id", s.request},
		{"hms.purpose", s.purpose}, {"hms.operation", s.operation},
		{"hms.restricted", s.restricted},
	}
	out := []string{"SET LOCAL ROLE " + AppRole}
	for _, p := range pairs {
		literal, err := quoteLiteral(p[1])
		if err != nil {
			return nil, err
		}
		out = append(out, "SET LOCAL "+p[0]+" = "+literal)
	}
	return out, nil
}

// quoteLiteral makes an SQL string literal, since SET takes no parameters. It refuses
// NUL, which PostgreSQL cannot hold, and writes a backslash in a form that does not
// depend on standard_conforming_strings.
func quoteLiteral(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", hmstype.Invalid("actor", "must not hold NUL")
	}
	quoted := strings.ReplaceAll(text, "'", "''")
	if strings.Contains(quoted, `\`) {
		return ` E'` + strings.ReplaceAll(quoted, `\`, `\\`) + `'`, nil
	}
	return "'" + quoted + "'", nil
}

// quoteRole makes the operand of SET ROLE from what current_setting('role') gave.
func quoteRole(role string) string {
	if role == "" || role == "none" {
		return "NONE"
	}
	return `"` + strings.ReplaceAll(role, `"`, `""`) + `"`
}
