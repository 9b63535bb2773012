package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opListExternalIdentities = usecase.Query[usecase.ByID[hmstype.UserID], []ExternalIdentity]{
	Name: "identity.list_external_identities", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[[]ExternalIdentity](noPatient), Quiet: noPatient,
}.Declare()

// ListExternalIdentities lists by what a user may sign in from outside, the oldest first.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListExternalIdentities(ctx context.Context, user hmstype.UserID) ([]ExternalIdentity, error) {
	return opListExternalIdentities.Run(ctx, &s.base, usecase.ID(user), externalIdentities)
}

func externalIdentities(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID],
) ([]ExternalIdentity, error) {
	rows, err := dbx.All[externalIdentityRow](ctx, db, dbx.Equal("user_id", in.ID), dbx.OrderBy("x.created_at", "x.id"))
	list := make([]ExternalIdentity, len(rows))
	for i, r := range rows {
		list[i] = r.identity()
	}
	return list, err
}
