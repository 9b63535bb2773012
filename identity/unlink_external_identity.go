package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opUnlinkExternalIdentity = usecase.Command[usecase.ByID[hmstype.ExternalIdentityID], usecase.None]{
	Name: "identity.unlink_external_identity", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[usecase.None](noPatient),
}.Declare()

// UnlinkExternalIdentity ends that somebody may sign in by an identity, and all sessions of its user. The identity
// may be linked anew. What it was stays on the trail.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) UnlinkExternalIdentity(ctx context.Context, id hmstype.ExternalIdentityID) error {
	_, err := opUnlinkExternalIdentity.Run(ctx, &s.base, usecase.ID(id), unlinkExternalIdentity)
	s.sessions.clear()
	return err
}

// See migrate/routine/identity/unlink_external_identity.sql.
func unlinkExternalIdentity(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ExternalIdentityID],
) (usecase.None, error) {
	row, err := dbx.Get[externalIdentityRow](ctx, db, "external_identity", in.ID)
	if err != nil {
		return usecase.None{}, err
	}
	if _, err := dbx.Get[userRow](ctx, db, "user_account", row.UserID, dbx.ForUpdate); err != nil {
		return usecase.None{}, err
	}
	var n int64
	err = db.QueryRow(ctx, `SELECT hms.unlink_external_identity($1, $2)`, db.Tenant(), in.ID).Scan(&n)
	if err == nil && n == 0 { // somebody was faster
		err = hmstype.NotFound("external_identity", in.ID)
	}
	if err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, endSessions(ctx, db, row.UserID, hmstype.SessionID{}, "identity unlinked")
}
