package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CorrectResultInput replaces one verified value of an item, or adds to its comment.
type CorrectResultInput struct {
	ItemRef
	Analyte        hmstype.LabAnalyteID `json:"analyte"` // required
	Value          Value                `json:"value"`   // required; the value that should have been reported
	Comment        string               `json:"comment"` // for the reader of the report, up to 2000 characters
	Reason         string               `json:"reason"`  // required, up to 500 characters
	IdempotencyKey string               `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CorrectResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	v.Required(!in.Analyte.IsZero(), "analyte")
	v.Nested("value", in.Value.Validate())
	v.Text(in.Comment, "comment", 0, 2000)
	reason(&v, in.Reason)
	return v.Err()
}

var opCorrectResult = usecase.Command[CorrectResultInput, ItemResult]{
	Name: "lab.correct_result", Permission: hmstype.PermLabRelease, Shows: itemResults.One(),
	Key:   func(in CorrectResultInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(r ItemResult) hmstype.LabOrderItemID { return r.Item.ID }, getItemResult),
	Sample: CorrectResultInput{
		ItemRef: ItemRef{Version: 1}, Value: Value{Number: "4.9"}, Comment: "of the second tube", Reason: "transposed",
	},
}.Declare()

// CorrectResult appends a version that supersedes a verified one: corrected where the value
// differs (also "1.0" for "1"), amended where only the comment does; [ErrNoChange] where
// nothing does. The flag is found anew. A case that the old value opened is marked as
// superseded, a critical new value opens one, and whoever has read the results must read them again:
// eventCorrected names who reviewed them last, and each former reader on the trail, since the wrong value first stood
// there, has a notification.
//
// The actor stands for the new value as who verifies does; where the
// duties are kept apart it must not be who entered the old one: [hmstype.ErrSeparationOfDuties].
// Permission: [hmstype.PermLabRelease].
func (s *Service) CorrectResult(ctx context.Context, in CorrectResultInput) (ItemResult, error) {
	return opCorrectResult.Run(ctx, &s.base, in, s.correctResult)
}

func (s *Service) correctResult(ctx context.Context, db dbx.DB, in CorrectResultInput) (ItemResult, error) {
	_, _, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return ItemResult{}, err
	}
	if !item.Status.released() {
		return ItemResult{}, ItemTransitions.Check("lab_order_item", item.Status, ItemCorrected)
	}
	b, err := s.assayOf(ctx, db, *item)
	if err != nil {
		return ItemResult{}, err
	}
	old, known := b.current[in.Analyte]
	if !known {
		return ItemResult{}, ErrAnalyteMismatch
	}
	if !old.VerifiedBy.SamePerson(db.By()) { // who corrected a value may correct it again: he stands for it already
		if err := s.requireSecondPerson(db, old); err != nil {
			return ItemResult{}, err
		}
	}
	row, err := b.measure(db, EnteredValue{Analyte: in.Analyte, Value: in.Value, Comment: in.Comment})
	if err != nil {
		return ItemResult{}, err
	}
	to := ItemCorrected
	row.Status = ResultCorrected
	if row.value() == old.value() {
		if row.Comment == old.Comment {
			return ItemResult{}, ErrNoChange
		}
		to, row.Status = ItemAmended, ResultAmended
		row.EnteredBy, row.EnteredAt = old.EnteredBy, old.EnteredAt // a comment is no other value
	}
	row.Reason, row.VerifiedBy, row.VerifiedAt = in.Reason, db.By(), db.Now
	rows := []resultRow{row}
	all, err := itemVersions(ctx, db, item.ID)
	if err != nil {
		return ItemResult{}, err
	}
	if err := s.writeResults(ctx, db, b.current, rows); err != nil {
		return ItemResult{}, err
	}
	if err := s.tellReaders(ctx, db, *item, saying(all, old), false); err != nil {
		return ItemResult{}, err
	}
	reader := item.ReviewedBy
	item.ReviewedBy, item.ReviewedAt = hmstype.ActorRef{}, time.Time{}
	return s.finishCorrection(ctx, db, item, to, in.Reason, reader, b, rows)
}

// finishCorrection moves the item and tells who has read the superseded value.
func (s *Service) finishCorrection(ctx context.Context, db dbx.DB, item *itemRow, to ItemStatus, why string,
	reader hmstype.ActorRef, b assay, rows []resultRow,
) (ItemResult, error) {
	if err := correctItem(ctx, db, item, to, why); err != nil {
		return ItemResult{}, err
	}
	event := itemEvent(eventCorrected, *item)
	event.Data = map[string]any{
		"item": item.ID, "patient": item.PatientID, "status": item.Status, "result": rows[0].ID,
		"supersedes": rows[0].SupersedesID, "reviewedBy": reader,
	}
	return b.shown(*item, rows), db.Emit(ctx, event)
}

// correctItem says of an item that a verified result has a successor; one more correction of a
// corrected item, or one more addition, is no step.
func correctItem(ctx context.Context, db dbx.DB, item *itemRow, to ItemStatus, why string) error {
	if item.Status != to {
		return moveItem(ctx, db, item, to, why)
	}
	item.StatusReason = why
	return dbx.Update(ctx, db, item, "status_reason", "reviewed_by", "reviewed_at")
}
