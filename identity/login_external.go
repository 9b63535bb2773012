package identity

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// clockSkew is how far the clock of an identity provider may go ahead of ours.
const clockSkew = time.Minute

// LoginExternalInput is what an identity provider asserts, and the host has verified: the signature, the
// audience, the nonce, the times.
type LoginExternalInput struct {
	ExternalSubject
	// AuthenticatedAt is when the person proved himself to the provider: auth_time of OpenID Connect, which a
	// request with max_age makes the provider give, AuthnInstant of SAML. Required; at most a minute
	// in the future, for clocks that differ.
	AuthenticatedAt time.Time `json:"authenticatedAt,omitzero"`
	// where the request comes from, such as the client's address; up to 200 characters
	Source    string `json:"source"`
	UserAgent string `json:"userAgent"` // of the client; up to 500 characters
}

// Validate implements the rules above.
func (in LoginExternalInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	v.Required(!in.AuthenticatedAt.IsZero(), "authenticatedAt")
	v.Text(in.Source, "source", 0, 200)
	v.Text(in.UserAgent, "userAgent", 0, 500)
	return v.Err()
}

var opLoginExternal = usecase.Command[LoginExternalInput, loginOutcome]{
	Name: "identity.login_external", Permission: hmstype.PermAuthenticate,
	Alone:    true,
	HostOnly: true, // nothing but the caller's word says that somebody is there
	Shows:    usecase.Nobody[loginOutcome](noPatient),
	Sample: LoginExternalInput{
		ExternalSubject: sampleSubject, AuthenticatedAt: usecase.SampleAt, Source: "192.0.2.1", UserAgent: "a browser",
	},
}.Declare()

// LoginExternal begins a session of the user to whom an identity is linked that the host's identity provider
// asserts. The actor is the host's own, and nobody else may be: [hmstype.ErrPermissionDenied]. The session's
// proof is as old as the provider says, so what wants a recent one sends the person there again (max_age,
// ForceAuthn). Second factors are the provider's; the session ends as any other does, with the account's
// deactivation too. [ErrLoginFailed] where the identity is not linked or the account may not act. Successes and
// failures are on the trail, and stay there if the host's own use case fails.
// Permission: [hmstype.PermAuthenticate].
func (s *Service) LoginExternal(ctx context.Context, in LoginExternalInput) (Login, error) {
	done, err := opLoginExternal.Run(ctx, &s.base, in, s.loginExternal)
	if err == nil && done.err != nil {
		err = &hmstype.Error{Op: opLoginExternal.Name, Err: done.err}
	}
	return done.login, err
}

func (s *Service) loginExternal(ctx context.Context, db dbx.DB, in LoginExternalInput) (loginOutcome, error) {
	if in.AuthenticatedAt.After(db.Now.Add(clockSkew)) {
		return loginOutcome{}, hmstype.Invalid("authenticatedAt", "must not lie in the future")
	}
	found, err := dbx.All[externalIdentityRow](ctx, db,
		dbx.Equal("issuer", in.Issuer), dbx.Equal("subject", in.Subject))
	if err != nil {
		return loginOutcome{}, err
	}
	if len(found) == 0 {
		return loginOutcome{err: ErrLoginFailed}, record(ctx, db, "login_failed", hmstype.UserID{})
	}
	user, err := dbx.Get[userRow](ctx, db, "user_account", found[0].UserID, dbx.ForUpdate)
	if err != nil {
		return loginOutcome{}, err
	}
	// Under the lock of the user it is still linked: whoever ends the link ends the session as well.
	linked, err := dbx.Exists[externalIdentityRow](ctx, db, dbx.Equal("id", found[0].ID))
	if err != nil {
		return loginOutcome{}, err
	}
	if !linked || user.Status != UserActive {
		return loginOutcome{err: ErrLoginFailed}, record(ctx, db, "login_failed", user.ID)
	}
	proved := in.AuthenticatedAt
	if proved.After(db.Now) {
		proved = db.Now
	}
	login, err := s.beginSession(ctx, db, user.ID, in.Source, in.UserAgent, proved.UTC().Truncate(time.Microsecond))
	if err != nil {
		return loginOutcome{}, err
	}
	return loginOutcome{login: login}, record(ctx, db, "login", user.ID)
}
