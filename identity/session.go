package identity

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// seenEvery is how exactly the last activity is known: it is written once a minute at most,
// so that a request does not cost a write. A session may so end up to a minute early.
const seenEvery = time.Minute

// maxSessions is how many sessions a user may have at once; one more, and the oldest ends.
const maxSessions = 20

// Session is somebody's stay in the system (45 CFR 164.312(a)(2)(iii): automatic logoff).
type Session struct {
	ID              hmstype.SessionID `json:"id"`
	User            hmstype.UserID    `json:"user"`
	Source          string            `json:"source"`                   // where it was begun from
	UserAgent       string            `json:"userAgent"`                // of the client
	StartedAt       time.Time         `json:"startedAt,omitzero"`       // UTC
	AuthenticatedAt time.Time         `json:"authenticatedAt,omitzero"` // UTC; when the person last proved who he is
	LastSeenAt      time.Time         `json:"lastSeenAt,omitzero"`      // UTC, to the minute
	ExpiresAt       time.Time         `json:"expiresAt,omitzero"`       // UTC; at the latest
	EndedAt         time.Time         `json:"endedAt,omitzero"`         // UTC; zero while it runs, or has run out
	EndReason       string            `json:"endReason,omitempty"`      // empty while it runs
}

type sessionRow struct {
	bun.BaseModel `bun:"table:hms.user_session,alias:s"`
	dbx.Tenanted
	ID              hmstype.SessionID `bun:"id,pk"`
	UserID          hmstype.UserID
	TokenHash       []byte
	Source          string
	UserAgent       string
	StartedAt       time.Time
	AuthenticatedAt time.Time
	LastSeenAt      time.Time
	ExpiresAt       time.Time
	MustRotate      bool
	EndedAt         time.Time `bun:",nullzero"`
	EndReason       string
}

func (r sessionRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartedAt, ID: r.ID.UUID()}
}

func (r sessionRow) session() Session {
	return Session{
		ID: r.ID, User: r.UserID, Source: r.Source, UserAgent: r.UserAgent, StartedAt: r.StartedAt.UTC(),
		AuthenticatedAt: r.AuthenticatedAt.UTC(), LastSeenAt: r.LastSeenAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		EndedAt: r.EndedAt.UTC(), EndReason: r.EndReason,
	}
}

// beginSession makes a session and its token.
func (s *Service) beginSession(
	ctx context.Context, db dbx.DB, user hmstype.UserID, source, userAgent string, proved time.Time,
) (Login, error) {
	token, hash, err := newToken(sessionToken, db.Tenant())
	if err != nil {
		return Login{}, err
	}
	row := sessionRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.SessionID](), UserID: user, TokenHash: hash,
		Source: source, UserAgent: userAgent, StartedAt: db.Now, AuthenticatedAt: proved, LastSeenAt: db.Now,
		ExpiresAt: db.Now.Add(s.config.SessionTimeout),
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Login{}, err
	}
	if err := s.endOldest(ctx, db, user); err != nil {
		return Login{}, err
	}
	loaded, err := s.loadUser(ctx, db, user)
	return Login{Token: token, Session: row.session(), User: loaded}, err
}

// endOldest bounds the sessions that a user has at once: the oldest ends.
func (s *Service) endOldest(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	n, err := db.Exec(ctx, `UPDATE hms.user_session SET ended_at = $3, end_reason = 'too many sessions'
		WHERE tenant_id = $1 AND id IN (SELECT id FROM hms.user_session WHERE tenant_id = $1 AND user_id = $2
			AND ended_at IS NULL AND expires_at > $3 AND last_seen_at > $4 ORDER BY started_at DESC, id DESC OFFSET $5)`,
		db.Tenant(), user, db.Now, db.Now.Add(-s.config.IdleTimeout), maxSessions)
	if err != nil || n == 0 {
		return err
	}
	return record(ctx, db, "session_ended", user)
}

// byToken is by what the caller of a use case proves himself who has no actor yet.
const byToken = "the token proves"

var opAuthenticate = usecase.Proof{
	Name: "identity.authenticate", Why: byToken, Quiet: "who asks with every request; what he then does is recorded",
}.Declare()

