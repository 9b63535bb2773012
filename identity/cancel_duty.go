package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CancelDutyInput cancels a duty.
type CancelDutyInput struct {
	ID     hmstype.DutyID `json:"id"`     // required
	Reason string         `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in CancelDutyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opCancelDuty = usecase.Command[CancelDutyInput, Duty]{
	Name: "identity.cancel_duty", Permission: hmstype.PermDutyWrite, Shows: usecase.Nobody[Duty](noRoster),
	Sample: CancelDutyInput{Reason: "is ill"},
}.Declare()

// CancelDuty ends a duty from now on, whether it has begun or not, and frees its time; what has passed of it stays as
// it was. Where a stand-in is cancelled, whom he stood in for is back. [ErrDutyOver] for one that has
// ended, [ErrDutyStoodInFor] while somebody is planned to stand in for it: that one is cancelled first.
// Permission: [hmstype.PermDutyWrite].
func (s *Service) CancelDuty(ctx context.Context, in CancelDutyInput) (Duty, error) {
	return opCancelDuty.Run(ctx, &s.base, in, cancelDuty)
}

func cancelDuty(ctx context.Context, db dbx.DB, in CancelDutyInput) (Duty, error) {
	row, err := dbx.Step(ctx, db, dutySteps, in.ID, dbx.Change[dutyRow, DutyStatus]{
		To: DutyCancelled, Reason: in.Reason,
		Apply: func(row *dutyRow) error {
			row.CancelledAt, row.CancelReason = db.Now, in.Reason
			if !row.EndsAt.After(db.Now) {
				return ErrDutyOver
			}
			stoodInFor, err := dbx.Exists[dutyRow](ctx, db, dbx.Equal("stand_in_for_id", row.ID),
				dbx.Equal("status", DutyPlanned), dbx.Where("d.ends_at > ?", db.Now))
			if err == nil && stoodInFor {
				err = ErrDutyStoodInFor
			}
			return err
		},
	})
	return row.duty(), err
}
