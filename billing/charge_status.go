package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SetChargeStatusInput moves an unbilled charge to another state.
type SetChargeStatusInput struct {
	ID      hmstype.ChargeID `json:"id"`      // required
	Version int64            `json:"version"` // the version that the caller read
	Status  ChargeStatus     `json:"status"`  // billable, not-billable, aborted or entered-in-error
	Reason  string           `json:"reason"`  // required unless the new state is billable; up to 500 characters
}

// Validate implements the rules above.
func (in SetChargeStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", ChargeBillable, ChargeNotBillable, ChargeAborted, ChargeEnteredInError)
	minReason := 1
	if in.Status == ChargeBillable {
		minReason = 0
	}
	v.Text(in.Reason, "reason", minReason, maxReason)
	return v.Err()
}

var opSetChargeStatus = usecase.Command[SetChargeStatusInput, Charge]{
	Name: "billing.set_charge_status", Permission: hmstype.PermCharge, Shows: chargeItems.One(),
	Sample: SetChargeStatusInput{Version: 1, Status: ChargeNotBillable, Reason: "goodwill"},
}.Declare()

// SetChargeStatus moves an unbilled charge: a planned one becomes billable, a billable one is
// waived, aborted or marked as an error. [ErrChargeBilled] for a charge on a draft bill (cancel
// the draft first), [hmstype.ErrInvalidTransition] for one that was billed.
// Permission: [hmstype.PermCharge].
func (s *Service) SetChargeStatus(ctx context.Context, in SetChargeStatusInput) (Charge, error) {
	return opSetChargeStatus.Run(ctx, &s.base, in, setChargeStatus)
}

func setChargeStatus(ctx context.Context, db dbx.DB, in SetChargeStatusInput) (Charge, error) {
	row, err := dbx.Get[chargeRow](ctx, db, "charge", in.ID)
	if err != nil {
		return Charge{}, err
	}
	if err := lockAccount(ctx, db, row.PatientID); err != nil {
		return Charge{}, err
	}
	row, err = dbx.Step(ctx, db, chargeSteps, in.ID, dbx.Change[chargeRow, ChargeStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *chargeRow) error {
			row.StatusReason = in.Reason
			if err := refuseBilled(ctx, db, []hmstype.ChargeID{row.ID}); err != nil {
				return err
			}
			return dbx.CheckVersion(row, in.Version)
		},
	})
	return row.charge(), err
}

// refuseBilled gives a [ChargeBilledError] where one of the charges is on a bill.
func refuseBilled(ctx context.Context, db dbx.DB, ids []hmstype.ChargeID) error {
	lines, err := dbx.All[lineRow](ctx, db, dbx.OneOf("charge_id", ids), isLive, dbx.OrderBy("l.charge_id"), dbx.Limit(1))
	if err != nil || len(lines) == 0 {
		return err
	}
	return &ChargeBilledError{Charge: lines[0].ChargeID, Bill: lines[0].BillID}
}
