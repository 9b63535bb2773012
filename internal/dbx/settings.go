package dbx

import (
	"context"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
)

// AppRole is the role that the library switches to in every transaction: it owns
// nothing and cannot bypass row-level security, whatever the host connects as.
const AppRole = "hms_app"

// searchPath is where names without a schema are looked for in our transactions: never where
// somebody else may create. Our own are written with their schema.
const searchPath = "pg_catalog, pg_temp"

// settings are the transaction-local values that row-level security, defaults and triggers read.
type settings struct {
	tenant  string
	context string // the parts of migrate/routine/core/context.sql, in their order
	sees    bool   // whether restricted records are shown
	op      string // one of the parts
}

// separator parts what the context says. No part may hold it.
const separator = "\x1f"

type restrictedKey struct{}

// What the context says of restricted records: that they are shown, or that one was shown already, so that recording
// it refuses nothing and still finds the grant that opened it.
const (
	seesAll  = "yes"
	wasShown = "shown"
)

// SeesRestricted says whether the actor may see the data of patients whose record is
// restricted. Without it the database refuses to record, and so to allow, such a read. It is said
// anew for each use case: the context may be that of another actor's, which a hook was given.
func SeesRestricted(ctx context.Context, sees bool) context.Context {
	if sees {
		return context.WithValue(ctx, restrictedKey{}, seesAll)
	}
	return context.WithValue(ctx, restrictedKey{}, "")
}

// shownAlready is the context in which what was shown is recorded once more, or apart: whether it might be shown was
// judged in the operation that did.
func shownAlready(ctx context.Context) context.Context {
	if sees, _ := ctx.Value(restrictedKey{}).(string); sees == seesAll {
		return ctx
	}
	return context.WithValue(ctx, restrictedKey{}, wasShown)
}

func settingsOf(ctx context.Context, actor hmstype.Actor, op string, now time.Time) (settings, error) {
	sees, _ := ctx.Value(restrictedKey{}).(string)
	parts := []string{
		actorText(actor), credentialText(actor), actor.RequestID, string(actor.Purpose), op, sees,
		now.Format(time.RFC3339Nano),
	}
	want := settings{
		tenant: actor.Tenant.String(), context: strings.Join(parts, separator), sees: sees == seesAll, op: op,
	}
	if strings.Count(want.context, separator) != len(parts)-1 || strings.Contains(want.context, "\x00") {
		return settings{}, hmstype.Invalid("actor", "must hold neither NUL nor U+001F")
	}
	return want, nil
}

// actorText is how the trail names an actor: "human:<id>", "service:<id>", "system:<name>".
func actorText(a hmstype.Actor) string {
	if a.Kind == hmstype.ActorSystem {
		return string(a.Kind) + ":" + a.Name
	}
	return string(a.Kind) + ":" + a.User.String()
}

// credentialText is how the trail names what the actor proved himself by; empty for the host
// itself, and where the host did not say.
func credentialText(a hmstype.Actor) string {
	switch {
	case !a.Session.IsZero():
		return "session:" + a.Session.String()
	case !a.APIKey.IsZero():
		return "key:" + a.APIKey.String()
	default:
		return ""
	}
}

// guarded are the statements that make a transaction one in which SQL means what we wrote: in our
// role, with our names, and with texts that end where their quotes end.
var guarded = []message{
	{text: "SET LOCAL ROLE " + AppRole},
	{text: "SET LOCAL search_path = " + searchPath},
	{text: "SET LOCAL standard_conforming_strings = on"},
}

// statements gives the settings one by one. They travel as messages of their own: inside one
// text of several statements, or as set_config(), a distributed PostgreSQL (Citus) would not
// carry them to its workers.
//
// In hardened mode they are one signed parameter: a statement's text others may see.
func (h Handle) statements(s settings) []message {
	if key := h.opts.ContextKey; key != nil {
		return []message{{text: "SELECT hms.enter($1)", args: []string{key.sign(s)}}} // migrate/hardened/3_enter.sql
	}
	return []message{setLocal("hms.tenant", s.tenant), setLocal("hms.context", s.context)}
}

// changes gives the messages that make other settings of those in force.
func (h Handle) changes(s, inForce settings) []message {
	if s == inForce {
		return nil
	}
	if h.opts.ContextKey != nil {
		return h.statements(s)
	}
	var changed []message
	before := h.statements(inForce)
	for i, m := range h.statements(s) {
		if m.text != before[i].text {
			changed = append(changed, m)
		}
	}
	return changed
}

func setLocal(name, value string) message {
	return message{text: "SET LOCAL " + name + " = " + quoteLiteral(value)}
}

// AsSealer runs fn, whose statements then have the sealer's rights instead of the
// application's. The login must be a member of both.
func (db DB) AsSealer(ctx context.Context, fn func(context.Context) error) error {
	if _, err := db.Exec(ctx, "SET LOCAL ROLE "+SealerRole); err != nil {
		return err
	}
	if err := fn(ctx); err != nil {
		return err
	}
	_, err := db.Exec(ctx, "SET LOCAL ROLE "+AppRole)
	return err
}

// SealerRole is the only one that may add to the audit trail's log.
const SealerRole = "hms_sealer"

// quoteLiteral makes an SQL string literal, since SET takes no parameters. It writes a backslash
// in a form that does not depend on standard_conforming_strings. NUL, which PostgreSQL cannot
// hold, settingsOf refuses; what a server gave holds none.
func quoteLiteral(text string) string {
	quoted := strings.ReplaceAll(text, "'", "''")
	if strings.Contains(quoted, `\`) {
		return ` E'` + strings.ReplaceAll(quoted, `\`, `\\`) + `'`
	}
	return "'" + quoted + "'"
}

// quoteRole makes the operand of SET ROLE from what current_setting('role') gave.
func quoteRole(role string) string {
	if role == "" || role == "none" {
		return "NONE"
	}
	return `"` + strings.ReplaceAll(role, `"`, `""`) + `"`
}
