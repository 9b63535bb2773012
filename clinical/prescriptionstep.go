package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// prescriptionSteps is how a prescription changes its state.
var prescriptionSteps = dbx.Machine[prescriptionRow, PrescriptionStatus]{
	Table: "prescription", Transitions: PrescriptionTransitions,
	State:   func(r *prescriptionRow) *PrescriptionStatus { return &r.Status },
	Columns: []string{"stop_reason", "dispensed_quantity"},
	Event: func(r *prescriptionRow, _ PrescriptionStatus) dbx.Event {
		return dbx.Event{
			Type: "prescription." + string(r.Status), Entity: "prescription", ID: r.ID,
			Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
		}
	},
}

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

var sampleStop = StopInput{Reason: "rash"}

var opStopPrescription = usecase.Command[StopInput, Prescription]{
	Name: "clinical.stop_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: sampleStop,
}.Declare()

// StopPrescription ends a prescription: it is cancelled where nothing was dispensed yet,
// and stopped otherwise.
// Permission: [hmstype.PermPrescribe].
func (s *Service) StopPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	rule := stepPrescription(func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.DispensedQuantity == 0 {
			return PrescriptionCancelled, nil
		}
		return PrescriptionStopped, nil
	})
	return opStopPrescription.Run(ctx, &s.base, in, rule)
}

var opCancelPrescription = usecase.Command[StopInput, Prescription]{
	Name: "clinical.cancel_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: sampleStop,
}.Declare()

// CancelPrescription ends a prescription of which nothing was dispensed, and refuses
// otherwise: [ErrAlreadyDispensed].
// Permission: [hmstype.PermPrescribe].
func (s *Service) CancelPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	rule := stepPrescription(func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.DispensedQuantity != 0 {
			return "", ErrAlreadyDispensed
		}
		return PrescriptionCancelled, nil
	})
	return opCancelPrescription.Run(ctx, &s.base, in, rule)
}

var opHoldPrescription = usecase.Command[StopInput, Prescription]{
	Name: "clinical.hold_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: sampleStop,
}.Declare()

// HoldPrescription suspends an active prescription: nothing is dispensed until it is resumed.
// Permission: [hmstype.PermPrescribe].
func (s *Service) HoldPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	rule := stepPrescription(func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionOnHold, nil
	})
	return opHoldPrescription.Run(ctx, &s.base, in, rule)
}

var opResumePrescription = usecase.Command[StopInput, Prescription]{
	Name: "clinical.resume_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: sampleStop,
}.Declare()

// ResumePrescription makes a prescription active again that was on hold.
// Permission: [hmstype.PermPrescribe].
func (s *Service) ResumePrescription(ctx context.Context, in StopInput) (Prescription, error) {
	rule := stepPrescription(func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.Status != PrescriptionOnHold { // completed becomes active by a return only
			return "", errTerminal("prescription", row.Status, PrescriptionActive)
		}
		return PrescriptionActive, nil
	})
	return opResumePrescription.Run(ctx, &s.base, in, rule)
}

var opEnterPrescriptionInError = usecase.Command[StopInput, Prescription]{
	Name: "clinical.enter_prescription_in_error", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: sampleStop,
}.Declare()

// EnterPrescriptionInError says that a prescription was entered in error. What was dispensed
// on it stays on record, and may be returned.
// Permission: [hmstype.PermPrescribe].
func (s *Service) EnterPrescriptionInError(ctx context.Context, in StopInput) (Prescription, error) {
	rule := stepPrescription(func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionEnteredInError, nil
	})
	return opEnterPrescriptionInError.Run(ctx, &s.base, in, rule)
}

// stepPrescription is the rule of every step: next tells where to, of what is locked.
func stepPrescription(
	next func(prescriptionRow) (PrescriptionStatus, error),
) func(context.Context, dbx.DB, StopInput) (Prescription, error) {
	return func(ctx context.Context, db dbx.DB, in StopInput) (Prescription, error) {
		row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID, dbx.ForUpdate)
		if err != nil {
			return Prescription{}, err
		}
		to, err := next(row)
		if err != nil {
			return Prescription{}, err
		}
		row.StopReason = in.Reason
		step := dbx.Change[prescriptionRow, PrescriptionStatus]{To: to, Reason: in.Reason}
		err = dbx.Move(ctx, db, prescriptionSteps, &row, step)
		return row.prescription(), err
	}
}
