package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetDuty = usecase.Query[usecase.ByID[hmstype.DutyID], Duty]{
	Name: "identity.get_duty", Permission: hmstype.PermDutyRead, Shows: usecase.Nobody[Duty](noRoster), Quiet: noRoster,
}.Declare()

// GetDuty gives a duty.
// Permission: [hmstype.PermDutyRead].
func (s *Service) GetDuty(ctx context.Context, id hmstype.DutyID) (Duty, error) {
	return opGetDuty.Run(ctx, &s.base, usecase.ID(id), getDuty)
}

func getDuty(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.DutyID]) (Duty, error) {
	row, err := dbx.Get[dutyRow](ctx, db, "duty", in.ID)
	return row.duty(), err
}

var opGetDutyHistory = usecase.Query[usecase.ByID[hmstype.DutyID], hmstype.History]{
	Name: "identity.get_duty_history", Permission: hmstype.PermDutyRead,
	Shows: usecase.Nobody[hmstype.History](noRoster), Quiet: noRoster,
}.Declare()

// GetDutyHistory gives the steps of a duty from state to state, the oldest first.
// Permission: [hmstype.PermDutyRead].
func (s *Service) GetDutyHistory(ctx context.Context, id hmstype.DutyID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.DutyID, dutyRow](dutySteps.Table, nil)
	return opGetDutyHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
