package billing

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventBillIssued = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.bill_issued", Entity: "bill", When: "a bill has its number and is owed",
		Data: []string{"bill", "number", "total", "currency"},
		By:   []string{"billing.issue_bill"},
	})
	eventCreditNoteIssued = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.credit_note_issued", Entity: "bill", When: "something that was billed was taken back",
		Data: []string{"bill", "creditNote", "number", "total", "currency"},
		By: []string{
			"billing.issue_credit_note", "lab.cancel_item", "lab.enter_item_in_error", "lab.enter_order_in_error",
			"lab.reject_specimen", "lab.revoke_order", "pharmacy.reverse_dispense",
		},
	})
	eventPaymentReceived = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.payment_received", Entity: "bill", When: "something was paid",
		Data: []string{"bill", "payment", "amount", "method", "status"},
		By:   []string{"billing.pay"},
	})
	eventPaymentCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.payment_cancelled", Entity: "bill", When: "a payment was taken back",
		Data: []string{"bill", "payment", "amount"},
		By:   []string{"billing.cancel_payment"},
	})
	eventRefunded = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.refunded", Entity: "bill", When: "something was paid back",
		Data: []string{"bill", "payment", "refund", "amount", "method"},
		By:   []string{"billing.refund", "billing.decide_refund"},
	})
	eventRefundRequested = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.refund_requested", Entity: "refund_request", When: "somebody asks for a refund",
		Data: []string{"id", "payment", "status"},
		By:   []string{"billing.request_refund"},
	})
	eventRefundApproved = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.refund_approved", Entity: "refund_request", When: "another person approved it, and it is paid",
		Data: []string{"id", "payment", "status"},
		By:   []string{"billing.decide_refund"},
	})
	eventRefundRejected = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.refund_rejected", Entity: "refund_request", When: "another person rejected it",
		Data: []string{"id", "payment", "status"},
		By:   []string{"billing.decide_refund"},
	})
	eventRefundWithdrawn = dbx.DeclareEvent(dbx.EventType{
		Name: "billing.refund_withdrawn", Entity: "refund_request", When: "who asked for it does so no more",
		Data: []string{"id", "payment", "status"},
		By:   []string{"billing.withdraw_refund"},
	})
)

// refundEvents are what is told of a request for a refund that came into a state.
var refundEvents = map[RefundRequestStatus]*dbx.EventType{
	RefundRequested: eventRefundRequested,
	RefundApproved:  eventRefundApproved,
	RefundRejected:  eventRefundRejected,
	RefundWithdrawn: eventRefundWithdrawn,
}
