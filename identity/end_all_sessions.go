package identity

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EndAllSessionsInput says what ends besides.
type EndAllSessionsInput struct {
	// APIKeys revokes every API key as well: programs need new ones. Without it those go on, also the ones that were
	// revoked after the instant to which the database was restored.
	APIKeys bool `json:"apiKeys"`
}

// Validate implements the rules above.
func (EndAllSessionsInput) Validate() error { return nil }

// EndedSessions tells how much ended.
type EndedSessions struct {
	Sessions int64 `json:"sessions"`
	Tokens   int64 `json:"tokens"` // links for a new password, invitations
	APIKeys  int64 `json:"apiKeys"`
}

var opEndAllSessions = usecase.Command[EndAllSessionsInput, EndedSessions]{
	Name: "identity.end_all_sessions", Permission: hmstype.PermIdentityManage,
	Shows:     usecase.Nobody[EndedSessions]("counts only"),
	MayBeIdle: "where nobody is signed in nothing ends", Sample: EndAllSessionsInput{APIKeys: true},
}.Declare()

// EndAllSessions ends every session of the tenant, the actor's own included, and makes the tokens of links that are out
// useless: after a restore, which brings back what had been ended, or when somebody may have read the tokens. People
// sign in again; from devices that they are known by they wait for no stranger. What ended is told per user.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) EndAllSessions(ctx context.Context, in EndAllSessionsInput) (EndedSessions, error) {
	ended, err := opEndAllSessions.Run(ctx, &s.base, in, endEverybodysSessions)
	s.sessions.clear()
	return ended, err
}

func endEverybodysSessions(ctx context.Context, db dbx.DB, in EndAllSessionsInput) (ended EndedSessions, err error) {
	ended.Sessions, err = endOf(ctx, db, "session_ended", `UPDATE hms.user_session SET ended_at = $2,
		end_reason = 'ended for everybody' WHERE tenant_id = $1 AND ended_at IS NULL RETURNING user_id`)
	if err != nil {
		return ended, err
	}
	ended.Tokens, err = db.Exec(ctx, `UPDATE hms.user_token SET used_at = $2 WHERE tenant_id = $1 AND used_at IS NULL`,
		db.Tenant(), db.Now)
	if err != nil || !in.APIKeys {
		return ended, err
	}
	ended.APIKeys, err = endOf(ctx, db, "api_key_revoked", `UPDATE hms.api_key SET revoked_at = $2,
		version = version + 1 WHERE tenant_id = $1 AND revoked_at IS NULL RETURNING user_id`)
	return ended, err
}

// endOf runs a statement that ends something, and puts on record whose it was.
func endOf(ctx context.Context, db dbx.DB, action, statement string) (n int64, err error) {
	users := map[hmstype.UserID]bool{}
	err = func() error {
		rows, err := db.Query(ctx, statement, db.Tenant(), db.Now)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err below tells what matters
		for ; rows.Next(); n++ {
			var user hmstype.UserID
			if err := rows.Scan(&user); err != nil {
				return err
			}
			users[user] = true
		}
		return rows.Err()
	}()
	if err != nil {
		return 0, err
	}
	for _, user := range slices.SortedFunc(maps.Keys(users), func(a, b hmstype.UserID) int {
		return cmp.Compare(a.String(), b.String())
	}) {
		if err := record(ctx, db, action, user); err != nil {
			return 0, err
		}
	}
	return n, nil
}
