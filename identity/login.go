package identity

import (
	"context"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// LoginInput is what somebody says who wants in.
type LoginInput struct {
	Login    string         `json:"login"`    // the username or the e-mail address; required
	Password hmstype.Secret `json:"password"` // required
	// of the second factor: six digits, or a recovery code; empty where there is none
	Code hmstype.Secret `json:"code"`
	// where the request comes from, such as the client's address; up to 200 characters
	Source    string `json:"source"`
	UserAgent string `json:"userAgent"` // of the client; up to 500 characters
	// what an earlier [Login] gave for this user and this device; empty for none. One that is not, or no
	// longer, the user's is as none.
	Device hmstype.Secret `json:"device"`
}

// Validate implements the rules above.
func (in LoginInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, in.Login, "login", 254)
	v.Required(in.Password != "", "password")
	checkLength(&v, in.Password, "password")
	checkCode(&v, in.Code)
	v.Check(len(in.Device) <= 200, "device", "is too long")
	v.Text(in.Source, "source", 0, 200)
	v.Text(in.UserAgent, "userAgent", 0, 500)
	return v.Err()
}

// Login is a session that has just begun. The token is shown this once; only its hash is kept.
type Login struct {
	Token   hmstype.Secret `json:"token"`
	Session Session        `json:"session"`
	User    User           `json:"user"`
	// Device is what [LoginInput] of the next login from here gives back; the host keeps it in a cookie of its
	// own that outlives the session, one per user of a shared workstation. It lets nobody in, but strangers
	// who guess cannot make its person wait. Good for [DeviceTrust] from each login on, until the
	// password changes or it is ended. Empty where the session came from no password.
	Device hmstype.Secret `json:"device"`
}

var sampleLogin = LoginInput{
	Login: "a.odhiambo", Password: "six words that nobody else says", Code: "123456",
	Source: "192.0.2.1", UserAgent: "a browser", Device: deviceToken,
}

// opCountLogin is the first of the two transactions of a login: the attempt is counted and committed
// before the password is looked at.
var opCountLogin = usecase.Command[LoginInput, attempt]{
	Name: "identity.count_login", Permission: hmstype.PermAuthenticate, Shows: usecase.Nobody[attempt](noPatient),
	Quiet: "counts the attempt; identity.login records how it ended", Alone: true, Sample: sampleLogin,
}.Declare()

var opLogin = usecase.Command[LoginInput, loginOutcome]{
	Name: "identity.login", Permission: hmstype.PermAuthenticate,
	Shows: usecase.Nobody[loginOutcome](noPatient), Alone: true, Sample: sampleLogin,
}.Declare()

// Login begins a session. The actor is the host's own: hmstype.SystemActor(tenant, "login").
//
// [ErrLoginFailed] whatever is wrong, after the same work; [ErrSecondFactorRequired] where the
// password was right and no code was given. Attempts are counted before they are looked at: from
// the fifth failure on an account must wait, 1 s and then twice as long each time up to 5
// minutes, and after 100 it is locked until its password is reset or [Service.UnlockPassword]. A device
// from which the user has logged in before is counted by itself, and neither waits for what
// strangers do nor for that lock; after 20 failures it is a stranger's.
// Successes and failures are on the trail, and stay there if the host's own use case fails.
// Permission: [hmstype.PermAuthenticate].
func (s *Service) Login(ctx context.Context, in LoginInput) (Login, error) {
	begun, err := opCountLogin.Run(ctx, &s.base, in, beginLogin)
	if err != nil {
		return Login{}, err
	}
	fits, outdated, err := s.hasher.verify(ctx, begun.hash, in.Password)
	if err != nil {
		return Login{}, &hmstype.Error{Op: opLogin.Name, Err: err}
	}
	newHash := ""
	if fits && outdated {
		if newHash, err = s.hasher.hash(ctx, in.Password); err != nil {
			return Login{}, &hmstype.Error{Op: opLogin.Name, Err: err}
		}
	}
	done, err := opLogin.Run(ctx, &s.base, in, func(ctx context.Context, db dbx.DB, in LoginInput) (loginOutcome, error) {
		return s.finishLogin(ctx, db, in, begun, fits, newHash)
	})
	if err == nil && done.err != nil {
		err = &hmstype.Error{Op: opLogin.Name, Err: done.err}
	}
	return done.login, err
}

// attempt is one try to prove who somebody is.
type attempt struct {
	user  hmstype.UserID // zero for nobody
	hash  string         // empty where nothing can fit
	known bool           // an active user who may try now
	from  origin         // where it was counted
}

// Given gives nil: what is counted is nobody's.
func (attempt) Given() any { return nil }

