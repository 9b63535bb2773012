package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PrescriptionStep is what every step of a prescription asks for: ending, holding or resuming it.
type PrescriptionStep struct {
	ID     hmstype.PrescriptionID `json:"id"`     // required
	Reason string                 `json:"reason"` // required, up to 500 characters
}

// Validate implements the rules above.
func (in PrescriptionStep) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

// StopPrescriptionInput is the input of [Service.StopPrescription]; see [PrescriptionStep].
type StopPrescriptionInput PrescriptionStep

// Validate implements the rules of [PrescriptionStep].
func (in StopPrescriptionInput) Validate() error { return PrescriptionStep(in).Validate() }

// CancelPrescriptionInput is the input of [Service.CancelPrescription]; see [PrescriptionStep].
type CancelPrescriptionInput PrescriptionStep

// Validate implements the rules of [PrescriptionStep].
func (in CancelPrescriptionInput) Validate() error { return PrescriptionStep(in).Validate() }

// HoldPrescriptionInput is the input of [Service.HoldPrescription]; see [PrescriptionStep].
type HoldPrescriptionInput PrescriptionStep

// Validate implements the rules of [PrescriptionStep].
func (in HoldPrescriptionInput) Validate() error { return PrescriptionStep(in).Validate() }

// ResumePrescriptionInput is the input of [Service.ResumePrescription]; see [PrescriptionStep].
type ResumePrescriptionInput PrescriptionStep

// Validate implements the rules of [PrescriptionStep].
func (in ResumePrescriptionInput) Validate() error { return PrescriptionStep(in).Validate() }

// EnterPrescriptionInErrorInput is the input of [Service.EnterPrescriptionInError]; see [PrescriptionStep].
type EnterPrescriptionInErrorInput PrescriptionStep

// Validate implements the rules of [PrescriptionStep].
func (in EnterPrescriptionInErrorInput) Validate() error { return PrescriptionStep(in).Validate() }

var sampleStop = PrescriptionStep{Reason: "rash"}

var opStopPrescription = usecase.Command[StopPrescriptionInput, Prescription]{
	Name: "clinical.stop_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: StopPrescriptionInput(sampleStop),
}.Declare()

// StopPrescription ends a prescription: it is cancelled where nothing was dispensed yet,
// and stopped otherwise.
// Permission: [hmstype.PermPrescribe].
func (s *Service) StopPrescription(ctx context.Context, in StopPrescriptionInput) (Prescription, error) {
	rule := stepPrescription[StopPrescriptionInput](func(row prescriptionRow) (PrescriptionStatus, error) {
		return row.stopped(), nil
	})
	return opStopPrescription.Run(ctx, &s.base, in, rule)
}

var opCancelPrescription = usecase.Command[CancelPrescriptionInput, Prescription]{
	Name: "clinical.cancel_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: CancelPrescriptionInput(sampleStop),
}.Declare()

// CancelPrescription ends a prescription of which nothing was dispensed, and refuses
// otherwise: [ErrAlreadyDispensed].
// Permission: [hmstype.PermPrescribe].
func (s *Service) CancelPrescription(ctx context.Context, in CancelPrescriptionInput) (Prescription, error) {
	rule := stepPrescription[CancelPrescriptionInput](func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.DispensedQuantity != 0 {
			return "", ErrAlreadyDispensed
		}
		return PrescriptionCancelled, nil
	})
	return opCancelPrescription.Run(ctx, &s.base, in, rule)
}

var opHoldPrescription = usecase.Command[HoldPrescriptionInput, Prescription]{
	Name: "clinical.hold_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: HoldPrescriptionInput(sampleStop),
}.Declare()

// HoldPrescription suspends an active prescription: nothing is dispensed until it is resumed.
// Permission: [hmstype.PermPrescribe].
func (s *Service) HoldPrescription(ctx context.Context, in HoldPrescriptionInput) (Prescription, error) {
	rule := stepPrescription[HoldPrescriptionInput](func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionOnHold, nil
	})
	return opHoldPrescription.Run(ctx, &s.base, in, rule)
}

var opResumePrescription = usecase.Command[ResumePrescriptionInput, Prescription]{
	Name: "clinical.resume_prescription", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Practitioner: usecase.TheActor[ResumePrescriptionInput],
	Sample:       ResumePrescriptionInput(sampleStop),
}.Declare()

// ResumePrescription makes a prescription active again that was on hold.
// Permission: [hmstype.PermPrescribe].
func (s *Service) ResumePrescription(ctx context.Context, in ResumePrescriptionInput) (Prescription, error) {
	rule := stepPrescription[ResumePrescriptionInput](func(row prescriptionRow) (PrescriptionStatus, error) {
		if row.Status != PrescriptionOnHold { // completed becomes active by a return only
			return "", errTerminal("prescription", row.Status, PrescriptionActive)
		}
		return PrescriptionActive, nil
	})
	return opResumePrescription.Run(ctx, &s.base, in, rule)
}

var opEnterPrescriptionInError = usecase.Command[EnterPrescriptionInErrorInput, Prescription]{
	Name: "clinical.enter_prescription_in_error", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Sample: EnterPrescriptionInErrorInput(sampleStop),
}.Declare()

// EnterPrescriptionInError says that a prescription was entered in error. What was dispensed
// on it stays on record, and may be returned.
// Permission: [hmstype.PermPrescribe].
func (s *Service) EnterPrescriptionInError(
	ctx context.Context, in EnterPrescriptionInErrorInput,
) (Prescription, error) {
	rule := stepPrescription[EnterPrescriptionInErrorInput](func(prescriptionRow) (PrescriptionStatus, error) {
		return PrescriptionEnteredInError, nil
	})
	return opEnterPrescriptionInError.Run(ctx, &s.base, in, rule)
}

// anyPrescriptionStep is the input of any of the steps.
type anyPrescriptionStep interface {
	~struct {
		ID     hmstype.PrescriptionID `json:"id"`
		Reason string                 `json:"reason"`
	}
}

// stepPrescription is the rule of every step: next tells where to, of what is locked.
func stepPrescription[In anyPrescriptionStep](
	next func(prescriptionRow) (PrescriptionStatus, error),
) func(context.Context, dbx.DB, In) (Prescription, error) {
	return func(ctx context.Context, db dbx.DB, step In) (Prescription, error) {
		in := PrescriptionStep(step)
		row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID, dbx.ForUpdate)
		if err != nil {
			return Prescription{}, err
		}
		to, err := next(row)
		if err != nil {
			return Prescription{}, err
		}
		row.StopReason = in.Reason
		err = dbx.Move(
			ctx, db, prescriptionSteps, &row, dbx.Change[prescriptionRow, PrescriptionStatus]{To: to, Reason: in.Reason},
		)
		return row.prescription(), err
	}
}

// stopped is the state in which a prescription ends before its time.
func (r *prescriptionRow) stopped() PrescriptionStatus {
	if r.DispensedQuantity == 0 {
		return PrescriptionCancelled
	}
	return PrescriptionStopped
}
