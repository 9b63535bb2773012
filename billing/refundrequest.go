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
	ID              RefundRequestID
	Payment         hmstype.PaymentID
	Patient         hmstype.PatientID
	Amount          hmstype.Money // more than zero
	Method          Method        // empty means the payment's
	ReferenceNumber string
	Reason          string
	Status          RefundRequestStatus
	RequestedBy     string    // an actor, as in the audit trail
	RequestedAt     time.Time // UTC
	DecidedBy       string    // empty while it waits
	DecidedAt       time.Time // UTC; zero while it waits
	DecisionReason  string
	Refund          RefundID // what an approval paid; zero otherwise
	Version         int64    // counts changes, from 1
}

type refundRequestRow struct {
	bun.BaseModel `bun:"table:hms.refund_request,alias:q"`
	dbx.Tenanted
	ID              RefundRequestID `bun:"id,pk"`
	PaymentID       hmstype.PaymentID
	PatientID       hmstype.PatientID
	Amount          decimal.Decimal
	Currency        hmstype.Currency
	Method          Method
	ReferenceNumber string
	Reason          string
	Status          RefundRequestStatus
	RequestedBy     string
	RequestedAt     time.Time
	DecidedBy       string
	DecidedAt       time.Time `bun:",nullzero"`
	DecisionReason  string
	RefundID        RefundID `bun:",nullzero"`
	Version         int64
}

func (r refundRequestRow) Position() hmstype.Position {
	return hmstype.Position{At: r.RequestedAt, ID: r.ID.UUID()}
}

func (r refundRequestRow) request() RefundRequest {
	return RefundRequest{
		ID: r.ID, Payment: r.PaymentID, Patient: r.PatientID, Amount: money(r.Amount, r.Currency), Method: r.Method,
		ReferenceNumber: r.ReferenceNumber, Reason: r.Reason, Status: r.Status, RequestedBy: r.RequestedBy,
		RequestedAt: r.RequestedAt.UTC(), DecidedBy: r.DecidedBy, DecidedAt: r.DecidedAt.UTC(),
		DecisionReason: r.DecisionReason, Refund: r.RefundID, Version: r.Version,
	}
}

// RequestRefund asks for a refund; nothing is paid until another person approves. What is
// asked for is checked then, for more may be refunded meanwhile.
func (s *Service) RequestRefund(ctx context.Context, in RefundInput) (RefundRequest, error) {
	op := usecase.Op{Name: "billing.request_refund", Permission: hmstype.PermRefundRequest, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in RefundInput) (RefundRequest, error) {
		payment, err := dbx.Get[paymentRow](ctx, db, "payment", in.Payment)
		if err != nil {
			return RefundRequest{}, err
		}
		row := refundRequestRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[RefundRequestID](), PaymentID: in.Payment,
			PatientID: payment.PatientID, Amount: in.Amount.Amount, Currency: in.Amount.Currency, Method: in.Method,
			ReferenceNumber: in.ReferenceNumber, Reason: in.Reason, Status: RefundRequested,
			RequestedBy: db.ActorName(), RequestedAt: db.Now, Version: 1,
		}
		if err := dbx.Insert(ctx, db, row); err != nil {
			return RefundRequest{}, err
		}
		return row.request(), emitRefundRequest(ctx, db, row)
	})
}

func emitRefundRequest(ctx context.Context, db dbx.DB, row refundRequestRow) error {
	return db.Emit(ctx, dbx.Event{Type: "billing.refund_" + string(row.Status), Entity: "refund_request", ID: row.ID, Data: map[string]any{
		"id": row.ID, "payment": row.PaymentID, "status": row.Status,
	}})
}