// loginOutcome carries a refusal past the commit of its record.
type loginOutcome struct {
	login Login
	err   error
}

// Given gives the login, for a hook; nil where it was refused.
func (o loginOutcome) Given() any {
	if o.err != nil {
		return nil
	}
	return o.login
}

func beginLogin(ctx context.Context, db dbx.DB, in LoginInput) (attempt, error) {
	row, found, err := findLogin(ctx, db, in.Login)
	if err != nil {
		return attempt{}, err
	}
	from := origin{user: row.ID, source: in.Source}
	if from.device, err = findDevice(ctx, db, row.ID, in.Device); err != nil {
		return attempt{}, err
	}
	if from.device.IsZero() && in.Source != "" {
		refused, err := countSource(ctx, db, sourceKey("source", in.Source), freeSource, longestSource)
		if err != nil || refused {
			return attempt{}, err
		}
	}
	if !found { // an unknown name must wait like a known one, or waiting would tell them apart
		_, wanted := loginKey(in.Login)
		_, err := countSource(ctx, db, sourceKey("name", wanted), freeFailures, longestDelay)
		return attempt{}, err
	}
	hash, refused, err := from.count(ctx, db)
	if err != nil || refused || row.Status != UserActive {
		return attempt{user: row.ID}, err
	}
	return attempt{user: row.ID, hash: hash, known: true, from: from}, nil
}

// findLogin finds a user by name or e-mail address. No name looks like an address but the
// user's own, so at most one fits.
func findLogin(ctx context.Context, db dbx.DB, login string) (userRow, bool, error) {
	column, wanted := loginKey(login)
	rows, err := dbx.All[userRow](ctx, db, dbx.Equal(column, wanted))
	if err != nil || len(rows) == 0 {
		return userRow{}, false, err
	}
	return rows[0], true, nil
}

// loginKey gives what a login is looked up, and counted, by: all its spellings are one.
func loginKey(login string) (column, wanted string) {
	if key := names.NameKey(login); !strings.ContainsRune(key, '@') {
		return "username_key", key
	}
	return "email_key", names.CodeKey(login)
}

func (s *Service) finishLogin(
	ctx context.Context, db dbx.DB, in LoginInput, begun attempt, fits bool, newHash string,
) (loginOutcome, error) {
	if !begun.known || !fits {
		return loginOutcome{err: ErrLoginFailed}, record(ctx, db, "login_failed", begun.user)
	}
	second, err := s.checkSecondFactor(ctx, db, begun.user, in.Code)
	switch {
	case err != nil:
		return loginOutcome{}, err
	case second == factorMissing: // somebody knows the password, which its person may want to hear of
		if err := begun.from.takeBack(ctx, db); err != nil {
			return loginOutcome{}, err
		}
		return loginOutcome{err: ErrSecondFactorRequired}, record(ctx, db, "second_factor_required", begun.user)
	case second == factorWrong:
		return loginOutcome{err: ErrLoginFailed}, record(ctx, db, "login_failed", begun.user)
	}
	// The account may have been locked, or the password reset, while the hash was computed.
	row, err := dbx.Get[userRow](ctx, db, "user_account", begun.user, dbx.ForShare)
	if err != nil {
		return loginOutcome{}, err
	}
	current, err := stillPassword(ctx, db, begun)
	if err != nil {
		return loginOutcome{}, err
	}
	if row.Status != UserActive || !current {
		return loginOutcome{err: ErrLoginFailed}, record(ctx, db, "login_failed", begun.user)
	}
	if err := begun.from.forget(ctx, db); err != nil {
		return loginOutcome{}, err
	}
	if newHash != "" {
		_, err := db.Exec(ctx, `UPDATE hms.user_password SET hash = $1 WHERE tenant_id = $2 AND user_id = $3 AND hash = $4`,
			newHash, db.Tenant(), begun.user, begun.hash)
		if err != nil {
			return loginOutcome{}, err
		}
	}
	login, err := s.beginSession(ctx, db, begun.user, in.Source, in.UserAgent, db.Now)
	if err != nil {
		return loginOutcome{}, err
	}
	if login.Device, err = rememberDevice(ctx, db, begun, in); err != nil {
		return loginOutcome{}, err
	}
	return loginOutcome{login: login}, record(ctx, db, "login", begun.user)
}

// stillPassword tells whether the hash that was looked at is still the user's, and keeps it so
// until the session has begun: a reset that comes later then ends that session as well.
func stillPassword(ctx context.Context, db dbx.DB, begun attempt) (bool, error) {
	var hash string
	err := db.QueryRow(ctx, `SELECT hash FROM hms.user_password WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE`,
		db.Tenant(), begun.user).Scan(&hash)
	return hash == begun.hash, err
}
