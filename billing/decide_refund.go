package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// DecideRefundInput decides on a request for a refund.
type DecideRefundInput struct {
	ID     RefundRequestID     `json:"id"`     // required
	Status RefundRequestStatus `json:"status"` // approved or rejected
	Reason string              `json:"reason"` // required for a rejection; up to 500 characters
}

// Validate implements the rules above.
func (in DecideRefundInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", RefundApproved, RefundRejected)
	minimum := 0
	if in.Status == RefundRejected {
		minimum = 1
	}
	v.Text(in.Reason, "reason", minimum, maxReason)
	return v.Err()
}

var opDecideRefund = usecase.Command[DecideRefundInput, RefundRequest]{
	Name: "billing.decide_refund", Permission: hmstype.PermRefundApprove, Shows: refundRequests.One(),
	Sample: DecideRefundInput{Status: RefundRejected, Reason: "was right"},
}.Declare()

// DecideRefund approves a request, which pays the refund in the same transaction, or rejects
// it. The person who asked cannot approve, by whatever key or program of his:
// [hmstype.ErrSeparationOfDuties]. Two who decide at once: the second gets
// [hmstype.ErrInvalidTransition]. Errors of the payment as for [Service.Refund].
// Permission: [hmstype.PermRefundApprove].
func (s *Service) DecideRefund(ctx context.Context, in DecideRefundInput) (RefundRequest, error) {
	return opDecideRefund.Run(ctx, &s.base, in, s.decideRefund)
}

func (s *Service) decideRefund(ctx context.Context, db dbx.DB, in DecideRefundInput) (RefundRequest, error) {
	row, err := dbx.Step(ctx, db, refundRequestSteps, in.ID, dbx.Change[refundRequestRow, RefundRequestStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *refundRequestRow) error {
			row.decide(db, in.Reason)
			if in.Status != RefundApproved {
				return nil
			}
			return s.payRequest(ctx, db, row)
		},
	})
	return row.request(), err
}

// payRequest pays what another person asked for.
func (s *Service) payRequest(ctx context.Context, db dbx.DB, row *refundRequestRow) error {
	err := s.base.RequireAnotherPerson(db, hmstype.PermRefundRequest, hmstype.PermRefundApprove, row.CreatedBy)
	if err != nil {
		return err
	}
	paid, err := refund(ctx, db, RefundInput{
		Payment: row.PaymentID, Amount: money(row.Amount, row.Currency), RefundDetails: row.RefundDetails,
	})
	row.RefundID = paid.ID
	return err
}
