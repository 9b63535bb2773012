package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// fieldTOTP is the seed of a user's codes, sealed under the user's own key.
const fieldTOTP fieldcrypt.Field = "user.totp_secret"

var _ = fieldcrypt.Declare(fieldcrypt.Column{Table: "user_totp", Name: "secret", Field: fieldTOTP, Subject: "user_id", Row: "user_id"})

// The parameters that every authenticator app knows (RFC 6238): SHA-1, six digits, 30 s.
const (
	totpPeriod = 30 * time.Second
	totpSkew   = 1 // steps to either side, for clocks that differ
)

// recoveryCodes is how many codes serve when the device is lost.
const recoveryCodes = 10

// factor is what came of a second factor.
type factor int

const (
	factorRight factor = iota // or none is wanted
	factorMissing
	factorWrong
)

// hasTOTP tells whether a user has confirmed a second factor.
func hasTOTP(ctx context.Context, db dbx.DB, user hmstype.UserID) (has bool, err error) {
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.user_totp WHERE tenant_id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL)`,
		db.Tenant(), user).Scan(&has)
	return has, err
}

// checkSecondFactor uses a code up. A code of the device serves once: its step must be later
// than the last one used, and of many at once one wins.
func (s *Service) checkSecondFactor(ctx context.Context, db dbx.DB, user hmstype.UserID, code hmstype.Secret) (factor, error) {
	has, err := hasTOTP(ctx, db, user)
	switch {
	case err != nil:
		return factorWrong, err
	case !has:
		return factorRight, nil
	case code == "":
		return factorMissing, nil
	}
	right, err := s.useCode(ctx, db, user, code)
	if err == nil && !right {
		right, err = useRecoveryCode(ctx, db, user, code)
	}
	if err != nil || !right {
		return factorWrong, err
	}
	return factorRight, nil
}

func (s *Service) useCode(ctx context.Context, db dbx.DB, user hmstype.UserID, code hmstype.Secret) (bool, error) {
	secret, err := s.totpSecret(ctx, db, user)
	if err != nil || secret == "" {
		return false, err
	}
	step, err := matchingStep(secret, code, db.Now)
	if err != nil || step == 0 {
		return false, err
	}
	n, err := db.Exec(ctx, `UPDATE hms.user_totp SET last_step = $1 WHERE tenant_id = $2 AND user_id = $3 AND last_step < $1`,
		step, db.Tenant(), user)
	return n == 1, err
}

// matchingStep gives the time step whose code it is, zero for none.
func matchingStep(secret string, code hmstype.Secret, now time.Time) (int64, error) {
	found := int64(0)
	present := now.Unix() / int64(totpPeriod/time.Second)
	for step := present - totpSkew; step <= present+totpSkew; step++ {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err != nil {
			return 0, errors.New("identity: a stored TOTP secret is malformed")
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code.Reveal())) == 1 {
			found = step
		}
	}
	return found, nil
}

func useRecoveryCode(ctx context.Context, db dbx.DB, user hmstype.UserID, code hmstype.Secret) (bool, error) {
	n, err := db.Exec(ctx, `UPDATE hms.user_recovery_code SET used_at = $1
		WHERE tenant_id = $2 AND user_id = $3 AND code_hash = $4 AND used_at IS NULL`,
		db.Now, db.Tenant(), user, hashToken(foldCode(code.Reveal())))
	if err != nil || n == 0 {
		return false, err
	}
	return true, record(ctx, db, "recovery_code_used", user)
}

// foldCode makes what people type from paper comparable.
func foldCode(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// totpSecret opens the seed of a user's codes, empty where there is none.
func (s *Service) totpSecret(ctx context.Context, db dbx.DB, user hmstype.UserID) (string, error) {
	var sealed string
	err := db.QueryRow(ctx, `SELECT secret FROM hms.user_totp WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	keys, err := s.base.Crypt.Load(ctx, db, user.UUID())
	if err != nil {
		return "", err
	}
	return keys.Open(user.UUID(), fieldTOTP, user, sealed)
}

// TOTPEnrolment is what an authenticator app needs; it is shown this once.
type TOTPEnrolment struct {
	Secret hmstype.Secret `json:"secret"` // base32, to be typed
	URL    hmstype.Secret `json:"url"`    // otpauth://, to be shown as a QR code
}

var opBeginTOTP = usecase.Proof{Name: "identity.begin_totp", Why: ownAccount}.Declare()

// BeginTOTP makes a new second factor for the actor, which serves from [Service.ConfirmTOTP]
// on. [ErrAlreadyEnrolled] where one is confirmed: [Service.DisableTOTP] comes first.
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
		key, err := totp.Generate(totp.GenerateOpts{Issuer: s.config.Issuer, AccountName: row.Username, SecretSize: 20, Rand: rand.Reader})
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
			ON CONFLICT (tenant_id, user_id) DO UPDATE SET secret = excluded.secret, confirmed_at = NULL, last_step = 0`, db.Tenant(), actor.User, sealed)
		if err != nil {
			return err
		}
		return record(ctx, db, "totp_begun", actor.User)
	})
	return out, err
}

var opConfirmTOTP = usecase.Proof{Name: "identity.confirm_totp", Why: ownAccount}.Declare()

// ConfirmTOTP makes the second factor serve, once a code shows that the app has it, and gives
// ten recovery codes, each good once; they are shown this once. [ErrLoginFailed] for a wrong code.
func (s *Service) ConfirmTOTP(ctx context.Context, code hmstype.Secret) ([]hmstype.Secret, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	var codes []hmstype.Secret
	err = s.asSelf(ctx, opConfirmTOTP, func(ctx context.Context, db dbx.DB) error {
		if _, err := dbx.Get[userRow](ctx, db, "user_account", actor.User, dbx.ForUpdate); err != nil {
			return err
		}
		right, err := s.useCode(ctx, db, actor.User, code)
		if err != nil {
			return err
		}
		if !right {
			return ErrLoginFailed
		}
		n, err := db.Exec(ctx, `UPDATE hms.user_totp SET confirmed_at = $1 WHERE tenant_id = $2 AND user_id = $3 AND confirmed_at IS NULL`,
			db.Now, db.Tenant(), actor.User)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrAlreadyEnrolled
		}
		if codes, err = newRecoveryCodes(ctx, db, actor.User); err != nil {
			return err
		}
		return record(ctx, db, "totp_enabled", actor.User)
	})
	return codes, err
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

func forgetRecoveryCodes(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	_, err := db.Exec(ctx, `DELETE FROM hms.user_recovery_code WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user)
	return err
}

var opDisableTOTP = usecase.Proof{Name: "identity.disable_totp", Why: ownAccount}.Declare()

// DisableTOTP takes the actor's second factor away, for whom the password is wanted again.
func (s *Service) DisableTOTP(ctx context.Context, password hmstype.Secret) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	if _, err := s.provePassword(ctx, actor, password); err != nil {
		return err
	}
	return s.asSelf(ctx, opDisableTOTP, func(ctx context.Context, db dbx.DB) error {
		if _, err := db.Exec(ctx, `DELETE FROM hms.user_totp WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), actor.User); err != nil {
			return err
		}
		if err := forgetRecoveryCodes(ctx, db, actor.User); err != nil {
			return err
		}
		return record(ctx, db, "totp_disabled", actor.User)
	})
}
