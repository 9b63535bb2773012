package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
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
	// Found is false where nobody has that name, or too many have asked: answer the person in the same way.
	Found bool           `json:"found"`
	Token hmstype.Secret `json:"token"` // good once, until ExpiresAt
	// User is whom to write to. Roles and activity are left out: to look them up takes longer for some
	// than for nobody, which would tell who has an account.
	User      User      `json:"user"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // UTC
}

// RequestPasswordResetInput names the account.
type RequestPasswordResetInput struct {
	Login string `json:"login"` // the username or the e-mail address; required
	// where the request comes from, such as the client's address; up to 200 characters
	Source string `json:"source"`
}

// Validate implements the rules above.
func (in RequestPasswordResetInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, in.Login, "login", 254)
	v.Text(in.Source, "source", 0, 200)
	return v.Err()
}

var opRequestPasswordReset = usecase.Command[RequestPasswordResetInput, PasswordReset]{
	Name: "identity.request_password_reset", Permission: hmstype.PermAuthenticate,
	HostOnly: true, // whoever gets the token becomes the account's person
	Shows:    usecase.Nobody[PasswordReset](noPatient),
	Sample:   RequestPasswordResetInput{Login: "a.odhiambo", Source: "192.0.2.1"},
}.Declare()

// RequestPasswordReset makes a token by which the account's person sets a new password. The
// host sends it to the address that it knows, and does that later than its answer, for it takes time;
// earlier ones stay good until one is used. An account that is not active, like a name that is not there,
// gives Found false and no error after the same statements. So does, from the fifth request within a
// quarter of an hour on, who does not wait 1 s and then twice as long each time up to 5 minutes, and a
// source after 50: whoever asks in another's name cannot flood him, and never keeps him from his own link.
// The actor is the host's own, and nobody else may be: [hmstype.ErrPermissionDenied].
// Permission: [hmstype.PermAuthenticate].
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) (PasswordReset, error) {
	return opRequestPasswordReset.Run(ctx, &s.base, in, s.requestPasswordReset)
}

func (s *Service) requestPasswordReset(
	ctx context.Context, db dbx.DB, in RequestPasswordResetInput,
) (PasswordReset, error) {
	if in.Source != "" {
		refused, err := countSource(ctx, db, sourceKey("reset-source", in.Source), freeSource, longestSource)
		if err != nil || refused {
			return PasswordReset{}, errors.Join(err, record(ctx, db, "password_reset_refused", hmstype.UserID{}))
		}
	}
	row, found, err := findLogin(ctx, db, in.Login)
	if err != nil {
		return PasswordReset{}, err
	}
	_, asked := loginKey(in.Login)
	if found { // by whichever name
		asked = row.ID.String()
	}
	refused, err := countSource(ctx, db, sourceKey("reset", asked), freeFailures, longestDelay)
	if err != nil {
		return PasswordReset{}, err
	}
	if refused {
		return PasswordReset{}, record(ctx, db, "password_reset_refused", row.ID)
	}
	// From here on the statements are the same whoever asked, and for whom.
	owner, action := row.ID, "password_reset_requested"
	if row.Status != UserActive {
		owner, action = hmstype.UserID{}, "password_reset_refused"
	}
	reset := PasswordReset{Found: true, User: row.user(), ExpiresAt: db.Now.Add(resetWithin)}
	if reset.Token, err = newUserToken(ctx, db, owner, purposeReset, reset.ExpiresAt); err != nil {
		return PasswordReset{}, err
	}
	if owner.IsZero() {
		reset = PasswordReset{}
	}
	return reset, record(ctx, db, action, row.ID)
}

// newUserToken makes a token; nobody's where there is no user. It takes the place of two that have expired.
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
	_, err = db.Exec(ctx, `DELETE FROM hms.user_token WHERE tenant_id = $1 AND token_hash IN (SELECT token_hash
		FROM hms.user_token WHERE tenant_id = $1 AND expires_at < $2
		ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED)`, db.Tenant(), db.Now)
	if err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.user_token (tenant_id, token_hash, user_id, purpose, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, db.Tenant(), hash, user, string(purpose), db.Now, expires)
	return token, err
}

// endTokens ends a user's tokens of a purpose.
func endTokens(ctx context.Context, db dbx.DB, user hmstype.UserID, purpose tokenPurpose) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_token SET used_at = $1
		WHERE tenant_id = $2 AND user_id = $3 AND purpose = $4 AND used_at IS NULL`,
		db.Now, db.Tenant(), user, string(purpose))
	return err
}

// useToken takes a token of a purpose and gives its user; the others of the purpose end with it, so of
// many at once, whichever they are, one succeeds. They are locked in one order for all.
func useToken(
	ctx context.Context, db dbx.DB, token hmstype.Secret, purpose tokenPurpose,
) (user hmstype.UserID, err error) {
	hash := hashToken(token.Reveal())
	var locked int
	err = db.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM hms.user_token WHERE tenant_id = $1 AND purpose = $3
		AND user_id = (SELECT t.user_id FROM hms.user_token AS t WHERE t.tenant_id = $1 AND t.token_hash = $2)
		ORDER BY token_hash FOR UPDATE) AS locked`, db.Tenant(), hash, string(purpose)).Scan(&locked)
	if err != nil {
		return user, err
	}
	err = db.QueryRow(ctx, `UPDATE hms.user_token SET used_at = $1
		WHERE tenant_id = $2 AND token_hash = $3 AND purpose = $4 AND user_id IS NOT NULL
			AND used_at IS NULL AND expires_at > $1 RETURNING user_id`,
		db.Now, db.Tenant(), hash, string(purpose)).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrTokenInvalid
	}
	if err != nil {
		return user, err
	}
	return user, endTokens(ctx, db, user, purpose)
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
	checkLength(&v, in.Password, "password")
	return v.Err()
}

// sampleNewPassword is what the samples of declarations set a password by.
var sampleNewPassword = ResetPasswordInput{Token: resetToken, Password: "six words that nobody else says"}

var opResetPassword = usecase.Command[ResetPasswordInput, User]{
	Name: "identity.reset_password", Permission: hmstype.PermAuthenticate, Shows: usecase.Nobody[User](noPatient),
	Sample: sampleNewPassword,
}.Declare()

// ResetPassword sets a new password by a token of [Service.RequestPasswordReset], ends all others of these
// and all sessions of the user, forgets his devices and unlocks the account. The token is used up only if
// the password is accepted. [ErrTokenInvalid] for one that was used, has expired or never was.
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
