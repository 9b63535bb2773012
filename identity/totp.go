package identity

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// fieldTOTP is the seed of a user's codes, sealed under the user's own key.
const fieldTOTP fieldcrypt.Field = "user.totp_secret"

var _ = fieldcrypt.Declare(fieldcrypt.Column{
	Table: "user_totp", Name: "secret", Field: fieldTOTP, Subject: "user_id", Row: "user_id",
})

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
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.user_totp WHERE tenant_id = $1 AND user_id = $2
		AND confirmed_at IS NOT NULL)`,
		db.Tenant(), user).Scan(&has)
	return has, err
}

// checkSecondFactor uses a code up. A code of the device serves once: its step must be later
// than the last one used, and of many at once one wins.
func (s *Service) checkSecondFactor(
	ctx context.Context, db dbx.DB, user hmstype.UserID, code hmstype.Secret,
) (factor, error) {
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
	n, err := db.Exec(ctx, `UPDATE hms.user_totp SET last_step = $1 WHERE tenant_id = $2 AND user_id = $3
		AND last_step < $1`,
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
	err := db.QueryRow(
		ctx, `SELECT secret FROM hms.user_totp WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user,
	).Scan(&sealed)
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
