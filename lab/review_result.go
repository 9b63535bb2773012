package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReviewResultInput says that the actor has read an item's final results.
type ReviewResultInput struct {
	ItemRef
}

// Validate implements the rules of [ItemRef].
func (in ReviewResultInput) Validate() error {
	var v hmstype.Validator
	in.check(&v)
	return v.Err()
}

var opReviewResult = usecase.Command[ReviewResultInput, Item]{
	Name: "lab.review_result", Permission: hmstype.PermLabReview, Shows: orderItems.One(),
	Sample: ReviewResultInput{ItemRef{Version: 1}},
}.Declare()

// ReviewResult notes who of those who treat the patient has read the results; a correction takes
// the note away, so that they are read again. The actor must be a person: [ErrPersonRequired].
// Permission: [hmstype.PermLabReview].
func (s *Service) ReviewResult(ctx context.Context, in ReviewResultInput) (Item, error) {
	return opReviewResult.Run(ctx, &s.base, in, reviewResult)
}

func reviewResult(ctx context.Context, db dbx.DB, in ReviewResultInput) (Item, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return Item{}, ErrPersonRequired
	}
	_, _, item, err := openItem(ctx, db, in.ItemRef)
	if err != nil {
		return Item{}, err
	}
	if !item.Status.released() {
		return Item{}, &hmstype.TransitionError{
			Entity: "lab_order_item", From: string(item.Status), To: "reviewed",
			Allowed: []string{},
		}
	}
	item.ReviewedBy, item.ReviewedAt = db.By(), db.Now
	err = dbx.Update(ctx, db, item, "reviewed_by", "reviewed_at")
	return item.item(), err
}
