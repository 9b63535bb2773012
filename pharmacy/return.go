package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReverseDispenseInput takes back a whole dispense that was a mistake.
type ReverseDispenseInput struct {
	Dispense       hmstype.DispenseID `json:"dispense"` // required
	Reason         string             `json:"reason"`   // required, up to 500 characters
	IdempotencyKey string             `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in ReverseDispenseInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Dispense.IsZero(), "dispense")
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opReverseDispense = usecase.Command[ReverseDispenseInput, Dispense]{
	Name: "pharmacy.reverse_dispense", Permission: hmstype.PermPharmacyReverse, Shows: dispenses.One(),
	Key:    func(in ReverseDispenseInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(d Dispense) hmstype.DispenseID { return d.ID }, getDispense),
	Sample: ReverseDispenseInput{Reason: "wrong patient"},
}.Declare()

// ReverseDispense takes back what a dispense handed out and has not come back yet. The
// units go to quarantine, not to the shelf: nobody knows where they have been. The charge
// is reversed and the prescription gets its quantity back, all in one transaction.
// Permission: [hmstype.PermPharmacyReverse].
func (s *Service) ReverseDispense(ctx context.Context, in ReverseDispenseInput) (Dispense, error) {
	return opReverseDispense.Run(ctx, &s.base, in, s.reverseDispense)
}

func (s *Service) reverseDispense(ctx context.Context, db dbx.DB, in ReverseDispenseInput) (Dispense, error) {
	row, err := dbx.Get[dispenseRow](ctx, db, "medication_dispense", in.Dispense)
	if err != nil {
		return Dispense{}, err
	}
	var rx LockedPrescription
	if !row.PrescriptionID.IsZero() { // the prescription is locked before the dispense and its batches
		if rx, err = s.ports.Prescriptions.LockToTakeBack(ctx, db.Conn(), row.PrescriptionID); err != nil {
			return Dispense{}, err
		}
	}
	var lines []DispenseLine
	row, err = dbx.Step(ctx, db, dispenseSteps, in.Dispense, dbx.Change[dispenseRow, DispenseStatus]{
		To: DispenseEnteredInError, Reason: in.Reason,
		Apply: func(row *dispenseRow) (err error) {
			lines, row.takenBack, err = takeBack(ctx, db, *row, in.Reason)
			return err
		},
	})
	if err != nil {
		return Dispense{}, err
	}
	if rx.Record != nil && row.takenBack > 0 {
		if err := rx.Record(ctx, db.Conn(), -row.takenBack); err != nil {
			return Dispense{}, err
		}
	}
	return row.dispense(lines), s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(row.ID), in.Reason)
}

// takeBack moves what is still out of a locked dispense to quarantine. It gives the lines as they are
// then, and how much came back.
func takeBack(
	ctx context.Context, db dbx.DB, row dispenseRow, reason string,
) ([]DispenseLine, hmstype.Quantity, error) {
	lines, err := dispenseLines(ctx, db, row.ID)
	if err != nil {
		return nil, 0, err
	}
	var back hmstype.Quantity
	for i, line := range lines {
		if err := takeBackLine(ctx, db, row, line, reason); err != nil {
			return nil, 0, err
		}
		back += line.Quantity - line.Returned
		lines[i].Returned = line.Quantity
	}
	return lines, back, nil
}

// takeBackLine moves what is still out of one line.
func takeBackLine(ctx context.Context, db dbx.DB, row dispenseRow, line DispenseLine, reason string) error {
	out := line.Quantity - line.Returned
	if out == 0 {
		return nil
	}
	_, err := db.Exec(ctx, `UPDATE hms.medication_dispense_line SET returned_quantity = returned_quantity + $1
		WHERE tenant_id = $2 AND dispense_id = $3 AND batch_id = $4`, int64(out), db.Tenant(), row.ID, line.Batch)
	if err != nil {
		return err
	}
	return moveStock(ctx, db, movement{
		Batch: line.Batch, Item: row.ItemID, FromKind: "patient", ToKind: "quarantine", To: row.LocationID,
		Quantity: out, Cause: "return", CauseID: row.ID, Reason: reason,
	})
}
