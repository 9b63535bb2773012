package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// StopInput ends or holds a prescription.
type StopInput struct {
	ID     hmstype.PrescriptionID // required
	Reason string                 // required, up to 500 characters
}

// Validate implements the rules above.
func (in StopInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

// StopPrescription ends a prescription: it is cancelled where nothing was dispensed yet,
// and stopped otherwise.
func (s *Service) StopPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	return s.stepPrescription(ctx, "prescription.stop", in, func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.DispensedQuantity == 0 {
			return PrescriptionCancelled, nil
		}
		return PrescriptionStopped, nil
	})
}

// CancelPrescription ends a prescription of which nothing was dispensed, and refuses
// otherwise: [ErrAlreadyDispensed].
func (s *Service) CancelPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	return s.stepPrescription(ctx, "prescription.cancel", in, func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.DispensedQuantity != 0 {
			return "", ErrAlreadyDispensed
		}
		return PrescriptionCancelled, nil
	})
}

// HoldPrescription suspends an active prescription: nothing is dispensed until it is resumed.
func (s *Service) HoldPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	return s.stepPrescription(ctx, "prescription.hold", in, func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionOnHold, nil
	})
}

// ResumePrescription makes a prescription active again that was on hold.
func (s *Service) ResumePrescription(ctx context.Context, in StopInput) (Prescription, error) {
	return s.stepPrescription(ctx, "prescription.resume", in, func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.Status != PrescriptionOnHold { // completed becomes active by a return only
			return "", errTerminal("prescription", row.Status, PrescriptionActive)
		}
		return PrescriptionActive, nil
	})
}

// MarkPrescriptionError says that a prescription was entered in error. What was dispensed
// on it stays on record, and may be returned.
func (s *Service) MarkPrescriptionError(ctx context.Context, in StopInput) (Prescription, error) {
	return s.stepPrescription(ctx, "prescription.mark_error", in, func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionEnteredInError, nil
	})
}

func (s *Service) stepPrescription(
	ctx context.Context, name string, in StopInput, next func(prescriptionRow) (PrescriptionStatus, error),
) (Prescription, error) {
	op := usecase.Op{Name: name, Permission: hmstype.PermPrescribe}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, prescriptionText, func(ctx context.Context, db dbx.DB, in StopInput) (Prescription, error) {
		row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID, dbx.ForUpdate)
		if err != nil {
			return Prescription{}, err
		}
		to, err := next(row)
		if err != nil {
			return Prescription{}, err
		}
		if err := PrescriptionTransitions.Check("prescription", row.Status, to); err != nil {
			return Prescription{}, err
		}
		row.Status, row.StopReason = to, in.Reason
		if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "stop_reason"); err != nil {
			return Prescription{}, err
		}
		row.Version++
		return row.prescription(), db.Emit(ctx, dbx.Event{Type: "prescription." + string(to), Entity: "prescription", ID: row.ID,
			Data: map[string]string{"id": row.ID.String(), "status": string(to)}})
	}))
}
