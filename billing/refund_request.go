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
func (s *Service) ListRefundRequests(
	ctx context.Context, query ListRefundRequestsInput,
) (hmstype.List[RefundRequest], error) {
	return opListRefundRequests.Run(ctx, &s.base, query, listRefundRequests)
}

func listRefundRequests(
	ctx context.Context, db dbx.DB, in ListRefundRequestsInput,
) (hmstype.List[RefundRequest], error) {
	if in.Status == "" {
		in.Status = RefundRequested
	}
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, refundRequestRow.request,
		dbx.Equal("status", in.Status))
}
