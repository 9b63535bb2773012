package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListAccessChangesInput selects requests of one state.
type ListAccessChangesInput struct {
	Status AccessChangeStatus `json:"status"` // empty means requested, those that have expired too
	Page   hmstype.Page       `json:"page"`   // oldest first
}

// Validate implements the rules above.
func (q ListAccessChangesInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, q.Status, "status", "", AccessRequested, AccessApproved, AccessRejected, AccessWithdrawn)
	v.Nested("", q.Page.Validate())
	return v.Err()
}

var opListAccessChanges = usecase.Query[ListAccessChangesInput, hmstype.List[AccessChange]]{
	Name: "identity.list_access_changes", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[hmstype.List[AccessChange]](noPatient), Quiet: noPatient,
	Sample: ListAccessChangesInput{},
}.Declare()

// ListAccessChanges lists requests to change who may do what, those first that wait longest.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListAccessChanges(
	ctx context.Context, query ListAccessChangesInput,
) (hmstype.List[AccessChange], error) {
	return opListAccessChanges.Run(ctx, &s.base, query, listAccessChanges)
}

func listAccessChanges(
	ctx context.Context, db dbx.DB, in ListAccessChangesInput,
) (hmstype.List[AccessChange], error) {
	if in.Status == "" {
		in.Status = AccessRequested
	}
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, accessChangeRow.change, dbx.Equal("status", in.Status))
}

var opGetAccessChange = usecase.Query[usecase.ByID[hmstype.AccessChangeID], AccessChange]{
	Name: "identity.get_access_change", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[AccessChange](noPatient), Quiet: noPatient,
}.Declare()

// GetAccessChange gives a request of the tenant.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) GetAccessChange(ctx context.Context, id hmstype.AccessChangeID) (AccessChange, error) {
	return opGetAccessChange.Run(ctx, &s.base, usecase.ID(id), accessChange)
}

func accessChange(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AccessChangeID]) (AccessChange, error) {
	row, err := dbx.Get[accessChangeRow](ctx, db, "access_change", in.ID)
	return row.change(), err
}

var opGetAccessChangeHistory = usecase.Query[usecase.ByID[hmstype.AccessChangeID], hmstype.History]{
	Name: "identity.get_access_change_history", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[hmstype.History](noPatient), Quiet: noPatient,
}.Declare()

// GetAccessChangeHistory gives the steps of a request from state to state, the oldest first.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) GetAccessChangeHistory(ctx context.Context, id hmstype.AccessChangeID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.AccessChangeID, accessChangeRow](accessChangeSteps.Table, nil)
	return opGetAccessChangeHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
