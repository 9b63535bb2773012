package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

func lockPrescription(ctx context.Context, db dbx.DB, id hmstype.PrescriptionID) (LockedPrescription, error) {
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	if err != nil {
		return LockedPrescription{}, err
	}
	return LockedPrescription{
		Patient: row.PatientID, Encounter: row.EncounterID, Medicine: row.medicine(), PrescribedBy: row.CreatedBy, row: row,
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
