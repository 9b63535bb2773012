package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// How long a token for one use case is good.
const (
	resetWithin      = 30 * time.Minute
	invitationWithin = 7 * 24 * time.Hour
)

// tokenPurpose is what a token for one use case is good for.
type tokenPurpose string

const (
	purposeReset      tokenPurpose = "reset"
	purposeInvitation tokenPurpose = "invitation"
)

// PasswordReset is what the host needs to write to somebody who forgot his password.
type PasswordReset struct {
	Found     bool           `json:"found"` // false: nobody has that name; answer the person in the same way
	Token     hmstype.Secret `json:"token"` // good once, until ExpiresAt
	User      User           `json:"user"`
	ExpiresAt time.Time      `json:"expiresAt,omitzero"` // UTC
}

// RequestPasswordResetInput names the account.
type RequestPasswordResetInput struct {
	Login string `json:"login"` // the username or the e-mail address; required
}

// Validate implements the rules above.
func (in RequestPasswordResetInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Login, "login", 1, 254)
	return v.Err()
}

var opRequestPasswordReset = usecase.Command[RequestPasswordResetInput, PasswordReset]{
	Name: "identity.request_password_reset", Permission: hmstype.PermAuthenticate,
	Shows:  usecase.Nobody[PasswordReset](noPatient),
	Sample: RequestPasswordResetInput{Login: "a.odhiambo"},
}.Declare()

// RequestPasswordReset makes a token by which the account's person sets a new password. The
// host sends it to the address that it knows; an earlier one is void. An account that is not
// active, like a name that is not there, gives Found false and no error.
// Permission: [hmstype.PermAuthenticate].
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) (PasswordReset, error) {
	return opRequestPasswordReset.Run(ctx, &s.base, in, s.requestPasswordReset)
}

func (s *Service) requestPasswordReset(
	ctx context.Context, db dbx.DB, in RequestPasswordResetInput,
) (PasswordReset, error) {
	row, found, err := findLogin(ctx, db, in.Login)
	if err != nil {
		return PasswordReset{}, err
	}
	if !found || row.Status != UserActive {
		return PasswordReset{}, record(ctx, db, "password_reset_refused", row.ID)
	}
	reset := PasswordReset{Found: true, ExpiresAt: db.Now.Add(resetWithin)}
	if reset.Token, err = newUserToken(ctx, db, row.ID, purposeReset, reset.ExpiresAt); err != nil {
		return PasswordReset{}, err
	}
	if reset.User, err = s.loadUser(ctx, db, row.ID); err != nil {
		return PasswordReset{}, err
	}
	return reset, record(ctx, db, "password_reset_requested", row.ID)
}

// newUserToken makes a token and voids those of the same purpose.
func newUserToken(
	ctx context.Context, db dbx.DB, user hmstype.UserID, purpose tokenPurpose, expires time.Time,
) (hmstype.Secret, error) {
	kind := resetToken
	if purpose == purposeInvitation {
		kind = invitationToken
	}
	token, hash, err := newToken(kind, db.Tenant())
	if err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, `UPDATE hms.user_token SET used_at = $1 WHERE tenant_id = $2 AND user_id = $3 AND purpose = $4
		AND used_at IS NULL`,
		db.Now, db.Tenant(), user, string(purpose))
	if err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.user_token (tenant_id, token_hash, user_id, purpose, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, db.Tenant(), hash, user, string(purpose), db.Now, expires)
	return token, err
}

// useToken takes a token of a purpose and gives its user; of many at once one succeeds.
func useToken(
	ctx context.Context, db dbx.DB, token hmstype.Secret, purpose tokenPurpose,
) (user hmstype.UserID, err error) {
	err = db.QueryRow(ctx, `UPDATE hms.user_token SET used_at = $1
		WHERE tenant_id = $2 AND token_hash = $3 AND purpose = $4 AND used_at IS NULL AND expires_at > $1 RETURNING user_id`,
		db.Now, db.Tenant(), hashToken(token.Reveal()), string(purpose)).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrTokenInvalid
	}
	return user, err
}

// ResetPasswordInput sets a password by a token.
type ResetPasswordInput struct {
	Token    hmstype.Secret `json:"token"`    // required
	Password hmstype.Secret `json:"password"` // see [Config.MinPassword]
}

// Validate requires both.
func (in ResetPasswordInput) Validate() error {
	var v hmstype.Validator
	v.Required(in.Token != "", "token")
	v.Required(in.Password != "", "password")
	v.Check(len(in.Password) <= 4*maxPassword, "password", "is too long")
	return v.Err()
}

// sampleNewPassword is what the samples of declarations set a password by.
var sampleNewPassword = ResetPasswordInput{Token: resetToken, Password: "six words that nobody else says"}

var opResetPassword = usecase.Command[ResetPasswordInput, User]{
	Name: "identity.reset_password", Permission: hmstype.PermAuthenticate, Shows: usecase.Nobody[User](noPatient),
	Sample: sampleNewPassword,
}.Declare()

// ResetPassword sets a new password by the token of [Service.RequestPasswordReset], ends all
// sessions of the user and unlocks the account. The token is used up only if the password is
// accepted. [ErrTokenInvalid] for one that was used, has expired or never was.
// Permission: [hmstype.PermAuthenticate].
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (User, error) {
	user, err := opResetPassword.Run(ctx, &s.base, in, s.resetPassword)
	s.sessions.clear()
	return user, err
}

func (s *Service) resetPassword(ctx context.Context, db dbx.DB, in ResetPasswordInput) (User, error) {
	user, err := s.setByToken(ctx, db, in, purposeReset)
	if err != nil {
		return User{}, err
	}
	if user.Status != UserActive {
		return User{}, ErrTokenInvalid
	}
	if err := endSessions(ctx, db, user.ID, hmstype.SessionID{}, "password reset"); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, user.ID)
}

// setByToken uses a token up for a new password, and gives its user as he was before.
func (s *Service) setByToken(
	ctx context.Context, db dbx.DB, in ResetPasswordInput, purpose tokenPurpose,
) (User, error) {
	id, err := useToken(ctx, db, in.Token, purpose)
	if err != nil {
		return User{}, err
	}
	user, err := s.loadUser(ctx, db, id)
	if err != nil {
		return User{}, err
	}
	second, err := hasTOTP(ctx, db, id)
	if err != nil {
		return User{}, err
	}
	if err := s.checkPassword(ctx, in.Password, user, second); err != nil {
		return User{}, err
	}
	hash, err := s.hasher.hash(ctx, in.Password)
	if err != nil {
		return User{}, err
	}
	return user, storePassword(ctx, db, id, hash)
}
