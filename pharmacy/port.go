package pharmacy

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of the formulary inside the transaction of a use case that asked for its permission.
// Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// Medicine gives what an item of the formulary is, and whether it is handed out: not found where there is no such
// item. It runs in the caller's transaction.
func (p Port) Medicine(
	ctx context.Context, conn bun.IConn, id hmstype.MedicationItemID,
) (medicine hmstype.Medicine, active bool, err error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.Medicine{}, false, err
	}
	row, err := dbx.Get[itemRow](ctx, db, "medication_item", id)
	return row.item().medicine(), row.IsActive, err
}

// LockedPrescription is a prescription that nobody else touches until the transaction ends, as its
// source judged it.
type LockedPrescription struct {
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID
	Medicine     hmstype.Medicine // its Item is zero where it was prescribed by name
	PrescribedBy hmstype.ActorRef
	// Record adds to what was handed out on it; a negative quantity came back. It is called at most
	// once, in the transaction of the lock.
	Record func(ctx context.Context, conn bun.IConn, quantity hmstype.Quantity) error
}

// PrescriptionSource locks prescriptions and judges them, once: nobody asks again in the use case's
// transaction, in which both run.
type PrescriptionSource interface {
	// LockToDispense gives a prescription of which so much may be handed out today, or a
	// *PrescriptionError.
	LockToDispense(
		ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, wanted hmstype.Quantity,
	) (LockedPrescription, error)
	// LockToTakeBack gives a prescription of which something comes back, whatever its state.
	LockToTakeBack(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (LockedPrescription, error)
}

// SafetyChecker makes verdicts.
type SafetyChecker interface {
	// Prepare asks before the transaction whoever must not be asked in it, of what is to be handed out: on a prescription,
	// with the item that was chosen for one by name, or to a patient. It gives who judges in the transaction.
	Prepare(
		ctx context.Context, patient hmstype.PatientID, item hmstype.MedicationItemID, prescription hmstype.PrescriptionID,
	) (Judge, error)
}

// Judge makes the verdict of a medicine for a patient whose row the caller's transaction has locked; of one that is
// handed out on a prescription that one is named. An error means that nothing can be handed out; what could not be
// checked is said by the verdict.
type Judge func(
	ctx context.Context, conn bun.IConn, patient hmstype.PatientID, medicine hmstype.Medicine,
	prescription hmstype.PrescriptionID,
) (hmstype.Verdict, error)
