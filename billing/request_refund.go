package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opRequestRefund = usecase.Command[RequestRefundInput, RefundRequest]{
	Name: "billing.request_refund", Permission: hmstype.PermRefundRequest, Shows: refundRequests.One(),
	Key:    func(in RequestRefundInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(r RefundRequest) RefundRequestID { return r.ID }, getRefundRequest),
	Sample: RequestRefundInput(sampleRefund),
}.Declare()

// RequestRefund asks for a refund; nothing is paid until another person approves. What is
// asked for is checked then, for more may be refunded meanwhile.
// Permission: [hmstype.PermRefundRequest].
func (s *Service) RequestRefund(ctx context.Context, in RequestRefundInput) (RefundRequest, error) {
	return opRequestRefund.Run(ctx, &s.base, in, requestRefund)
}

func requestRefund(ctx context.Context, db dbx.DB, in RequestRefundInput) (RefundRequest, error) {
	payment, err := dbx.Get[paymentRow](ctx, db, "payment", in.Payment)
	if err != nil {
		return RefundRequest{}, err
	}
	row := refundRequestRow{
		Header: dbx.NewHeader[RefundRequestID](db), PaymentID: in.Payment, PatientID: payment.PatientID,
		Amount: in.Amount.Amount, Currency: in.Amount.Currency, RefundDetails: in.RefundDetails, Status: RefundRequested,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return RefundRequest{}, err
	}
	return row.request(), db.Emit(ctx, refundRequestEvent(&row))
}

func getRefundRequest(ctx context.Context, db dbx.DB, in usecase.ByID[RefundRequestID]) (RefundRequest, error) {
	row, err := dbx.Get[refundRequestRow](ctx, db, "refund_request", in.ID)
	return row.request(), err
}

var opWithdrawRefund = usecase.Command[usecase.ByID[RefundRequestID], RefundRequest]{
	Name: "billing.withdraw_refund", Permission: hmstype.PermRefundRequest, Shows: refundRequests.One(),
}.Declare()

// WithdrawRefund takes a request back; only the person who asked may: not found for anybody else.
// Permission: [hmstype.PermRefundRequest].
func (s *Service) WithdrawRefund(ctx context.Context, id RefundRequestID) (RefundRequest, error) {
	return opWithdrawRefund.Run(ctx, &s.base, usecase.ID(id), withdrawRefund)
}

func withdrawRefund(ctx context.Context, db dbx.DB, in usecase.ByID[RefundRequestID]) (RefundRequest, error) {
	row, err := dbx.Get[refundRequestRow](ctx, db, "refund_request", in.ID, dbx.ForUpdate)
	if err != nil {
		return RefundRequest{}, err
	}
	if row.CreatedBy != db.By() && !row.CreatedBy.SamePerson(db.By()) {
		return RefundRequest{}, hmstype.NotFound("refund_request", in.ID)
	}
	err = dbx.Move(ctx, db, refundRequestSteps, &row, dbx.Change[refundRequestRow, RefundRequestStatus]{
		To: RefundWithdrawn, Apply: func(row *refundRequestRow) error { row.decide(db, ""); return nil },
	})
	return row.request(), err
}

// RequestRefundInput is the input of [Service.RequestRefund]; see [RefundInput].
type RequestRefundInput RefundInput

// Validate implements the rules of [RefundInput].
func (in RequestRefundInput) Validate() error { return RefundInput(in).Validate() }
