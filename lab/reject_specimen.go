package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RejectSpecimenInput says that a specimen is of no use.
type RejectSpecimenInput struct {
	ID      hmstype.SpecimenID `json:"id"`      // required
	Version int64              `json:"version"` // the version that the caller read
	// HL7 v2 table 0490 (specimen reject reason), up to 10 characters; optional
	Code           string `json:"code"`
	Reason         string `json:"reason"`         // required, up to 500 characters
	Recollect      bool   `json:"recollect"`      // the items wait for another specimen; otherwise they are cancelled
	EnteredInError bool   `json:"enteredInError"` // it was never drawn, or from another patient
}

// Validate implements the rules above.
func (in RejectSpecimenInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Text(in.Code, "code", 0, 10)
	reason(&v, in.Reason)
	return v.Err()
}

var opRejectSpecimen = usecase.Command[RejectSpecimenInput, Specimen]{
	Name: "lab.reject_specimen", Permission: hmstype.PermLabEnter, Shows: specimens.One(),
	Sample: RejectSpecimenInput{Version: 1, Code: "RH", Reason: "haemolysed", Recollect: true},
}.Declare()

// RejectSpecimen rejects a specimen. Its items that are not final lose their preliminary
// results (their versions stay, as cancelled) and go back to ordered, or are cancelled and their
// charges taken back. The charge of an item that is collected anew stays: it is the same test.
//
// What was released from it is withdrawn, whether the items are to be collected anew or not: another patient's blood
// leaves item and results entered in error, an unfit one cancelled. Their charges are taken back, cases of critical
// values superseded, and whoever saw the values has a notification. The test is ordered anew, for the order may be
// complete. It needs no permission to release: a value that is known to be another patient's waits for nobody.
// Permission: [hmstype.PermLabEnter].
func (s *Service) RejectSpecimen(ctx context.Context, in RejectSpecimenInput) (Specimen, error) {
	return opRejectSpecimen.Run(ctx, &s.base, in, s.rejectSpecimen)
}

func (s *Service) rejectSpecimen(ctx context.Context, db dbx.DB, in RejectSpecimenInput) (Specimen, error) {
	order, row, items, err := openSpecimen(ctx, db, in.ID, in.Version)
	if err != nil {
		return Specimen{}, err
	}
	step := rejected(db, in)
	if err := SpecimenTransitions.Check("lab_specimen", row.Status, step.To); err != nil {
		return Specimen{}, err
	}
	for i := range items { // before the specimen: nothing that counts rests on one of no use
		if items[i].SpecimenID != row.ID {
			continue
		}
		if err := s.takeBack(ctx, db, &items[i], in); err != nil {
			return Specimen{}, err
		}
	}
	if err := dbx.Move(ctx, db, specimenSteps, &row, step); err != nil {
		return Specimen{}, err
	}
	return row.specimen(), completeOrder(ctx, db, &order, items)
}

// rejected is the step by which a specimen is of no use any more. Who said so first stays.
func rejected(db dbx.DB, in RejectSpecimenInput) dbx.Change[specimenRow, SpecimenStatus] {
	to := SpecimenRejected
	if in.EnteredInError {
		to = SpecimenEnteredInError
	}
	return dbx.Change[specimenRow, SpecimenStatus]{To: to, Reason: in.Reason, Apply: func(row *specimenRow) error {
		if row.RejectedAt.IsZero() {
			row.RejectedAt, row.RejectedBy = db.Now, db.By()
		}
		row.RejectCode, row.RejectReason = in.Code, in.Reason
		return nil
	}}
}

// takeBack does to an item what the rejection of its specimen asks for.
func (s *Service) takeBack(ctx context.Context, db dbx.DB, item *itemRow, in RejectSpecimenInput) error {
	switch {
	case in.EnteredInError && !item.ResultDate.IsZero(): // also what was cancelled when it seemed merely unfit
		return s.enterItemInError(ctx, db, item, in.Reason)
	case item.Status.released(), item.Status.pending() && !in.Recollect:
		return s.endItem(ctx, db, item, ItemCancelled, in.Reason)
	case !item.Status.pending(), item.Status == ItemOrdered:
		return nil
	}
	if err := s.withdrawResults(ctx, db, *item, ResultCancelled, in.Reason); err != nil {
		return err
	}
	item.SpecimenID, item.CollectedAt, item.ResultedAt = hmstype.SpecimenID{}, time.Time{}, time.Time{}
	item.VerifiedBy, item.VerifiedAt = hmstype.ActorRef{}, time.Time{}
	return moveItem(ctx, db, item, ItemOrdered, in.Reason)
}
