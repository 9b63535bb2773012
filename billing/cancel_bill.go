package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CancelBillInput cancels a draft.
type CancelBillInput struct {
	ID     hmstype.BillID `json:"id"`     // required
	Reason string         `json:"reason"` // required, up to 500 characters
}

// Validate implements the rules above.
func (in CancelBillInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, maxReason)
	return v.Err()
}

var opCancelBill = usecase.Command[CancelBillInput, Bill]{
	Name: "billing.cancel_bill", Permission: hmstype.PermBillWrite, Shows: invoices.One(),
	Sample: CancelBillInput{Reason: "for another patient"},
}.Declare()

// CancelBill cancels a draft and sets its charges free. An issued bill is not cancelled but
// credited: [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermBillWrite].
func (s *Service) CancelBill(ctx context.Context, in CancelBillInput) (Bill, error) {
	return opCancelBill.Run(ctx, &s.base, in, cancelBill)
}

func cancelBill(ctx context.Context, db dbx.DB, in CancelBillInput) (Bill, error) {
	row, err := lockBill(ctx, db, in.ID)
	if err != nil {
		return Bill{}, err
	}
	err = dbx.Move(ctx, db, billSteps, &row, dbx.Change[billRow, BillStatus]{
		To: BillCancelled, Reason: in.Reason,
		Apply: func(row *billRow) error {
			row.CancelReason, row.CancelledAt = in.Reason, db.Now
			_, err := db.Exec(ctx, `UPDATE hms.bill_line AS l SET released_at = $1
				WHERE l.tenant_id = $2 AND l.bill_id = $3 AND l.released_at IS NULL`, db.Now, db.Tenant(), row.ID)
			return err
		},
	})
	if err != nil {
		return Bill{}, err
	}
	return loadBill(ctx, db, row.ID)
}