// Authenticate gives the actor whom a session's token, or an API key, stands for: the host's
// middleware calls it with each request, and puts the actor into the context. It needs no
// actor itself; the token names the tenant. [ErrSessionEnded] for a token that is not valid any
// more or never was, [ErrRotationRequired] where the user's roles changed since. A session that
// was ended is refused within a second by every process.
func (s *Service) Authenticate(ctx context.Context, token hmstype.Secret) (hmstype.Actor, error) {
	tenant, err := TokenTenant(token)
	if err != nil {
		return hmstype.Actor{}, ErrSessionEnded
	}
	hash, now := hashToken(token.Reveal()), s.base.DB.Now()
	if actor, ok := s.sessions.get(hash, now); ok {
		return actor, nil
	}
	var actor hmstype.Actor
	ctx = hmstype.WithActor(ctx, hmstype.SystemActor(tenant, "authenticate"))
	err = opAuthenticate.Run(ctx, &s.base, func(ctx context.Context, db dbx.DB) (err error) {
		if _, notKey := parseToken(apiKeyToken, token); notKey == nil {
			actor, err = authenticateKey(ctx, db, hash)
		} else {
			actor, err = s.authenticateSession(ctx, db, hash)
		}
		return err
	})
	if err != nil {
		return hmstype.Actor{}, err
	}
	s.sessions.put(hash, actor, now.Add(sessionTTL))
	return actor, nil
}

func (s *Service) authenticateSession(ctx context.Context, db dbx.DB, hash []byte) (hmstype.Actor, error) {
	row, err := s.liveSession(ctx, db, hash)
	if err != nil {
		return hmstype.Actor{}, err
	}
	if row.MustRotate {
		return hmstype.Actor{}, ErrRotationRequired
	}
	if db.Now.Sub(row.LastSeenAt) >= seenEvery {
		_, err := db.Exec(ctx, `UPDATE hms.user_session SET last_seen_at = $1 WHERE tenant_id = $2 AND id = $3
			AND last_seen_at < $1`,
			db.Now, db.Tenant(), row.ID)
		if err != nil {
			return hmstype.Actor{}, err
		}
	}
	actor := hmstype.HumanActor(db.Tenant(), row.UserID)
	if actor.Person, err = db.PersonOf(ctx, row.UserID); err != nil {
		return hmstype.Actor{}, err
	}
	actor.Session, actor.AuthenticatedAt = row.ID, row.AuthenticatedAt.UTC()
	return actor, nil
}

// liveSession finds a session that neither was ended nor ran out, of a user who is active.
func (s *Service) liveSession(ctx context.Context, db dbx.DB, hash []byte, more ...dbx.Apply) (sessionRow, error) {
	more = append(more, dbx.Equal("token_hash", hash), dbx.Where("s.ended_at IS NULL"),
		dbx.Where("s.expires_at > ?", db.Now), dbx.Where("s.last_seen_at > ?", db.Now.Add(-s.config.IdleTimeout)),
		dbx.Where("EXISTS (SELECT 1 FROM hms.user_account AS u WHERE u.tenant_id = ? AND u.id = s.user_id AND u.status = ?)",
			db.Tenant(), UserActive))
	rows, err := dbx.All[sessionRow](ctx, db, more...)
	if err != nil {
		return sessionRow{}, err
	}
	if len(rows) == 0 {
		return sessionRow{}, ErrSessionEnded
	}
	return rows[0], nil
}

var opRotateSession = usecase.Proof{Name: "identity.rotate_session", Why: byToken}.Declare()

// RotateSession gives the session a new token and ends the old one, as a host should after
// [ErrRotationRequired] and at other changes of privilege. Of many at once one wins; the others
// get [ErrSessionEnded]. What was proved, and when the session expires, stays as it was.
func (s *Service) RotateSession(ctx context.Context, token hmstype.Secret) (Login, error) {
	tenant, err := parseToken(sessionToken, token)
	if err != nil {
		return Login{}, ErrSessionEnded
	}
	var login Login
	ctx = hmstype.WithActor(ctx, hmstype.SystemActor(tenant, "authenticate"))
	err = opRotateSession.Run(ctx, &s.base, func(ctx context.Context, db dbx.DB) error {
		old, err := s.liveSession(ctx, db, hashToken(token.Reveal()), dbx.ForUpdate)
		if err != nil {
			return err
		}
		if err := endSession(ctx, db, old.ID, "rotated"); err != nil {
			return err
		}
		if login, err = s.beginSession(ctx, db, old.UserID, old.Source, old.UserAgent, old.AuthenticatedAt); err != nil {
			return err
		}
		login.Session.ExpiresAt = old.ExpiresAt.UTC()
		_, err = db.Exec(ctx, `UPDATE hms.user_session SET expires_at = $1 WHERE tenant_id = $2 AND id = $3`,
			old.ExpiresAt, db.Tenant(), login.Session.ID)
		if err != nil {
			return err
		}
		return record(ctx, db, "session_rotated", old.UserID)
	})
	s.sessions.clear()
	return login, err
}