// DecideRefundInput decides on a request for a refund.
type DecideRefundInput struct {
	ID     RefundRequestID     // required
	Status RefundRequestStatus // approved or rejected
	Reason string              // required for a rejection; up to 500 characters
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

// DecideRefund approves a request, which pays the refund in the same transaction, or rejects
// it. Whoever asked cannot approve: [hmstype.ErrSeparationOfDuties]. Two who decide at once: the
// second gets [hmstype.ErrInvalidTransition]. Errors of the payment as for [Service.Refund].
func (s *Service) DecideRefund(ctx context.Context, in DecideRefundInput) (RefundRequest, error) {
	op := usecase.Op{Name: "billing.decide_refund", Permission: hmstype.PermRefundApprove}
	return usecase.Write(ctx, &s.base, op, in, s.decideRefund)
}

func (s *Service) decideRefund(ctx context.Context, db dbx.DB, in DecideRefundInput) (RefundRequest, error) {
	row, err := dbx.Get[refundRequestRow](ctx, db, "refund request", in.ID, dbx.ForUpdate)
	if err != nil {
		return RefundRequest{}, err
	}
	if err := RefundRequestTransitions.Check("refund request", row.Status, in.Status); err != nil {
		return RefundRequest{}, err
	}
	columns := []string{"status", "decided_by", "decided_at", "decision_reason"}
	if in.Status == RefundApproved {
		if err := s.base.RequireAnother(db, hmstype.PermRefundRequest, hmstype.PermRefundApprove, row.RequestedBy); err != nil {
			return RefundRequest{}, err
		}
		paid, err := refund(ctx, db, RefundInput{
			Payment: row.PaymentID, Amount: money(row.Amount, row.Currency), Method: row.Method,
			ReferenceNumber: row.ReferenceNumber, Reason: row.Reason,
		})
		if err != nil {
			return RefundRequest{}, err
		}
		row.RefundID = paid.ID
		columns = append(columns, "refund_id")
	}
	return row.decide(ctx, db, in.Status, in.Reason, columns...)
}

func (r refundRequestRow) decide(ctx context.Context, db dbx.DB, status RefundRequestStatus, reason string, columns ...string) (RefundRequest, error) {
	r.Status, r.DecidedBy, r.DecidedAt, r.DecisionReason = status, db.ActorName(), db.Now, reason
	if err := dbx.UpdateVersioned(ctx, db, &r, r.Version, columns...); err != nil {
		return RefundRequest{}, err
	}
	r.Version++
	return r.request(), emitRefundRequest(ctx, db, r)
}

// WithdrawRefund takes a request back; only who asked may: not found for anybody else.
func (s *Service) WithdrawRefund(ctx context.Context, id RefundRequestID) (RefundRequest, error) {
	op := usecase.Op{Name: "billing.withdraw_refund", Permission: hmstype.PermRefundRequest}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[RefundRequestID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[RefundRequestID]) (RefundRequest, error) {
			row, err := dbx.Get[refundRequestRow](ctx, db, "refund request", in.ID, dbx.ForUpdate)
			if err != nil {
				return RefundRequest{}, err
			}
			if row.RequestedBy != db.ActorName() {
				return RefundRequest{}, hmstype.NotFound("refund request", in.ID)
			}
			if err := RefundRequestTransitions.Check("refund request", row.Status, RefundWithdrawn); err != nil {
				return RefundRequest{}, err
			}
			return row.decide(ctx, db, RefundWithdrawn, "", "status", "decided_by", "decided_at", "decision_reason")
		})
}

// RefundRequestsQuery selects requests of one state.
type RefundRequestsQuery struct {
	Status RefundRequestStatus // empty means requested
	Page   hmstype.Page        // oldest first
}

// Validate implements the rules above.
func (q RefundRequestsQuery) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, q.Status, "status", "", RefundRequested, RefundApproved, RefundRejected, RefundWithdrawn)
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// RefundRequests lists requests, those first that wait longest.
func (s *Service) RefundRequests(ctx context.Context, query RefundRequestsQuery) (hmstype.List[RefundRequest], error) {
	op := usecase.Op{Name: "billing.refund_requests", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, query, func(ctx context.Context, db dbx.DB, query RefundRequestsQuery) (hmstype.List[RefundRequest], error) {
		if query.Status == "" {
			query.Status = RefundRequested
		}
		rows, next, err := dbx.Page[refundRequestRow](ctx, db, query.Page, dbx.Order{At: "requested_at"},
			func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("q.status = ?", query.Status) })
		list := hmstype.List[RefundRequest]{Next: next, Items: make([]RefundRequest, len(rows))}
		patients := make([]hmstype.PatientID, len(rows))
		for i, r := range rows {
			list.Items[i], patients[i] = r.request(), r.PatientID
		}
		if err != nil {
			return list, err
		}
		return list, db.RecordSearch(ctx, "refund_request", patients...)
	})
}
