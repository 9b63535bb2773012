package dbx

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// AppRole is the role that the library switches to in every transaction: it owns
// nothing and cannot bypass row-level security, whatever the host connects as.
const AppRole = "hms_app"

// settings are the transaction-local values that row-level security and the audit
// triggers read.
type settings struct {
	tenant, actor, credential, request, purpose, operation, restricted, now string
}

type restrictedKey struct{}

// SeesRestricted says whether the actor may see the data of patients whose record is
// restricted. Without it the database refuses to record, and so to allow, such a read. It is said
// anew for each use case: the context may be that of another actor's, which a hook was given.
func SeesRestricted(ctx context.Context, sees bool) context.Context {
	if sees {
		return context.WithValue(ctx, restrictedKey{}, "yes")
	}
	return context.WithValue(ctx, restrictedKey{}, "")
}

func settingsOf(ctx context.Context, actor hmstype.Actor, op string, now time.Time) settings {
	restricted, _ := ctx.Value(restrictedKey{}).(string)
	return settings{
		tenant:     actor.Tenant.String(),
		actor:      actorText(actor),
		credential: credentialText(actor),
		request:    actor.RequestID,
		purpose:    string(actor.Purpose),
		operation:  op,

		restricted: restricted,
		now:        now.Format(time.RFC3339Nano),
	}
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

// statements gives one SET LOCAL per setting. They travel as messages of their own,
// pipelined: inside one text of several statements, or as set_config(), a distributed
// PostgreSQL (Citus) would not carry them to its workers.
func (s settings) statements() ([]string, error) { return statements(s.pairs()) }

func (s settings) pairs() [][2]string {
	return [][2]string{
		{"hms.tenant", s.tenant}, {"hms.actor", s.actor}, {"hms.credential", s.credential}, {"hms.request_id", s.request},
		{"hms.purpose", s.purpose}, {"hms.operation", s.operation},
		{"hms.restricted", s.restricted}, {"hms.now", s.now},
	}
}

// changes gives the settings that differ from those in force.
func (s settings) changes(inForce settings) [][2]string {
	var changed [][2]string
	before := inForce.pairs()
	for i, pair := range s.pairs() {
		if pair != before[i] {
			changed = append(changed, pair)
		}
	}
	return changed
}

func statements(pairs [][2]string) ([]string, error) {
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

// AsInstallation runs fn in a transaction of the application's role under the nil tenant: the
// rows of the installation itself, which are no hospital's and which no actor can reach.
func AsInstallation(ctx context.Context, db *bun.DB, fn func(context.Context, bun.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return &beginError{err}
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, s := range []string{
		"SET LOCAL ROLE " + AppRole, "SET LOCAL hms.tenant = '" + hmstype.TenantID{}.String() + "'",
	} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return &beginError{err}
		}
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// SealerRole is the only one that may add to the audit trail's log.
const SealerRole = "hms_sealer"

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
