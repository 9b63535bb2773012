package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// TOTPEnrolment is what an authenticator app needs; it is shown this once.
type TOTPEnrolment struct {
	Secret hmstype.Secret `json:"secret"` // base32, to be typed
	URL    hmstype.Secret `json:"url"`    // otpauth://, to be shown as a QR code
}

var opBeginTOTP = usecase.Proof{Name: "identity.begin_totp", Why: ownAccount, RecentProof: true}.Declare()

// BeginTOTP makes a new second factor for the actor, which serves from [Service.ConfirmTOTP]
// on. [ErrAlreadyEnrolled] where one is confirmed: [Service.DisableTOTP] comes first. [ErrProofRequired]
// where the actor has not proved himself just now.
func (s *Service) BeginTOTP(ctx context.Context) (TOTPEnrolment, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return TOTPEnrolment{}, err
	}
	var out TOTPEnrolment
	err = s.asSelf(ctx, opBeginTOTP, func(ctx context.Context, db dbx.DB) error {
		row, err := dbx.Get[userRow](ctx, db, "user_account", actor.User, dbx.ForUpdate)
		if err != nil {
			return err
		}
		if has, err := hasTOTP(ctx, db, actor.User); err != nil || has {
			return errors.Join(err, ErrAlreadyEnrolled)
		}
		key, err := totp.Generate(totp.GenerateOpts{
			Issuer: s.config.Issuer, AccountName: row.Username, SecretSize: 20, Rand: rand.Reader,
		})
		if err != nil {
			return err
		}
		out = TOTPEnrolment{Secret: hmstype.Secret(key.Secret()), URL: hmstype.Secret(key.URL())}
		keys, err := s.base.Crypt.Ensure(ctx, db, uuid.UUID(actor.User))
		if err != nil {
			return err
		}
		sealed, err := keys.Seal(uuid.UUID(actor.User), fieldTOTP, actor.User, key.Secret())
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, `INSERT INTO hms.user_totp (tenant_id, user_id, secret) VALUES ($1, $2, $3)
			ON CONFLICT (tenant_id, user_id) DO UPDATE
			SET secret = excluded.secret, confirmed_at = NULL, last_step = 0`, db.Tenant(), actor.User, sealed)
		if err != nil {
			return err
		}
		return record(ctx, db, "totp_begun", actor.User)
	})
	return out, err
}

// opCountCode is the first of the two transactions of a confirmation: the attempt is counted and committed
// before the code is looked at.
var opCountCode = usecase.Proof{
	Name: "identity.count_code", Why: ownAccount,
	Quiet: "counts the attempt; identity.confirm_totp records how it ended",
}.Declare()

var opConfirmTOTP = usecase.Proof{Name: "identity.confirm_totp", Why: ownAccount}.Declare()

// ConfirmTOTP makes the second factor serve, once a code shows that the app has it, and gives
// ten recovery codes, each good once; they are shown this once. [ErrLoginFailed] for a wrong code, which is
// counted and makes wait like a failed login, but within the actor's session.
func (s *Service) ConfirmTOTP(ctx context.Context, code hmstype.Secret) ([]hmstype.Secret, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	var v hmstype.Validator
	checkCode(&v, code)
	if err := v.Err(); err != nil {
		return nil, err
	}
	from := origin{user: actor.User, session: actor.Session}
	refused := false
	err = s.asSelf(ctx, opCountCode, func(ctx context.Context, db dbx.DB) (err error) {
		_, refused, err = from.count(ctx, db)
		return err
	})
	if err != nil {
		return nil, err
	}
	var codes []hmstype.Secret
	right := false
	err = s.asSelf(ctx, opConfirmTOTP, func(ctx context.Context, db dbx.DB) (err error) {
		if codes, right, err = s.confirmTOTP(ctx, db, actor, code, refused); err != nil {
			return err
		}
		if !right {
			return record(ctx, db, "login_failed", actor.User)
		}
		return errors.Join(from.forget(ctx, db), record(ctx, db, "totp_enabled", actor.User))
	})
	if err == nil && !right {
		s.sessions.clear() // it may have been one failure too many
		err = &hmstype.Error{Op: opConfirmTOTP.Name, Err: ErrLoginFailed}
	}
	return codes, err
}

func (s *Service) confirmTOTP(
	ctx context.Context, db dbx.DB, actor hmstype.Actor, code hmstype.Secret, refused bool,
) (codes []hmstype.Secret, right bool, err error) {
	if _, err := dbx.Get[userRow](ctx, db, "user_account", actor.User, dbx.ForUpdate); err != nil || refused {
		return nil, false, err
	}
	if right, err = s.useCode(ctx, db, actor.User, code); err != nil || !right {
		return nil, false, err
	}
	n, err := db.Exec(ctx, `UPDATE hms.user_totp SET confirmed_at = $1
		WHERE tenant_id = $2 AND user_id = $3 AND confirmed_at IS NULL`, db.Now, db.Tenant(), actor.User)
	if err == nil && n == 0 {
		err = ErrAlreadyEnrolled
	}
	if err != nil {
		return nil, false, err
	}
	codes, err = newRecoveryCodes(ctx, db, actor.User)
	return codes, true, err
}

// newRecoveryCodes replaces a user's codes: 80 random bits each, in four groups.
func newRecoveryCodes(ctx context.Context, db dbx.DB, user hmstype.UserID) ([]hmstype.Secret, error) {
	if err := forgetRecoveryCodes(ctx, db, user); err != nil {
		return nil, err
	}
	codes := make([]hmstype.Secret, recoveryCodes)
	for i := range codes {
		raw := make([]byte, 10)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		text := base32.StdEncoding.EncodeToString(raw)
		codes[i] = hmstype.Secret(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
		_, err := db.Exec(ctx, `INSERT INTO hms.user_recovery_code (tenant_id, user_id, code_hash) VALUES ($1, $2, $3)`,
			db.Tenant(), user, hashToken(text))
		if err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// forgetRecoveryCodes is migrate/routine/identity/forget_recovery_codes.sql.
func forgetRecoveryCodes(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	_, err := db.Exec(ctx, `SELECT hms.forget_recovery_codes($1, $2)`, db.Tenant(), user)
	return err
}

var opDisableTOTP = usecase.Proof{Name: "identity.disable_totp", Why: ownAccount, RecentProof: true}.Declare()

// DisableTOTP takes the actor's second factor away, for whom the password is wanted again. [ErrProofRequired]
// where the actor has not proved himself just now.
func (s *Service) DisableTOTP(ctx context.Context, password hmstype.Secret) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	if _, err := s.provePassword(ctx, actor, password); err != nil {
		return err
	}
	return s.asSelf(ctx, opDisableTOTP, func(ctx context.Context, db dbx.DB) error {
		// See migrate/routine/identity/forget_totp.sql.
		if _, err := db.Exec(ctx, `SELECT hms.forget_totp($1, $2)`, db.Tenant(), actor.User); err != nil {
			return err
		}
		if err := forgetRecoveryCodes(ctx, db, actor.User); err != nil {
			return err
		}
		return record(ctx, db, "totp_disabled", actor.User)
	})
}
