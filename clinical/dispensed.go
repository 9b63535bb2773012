package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// LockPrescription gives a prescription and locks it until the caller's transaction ends,
// so that what was dispensed cannot change meanwhile.
func (p Port) LockPrescription(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (Prescription, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return Prescription{}, err
	}
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	return row.prescription(), err
}

// RecordDispensed adds to what was handed out; a negative quantity came back. The
// prescription is completed when nothing is left, and active again when something is.
// [ErrOverDispensed] (an *OverDispensedError) beyond what is prescribed, [ErrNotActive]
// where more is handed out on a prescription that is not active or has run out; what comes
// back is taken on any. It runs in the caller's transaction.
func (p Port) RecordDispensed(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, quantity hmstype.Quantity) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	if err != nil {
		return err
	}
	rx := row.prescription()
	if quantity > rx.Remaining() || quantity < -rx.Dispensed {
		return &OverDispensedError{Limit: rx.Limit(), Dispensed: rx.Dispensed}
	}
	if quantity > 0 {
		today, err := db.Today(ctx)
		if err != nil {
			return err
		}
		if rx.Status != PrescriptionActive || today.After(rx.ValidUntil) {
			return ErrNotActive
		}
	}
	row.DispensedQuantity += quantity
	left := row.prescription().Remaining()
	switch {
	case row.Status == PrescriptionActive && left == 0:
		row.Status = PrescriptionCompleted
	case row.Status == PrescriptionCompleted && left > 0:
		row.Status = PrescriptionActive
	}
	return dbx.Map(dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "dispensed_quantity"))
}
