package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListSessionsInput selects sessions.
type ListSessionsInput struct {
	User hmstype.UserID `json:"user"` // required
	Page hmstype.Page   `json:"page"` // newest first
}

// Validate implements the rules above.
func (q ListSessionsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!q.User.IsZero(), "user")
	v.Nested("", q.Page.Validate())
	return v.Err()
}

var opListSessions = usecase.Query[ListSessionsInput, hmstype.List[Session]]{
	Name: "identity.list_sessions", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[hmstype.List[Session]](noPatient), Quiet: noPatient,
	Sample: ListSessionsInput{},
}.Declare()

// ListSessions lists a user's sessions, those that ended too.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListSessions(ctx context.Context, query ListSessionsInput) (hmstype.List[Session], error) {
	return opListSessions.Run(ctx, &s.base, query, listSessions)
}

var opListMySessions = usecase.Proof{
	Name: "identity.list_my_sessions", Why: ownAccount, Quiet: "one's own account, no patient's data",
}.Declare()

// ListMySessions lists the actor's own sessions.
func (s *Service) ListMySessions(ctx context.Context, page hmstype.Page) (list hmstype.List[Session], err error) {
	actor, err := s.self(ctx)
	if err != nil {
		return list, err
	}
	err = s.asSelf(ctx, opListMySessions, func(ctx context.Context, db dbx.DB) (err error) {
		list, err = listSessions(ctx, db, ListSessionsInput{User: actor.User, Page: page})
		return err
	})
	return list, err
}

func listSessions(ctx context.Context, db dbx.DB, query ListSessionsInput) (hmstype.List[Session], error) {
	return dbx.List(ctx, db, query.Page, dbx.Order{At: "started_at", Desc: true}, sessionRow.session,
		dbx.Equal("user_id", query.User))
}

var opEndSession = usecase.Command[usecase.ByID[hmstype.SessionID], usecase.None]{
	Name: "identity.end_session", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[usecase.None](noPatient),
}.Declare()

// EndSession ends one session of anybody.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) EndSession(ctx context.Context, id hmstype.SessionID) error {
	_, err := opEndSession.Run(ctx, &s.base, usecase.ID(id), endAnySession)
	s.sessions.clear()
	return err
}

func endAnySession(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.SessionID]) (usecase.None, error) {
	row, err := dbx.Get[sessionRow](ctx, db, "user_session", in.ID)
	if err != nil {
		return usecase.None{}, err
	}
	if err := endSession(ctx, db, in.ID, "ended by an administrator"); err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, record(ctx, db, "session_ended", row.UserID)
}

var opEndSessions = usecase.Command[usecase.ByID[hmstype.UserID], usecase.None]{
	Name: "identity.end_sessions", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[usecase.None](noPatient),
}.Declare()

// EndSessions ends all sessions of a user.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) EndSessions(ctx context.Context, user hmstype.UserID) error {
	_, err := opEndSessions.Run(ctx, &s.base, usecase.ID(user), endAllSessions)
	s.sessions.clear()
	return err
}

func endAllSessions(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (usecase.None, error) {
	if _, err := dbx.Get[userRow](ctx, db, "user_account", in.ID); err != nil {
		return usecase.None{}, err
	}
	if err := endSessions(ctx, db, in.ID, hmstype.SessionID{}, "ended by an administrator"); err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, record(ctx, db, "session_ended", in.ID)
}

var opEndMySession = usecase.Proof{Name: "identity.end_my_session", Why: ownAccount}.Declare()

// EndMySession ends one of the actor's own sessions; not found for another's.
func (s *Service) EndMySession(ctx context.Context, id hmstype.SessionID) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	defer s.sessions.clear()
	return s.asSelf(ctx, opEndMySession, func(ctx context.Context, db dbx.DB) error {
		row, err := dbx.Get[sessionRow](ctx, db, "user_session", id)
		if err == nil && row.UserID != actor.User {
			err = hmstype.NotFound("user_session", id)
		}
		if err != nil {
			return err
		}
		if err := endSession(ctx, db, id, "ended by the user"); err != nil {
			return err
		}
		return record(ctx, db, "session_ended", row.UserID)
	})
}
