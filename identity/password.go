package identity

import (
	"context"
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// commonPasswords are those that are tried first, folded, a line each.
//
//go:embed commonpasswords.txt
var commonPasswords string

var blocked = func() map[string]struct{} {
	set := map[string]struct{}{}
	for word := range strings.FieldsSeq(commonPasswords) {
		set[word] = struct{}{}
	}
	return set
}()

// checkPassword holds a new password against the rules of NIST SP 800-63B-4, section
// 3.1.1.2: its length, and that it is not one that attackers know or that follows from the
// account. There are no rules of composition, and no expiry.
func (s *Service) checkPassword(ctx context.Context, password hmstype.Secret, user User, hasSecondFactor bool) error {
	least := s.config.MinPassword
	if hasSecondFactor {
		least = minWithSecondFactor
	}
	var v hmstype.Validator
	text := norm.NFC.String(password.Reveal())
	n := utf8.RuneCountInString(text)
	v.Check(utf8.ValidString(text) && !strings.ContainsRune(text, 0), "password", "must be valid UTF-8 without NUL")
	v.Check(n >= least, "password", "is too short")
	v.Check(n <= maxPassword, "password", "must have at most 128 characters")
	v.Check(!isGuessable(text, user), "password", "is too easy to guess")
	if err := v.Err(); err != nil || s.config.Blocklist == nil {
		return err
	}
	known, err := s.config.Blocklist.Contains(ctx, password)
	if err == nil && known {
		err = hmstype.Invalid("password", "is known to attackers")
	}
	return err
}

// isGuessable finds common passwords, repetitions, and what the account itself gives away.
func isGuessable(text string, user User) bool {
	folded := names.NameKey(text)
	if _, ok := blocked[folded]; ok {
		return true
	}
	if folded == strings.Repeat(folded[:min(1, len(folded))], len(folded)) {
		return true
	}
	mailName, _, _ := strings.Cut(user.Email, "@")
	for _, word := range []string{
		user.Username, mailName, user.FirstName + user.LastName, user.LastName + user.FirstName,
	} {
		word = strings.ReplaceAll(names.NameKey(word), " ", "")
		if utf8.RuneCountInString(word) >= 4 && strings.Contains(strings.ReplaceAll(folded, " ", ""), word) {
			return true
		}
	}
	return false
}

// storePassword writes a user's new hash and forgets his failures and his devices. The hash itself never
// gets on the trail.
func storePassword(ctx context.Context, db dbx.DB, user hmstype.UserID, hash string) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.user_password (tenant_id, user_id, hash, changed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at,
			failures = 0, next_attempt_at = NULL, locked_at = NULL`, db.Tenant(), user, hash, db.Now)
	if err != nil {
		return err
	}
	if err := forgetDevices(ctx, db, user); err != nil {
		return err
	}
	return record(ctx, db, "password_changed", user)
}

// record notes what happened to an account.
func record(ctx context.Context, db dbx.DB, action string, user hmstype.UserID) error {
	id := ""
	if !user.IsZero() { // a failed login under a name that nobody has
		id = user.String()
	}
	return db.RecordAccess(ctx, dbx.Access{Action: action, Entity: "user_account", ID: id})
}

// ChangePasswordInput replaces one's own password.
type ChangePasswordInput struct {
	Old hmstype.Secret `json:"old"` // required
	New hmstype.Secret `json:"new"` // see [Config.MinPassword]
}

// Validate requires both, of at most 512 bytes.
func (in ChangePasswordInput) Validate() error {
	var v hmstype.Validator
	v.Required(in.Old != "", "old")
	checkLength(&v, in.Old, "old")
	v.Required(in.New != "", "new")
	checkLength(&v, in.New, "new")
	return v.Err()
}

// ownAccount is why a use case asks for no permission that everybody may do to his own account.
const ownAccount = "acts on the actor's own account only"

var opChangePassword = usecase.Proof{Name: "identity.change_password", Why: ownAccount}.Declare()

// ChangePassword replaces the actor's own password, ends his other sessions and forgets his devices.
// [ErrLoginFailed] for a wrong old password, which counts like any failed login.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) ChangePassword(ctx context.Context, in ChangePasswordInput) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	if err := in.Validate(); err != nil {
		return err
	}
	proved, err := s.provePassword(ctx, actor, in.Old)
	if err != nil {
		return err
	}
	if err := s.checkPassword(ctx, in.New, proved.user, proved.hasTOTP); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, in.New)
	if err != nil {
		return err
	}
	return s.asSelf(ctx, opChangePassword, func(ctx context.Context, db dbx.DB) error {
		if err := storePassword(ctx, db, actor.User, hash); err != nil {
			return err
		}
		return endSessions(ctx, db, actor.User, actor.Session, "password changed")
	})
}

// self gives the actor of what everybody may do to his own account.
func (s *Service) self(ctx context.Context) (hmstype.Actor, error) {
	actor, err := hmstype.ActorFrom(ctx)
	switch {
	case err != nil:
		return actor, err
	case actor.Kind != hmstype.ActorHuman:
		return actor, ErrPersonRequired
	case actor.Scopes != nil:
		return actor, hmstype.Denied("identity.self")
	default:
		return actor, nil
	}
}

// asSelf runs a use case on the actor's own account; see [usecase.Proof.Run].
func (s *Service) asSelf(ctx context.Context, op *usecase.Proof, fn func(context.Context, dbx.DB) error) error {
	if err := op.Run(ctx, &s.base, fn); err != nil {
		return &hmstype.Error{Op: op.Name, Err: err}
	}
	return nil
}