func endSession(ctx context.Context, db dbx.DB, id hmstype.SessionID, reason string) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_session SET ended_at = $1, end_reason = $2 WHERE tenant_id = $3 AND id = $4
		AND ended_at IS NULL`,
		db.Now, reason, db.Tenant(), id)
	return err
}

// endSessions ends all of a user's sessions but one.
func endSessions(ctx context.Context, db dbx.DB, user hmstype.UserID, but hmstype.SessionID, reason string) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_session SET ended_at = $1, end_reason = $2
		WHERE tenant_id = $3 AND user_id = $4 AND ended_at IS NULL
		AND id <> coalesce($5::uuid, '00000000-0000-0000-0000-000000000000')`,
		db.Now, reason, db.Tenant(), user, but)
	return err
}

// endAccess ends whatever a user could act by, in the use case's own transaction: sessions, devices,
// tokens and API keys.
func endAccess(ctx context.Context, db dbx.DB, user hmstype.UserID, reason string) error {
	if err := endSessions(ctx, db, user, hmstype.SessionID{}, reason); err != nil {
		return err
	}
	if err := forgetDevices(ctx, db, user); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, `UPDATE hms.user_token SET used_at = $1 WHERE tenant_id = $2 AND user_id = $3
		AND used_at IS NULL`,
		db.Now, db.Tenant(), user); err != nil {
		return err
	}
	_, err := db.Exec(ctx, `UPDATE hms.api_key SET revoked_at = $1, version = version + 1
		WHERE tenant_id = $2 AND user_id = $3 AND revoked_at IS NULL`, db.Now, db.Tenant(), user)
	return err
}

// requireRotation makes the user's sessions get new tokens before they go on.
func requireRotation(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	_, err := db.Exec(ctx, `UPDATE hms.user_session SET must_rotate = true WHERE tenant_id = $1 AND user_id = $2
		AND ended_at IS NULL`,
		db.Tenant(), user)
	return err
}

var opLogout = usecase.Proof{Name: "identity.logout", Why: byToken}.Declare()

// Logout ends the session of a token; one that has ended already is no error.
func (s *Service) Logout(ctx context.Context, token hmstype.Secret) error {
	tenant, err := parseToken(sessionToken, token)
	if err != nil {
		return ErrSessionEnded
	}
	ctx = hmstype.WithActor(ctx, hmstype.SystemActor(tenant, "authenticate"))
	err = opLogout.Run(ctx, &s.base, func(ctx context.Context, db dbx.DB) error {
		row, err := s.liveSession(ctx, db, hashToken(token.Reveal()), dbx.ForUpdate)
		if err != nil {
			return err
		}
		if err := endSession(ctx, db, row.ID, "logout"); err != nil {
			return err
		}
		return record(ctx, db, "logout", row.UserID)
	})
	s.sessions.clear()
	if errors.Is(err, ErrSessionEnded) {
		return nil
	}
	return err
}

var opReauthenticate = usecase.Proof{Name: "identity.reauthenticate", Why: ownAccount}.Declare()

// Reauthenticate proves anew who the actor is, for what wants a recent proof: the session's
// AuthenticatedAt, and so the next actor's, is now. [ErrLoginFailed].
func (s *Service) Reauthenticate(ctx context.Context, password hmstype.Secret) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	if _, err := s.provePassword(ctx, actor, password); err != nil {
		return err
	}
	defer s.sessions.clear()
	return s.asSelf(ctx, opReauthenticate, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `UPDATE hms.user_session SET authenticated_at = $1 WHERE tenant_id = $2 AND id = $3
			AND ended_at IS NULL`,
			db.Now, db.Tenant(), actor.Session)
		if err != nil {
			return err
		}
		return record(ctx, db, "reauthenticated", actor.User)
	})
}
