package pharmacy

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// LockedPrescription is a prescription that nobody else touches until the transaction ends, as its
// source judged it.
type LockedPrescription struct {
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID
	Item         hmstype.MedicationItemID // zero where it is no item of the formulary
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

// AllergyChecker gives the patient's active allergies that speak against a medication. An
// error means that it could not be checked, which is not the same as none.
type AllergyChecker interface {
	AllergyMatches(
		ctx context.Context, conn bun.IConn, patient hmstype.PatientID, codes []hmstype.Code, names []string,
	) ([]hmstype.AllergyID, error)
}
