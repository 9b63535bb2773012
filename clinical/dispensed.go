package clinical

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// NotDispensableReason says why nothing is handed out on a prescription.
type NotDispensableReason string

// The reasons, in the order in which they are looked for.
const (
	NotDispensableInactive NotDispensableReason = "not-active" // it is on hold, stopped, cancelled, a draft or a mistake
	NotDispensableExpired  NotDispensableReason = "expired"    // its last day is over
	NotDispensableExceeds  NotDispensableReason = "exceeds"    // more is wanted than is left; of a completed one nothing is
)

// NotDispensableError says why so much is not handed out on a prescription, with all that a caller
// needs to ask for something else.
type NotDispensableError struct {
	Reason     NotDispensableReason
	Status     PrescriptionStatus // of the prescription
	ValidUntil hmstype.Date       // the last day on which it may be dispensed, of the tenant's time zone
	Remaining  hmstype.Quantity   // what is left over all fills, in base units of the item
}

// Error implements error.
func (e *NotDispensableError) Error() string {
	return fmt.Sprintf("%v: %s (status %s, %d left until %s)", e.Unwrap(), e.Reason, e.Status, e.Remaining, e.ValidUntil)
}

// Unwrap gives [ErrOverDispensed] where more is wanted than is left, and [ErrNotActive] otherwise.
func (e *NotDispensableError) Unwrap() error {
	if e.Reason == NotDispensableExceeds {
		return ErrOverDispensed
	}
	return ErrNotActive
}

// LockedPrescription is a prescription that nobody else touches until the transaction ends: what
// [Port.LockToDispense] and [Port.LockToTakeBack] judged, and [Port.RecordDispensed] writes.
type LockedPrescription struct {
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID
	Medication   hmstype.MedicationItemID // zero where it is no item of the formulary
	PrescribedBy hmstype.ActorRef

	row prescriptionRow
}

// LockToDispense locks a prescription and judges whether so much may be handed out on it today:
// *[NotDispensableError] says why not. The judgement holds until the caller's transaction ends, so
// what was handed out, which may be less, is then recorded without another.
func (p Port) LockToDispense(
	ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, wanted hmstype.Quantity,
) (LockedPrescription, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return LockedPrescription{}, err
	}
	locked, err := lockPrescription(ctx, db, id)
	if err != nil {
		return LockedPrescription{}, err
	}
	today, err := db.Today(ctx)
	if err != nil {
		return LockedPrescription{}, err
	}
	return locked, locked.row.prescription().dispensable(today, wanted)
}

// LockToTakeBack locks a prescription of which something comes back. It may be in any state, and
// of any age.
func (p Port) LockToTakeBack(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (LockedPrescription, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return LockedPrescription{}, err
	}
	return lockPrescription(ctx, db, id)
}

func lockPrescription(ctx context.Context, db dbx.DB, id hmstype.PrescriptionID) (LockedPrescription, error) {
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	if err != nil {
		return LockedPrescription{}, err
	}
	return LockedPrescription{
		Patient: row.PatientID, Encounter: row.EncounterID, Medication: row.Medication, PrescribedBy: row.CreatedBy, row: row,
	}, nil
}

// dispensable is the one judgement of whether so much may be handed out on a day.
func (p Prescription) dispensable(today hmstype.Date, wanted hmstype.Quantity) error {
	refused := &NotDispensableError{Status: p.Status, ValidUntil: p.ValidUntil, Remaining: p.Remaining()}
	switch {
	case p.Status != PrescriptionActive && p.Status != PrescriptionCompleted:
		refused.Reason = NotDispensableInactive
	case today.After(p.ValidUntil):
		refused.Reason = NotDispensableExpired
	case wanted > p.Remaining():
		refused.Reason = NotDispensableExceeds
	default:
		return nil
	}
	return refused
}

// RecordDispensed adds to what was handed out on a locked prescription; a negative quantity came
// back. It is completed when nothing is left, and active again when something is. It neither reads
// nor judges again: beyond what was judged the table's check refuses with [ErrOverDispensed]. A
// second record of the same lock is refused as stale.
func (p Port) RecordDispensed(ctx context.Context, conn bun.IConn, locked LockedPrescription, quantity hmstype.Quantity) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	row := locked.row
	record := func(row *prescriptionRow) error {
		row.DispensedQuantity += quantity
		return nil
	}
	step := dbx.Change[prescriptionRow, PrescriptionStatus]{Apply: record}
	left := row.prescription().Remaining() - quantity
	switch {
	case row.Status == PrescriptionActive && left == 0:
		step.To = PrescriptionCompleted
	case row.Status == PrescriptionCompleted && left > 0:
		step.To = PrescriptionActive
	default:
		_ = record(&row)
		return dbx.Map(dbx.Update(ctx, db, &row, "dispensed_quantity"))
	}
	return dbx.Map(dbx.Move(ctx, db, prescriptionSteps, &row, step))
}
