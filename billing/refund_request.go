package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RefundRequestStatus is the state of a request for a refund.
type RefundRequestStatus string

// The states of a request for a refund.
const (
	RefundRequested RefundRequestStatus = "requested" // waits for another person
	RefundApproved  RefundRequestStatus = "approved"  // and paid; terminal
	RefundRejected  RefundRequestStatus = "rejected"  // terminal
	RefundWithdrawn RefundRequestStatus = "withdrawn" // by who asked; terminal
)

// RefundRequestTransitions are the allowed steps between the states.
var RefundRequestTransitions = hmstype.Transitions[RefundRequestStatus]{
	RefundRequested: {RefundApproved, RefundRejected, RefundWithdrawn},
}

// RefundRequest asks that money of one payment be given back.
type RefundRequest struct {
	ID      RefundRequestID   `json:"id"`
	Payment hmstype.PaymentID `json:"payment"`
	Patient hmstype.PatientID `json:"patient"`
	Amount  hmstype.Money     `json:"amount"` // more than zero
	RefundDetails
	Status         RefundRequestStatus `json:"status"`
	CreatedAt      time.Time           `json:"createdAt,omitzero"` // UTC
	CreatedBy      hmstype.ActorRef    `json:"createdBy"`          // who asks
	DecidedAt      time.Time           `json:"decidedAt,omitzero"` // UTC; zero while it waits
	DecidedBy      hmstype.ActorRef    `json:"decidedBy"`          // zero while it waits
	DecisionReason string              `json:"decisionReason,omitempty"`
	Refund         RefundID            `json:"refund"`  // what an approval paid; zero otherwise
	Version        int64               `json:"version"` // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type refundRequestRow struct {
	bun.BaseModel `bun:"table:hms.refund_request,alias:q"`
	dbx.Header[RefundRequestID]
	PaymentID hmstype.PaymentID
	PatientID hmstype.PatientID
	Amount    decimal.Decimal
	Currency  hmstype.Currency
	RefundDetails
	Status         RefundRequestStatus
	DecidedBy      hmstype.ActorRef
	DecidedAt      time.Time `bun:",nullzero"`
	DecisionReason string
	RefundID       RefundID `bun:",nullzero"`
}

func (r refundRequestRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r refundRequestRow) request() RefundRequest {
	return RefundRequest{
		ID: r.ID, Payment: r.PaymentID, Patient: r.PatientID, Amount: money(r.Amount, r.Currency),
		RefundDetails: r.RefundDetails, Status: r.Status, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		DecidedAt: r.DecidedAt.UTC(), DecidedBy: r.DecidedBy, DecisionReason: r.DecisionReason,
		Refund: r.RefundID, Version: r.Version,
	}
}

// refundRequests is what every use case that shows requests shows of whom.
var refundRequests = usecase.Entity[RefundRequest]{
	Table:   "refund_request",
	Patient: func(r *RefundRequest) hmstype.PatientID { return r.Patient },
	ID:      func(r *RefundRequest) string { return r.ID.String() },
}

// refundRequestSteps is how a request changes its state.
var refundRequestSteps = dbx.Machine[refundRequestRow, RefundRequestStatus]{
	Table: "refund_request", Transitions: RefundRequestTransitions,
	State:   func(r *refundRequestRow) *RefundRequestStatus { return &r.Status },
	Columns: []string{"decided_by", "decided_at", "decision_reason", "refund_id"},
	Event:   func(r *refundRequestRow, _ RefundRequestStatus) dbx.Event { return refundRequestEvent(r) },
}

func refundRequestEvent(r *refundRequestRow) dbx.Event {
	return dbx.Event{Type: refundEvents[r.Status], ID: r.ID, Data: map[string]any{
		"id": r.ID, "payment": r.PaymentID, "status": r.Status,
	}}
}

// decide notes who decided, when and why.
func (r *refundRequestRow) decide(db dbx.DB, reason string) {
	r.DecidedBy, r.DecidedAt, r.DecisionReason = db.By(), db.Now, reason
}

var opRequestRefund = usecase.Command[RequestRefundInput, RefundRequest]{
	Name: "billing.request_refund", Permission: hmstype.PermRefundRequest, Shows: refundRequests.One(),
	Key:    func(in RequestRefundInput) string { return in.IdempotencyKey },
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

// ListRefundRequestsInput selects requests of one state.
type ListRefundRequestsInput struct {
	Status RefundRequestStatus `json:"status"` // empty means requested
	Page   hmstype.Page        `json:"page"`   // oldest first
}

// Validate implements the rules above.
func (q ListRefundRequestsInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, q.Status, "status", "", RefundRequested, RefundApproved, RefundRejected, RefundWithdrawn)
	v.Nested("", q.Page.Validate())
	return v.Err()
}

var opListRefundRequests = usecase.Query[ListRefundRequestsInput, hmstype.List[RefundRequest]]{
	Name: "billing.list_refund_requests", Permission: hmstype.PermBillingRead, Shows: refundRequests.Found(),
	Sample: ListRefundRequestsInput{},
}.Declare()

// ListRefundRequests lists requests, those first that wait longest. Those about restricted patients
// are withheld from who may not see them.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListRefundRequests(ctx context.Context, query ListRefundRequestsInput) (hmstype.List[RefundRequest], error) {
	return opListRefundRequests.Run(ctx, &s.base, query, listRefundRequests)
}

func listRefundRequests(ctx context.Context, db dbx.DB, in ListRefundRequestsInput) (hmstype.List[RefundRequest], error) {
	if in.Status == "" {
		in.Status = RefundRequested
	}
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, refundRequestRow.request,
		dbx.Equal("status", in.Status))
}
