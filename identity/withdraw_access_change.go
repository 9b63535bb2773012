package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opWithdrawAccessChange = usecase.Command[usecase.ByID[hmstype.AccessChangeID], AccessChange]{
	Name: "identity.withdraw_access_change", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[AccessChange](noPatient),
}.Declare()

// WithdrawAccessChange takes a request back; only the person who asked may: not found for anybody else.
// [hmstype.ErrInvalidTransition] where it was decided already.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) WithdrawAccessChange(ctx context.Context, id hmstype.AccessChangeID) (AccessChange, error) {
	return opWithdrawAccessChange.Run(ctx, &s.base, usecase.ID(id), withdrawAccessChange)
}

func withdrawAccessChange(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AccessChangeID],
) (AccessChange, error) {
	row, err := dbx.Get[accessChangeRow](ctx, db, "access_change", in.ID, dbx.ForUpdate)
	if err != nil {
		return AccessChange{}, err
	}
	if row.CreatedBy != db.By() && !row.CreatedBy.SamePerson(db.By()) {
		return AccessChange{}, hmstype.NotFound("access_change", in.ID)
	}
	err = dbx.Move(ctx, db, accessChangeSteps, &row, dbx.Change[accessChangeRow, AccessChangeStatus]{
		To: AccessWithdrawn, Apply: func(row *accessChangeRow) error { row.decide(db, ""); return nil },
	})
	return row.change(), err
}
