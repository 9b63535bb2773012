package billing

import (
	"github.com/chelal/hms/hmstype"
)

// Ids of this package's own things.
type (
	priceEntity         struct{}
	shareEntity         struct{}
	refundEntity        struct{}
	creditNoteEntity    struct{}
	refundRequestEntity struct{}

	// PriceID names one version of a service's price.
	PriceID = hmstype.ID[priceEntity]
	// ShareID names what one payer, or the patient, owes of a bill.
	ShareID = hmstype.ID[shareEntity]
	// RefundID names money given back of one payment.
	RefundID = hmstype.ID[refundEntity]
	// RefundRequestID names a request for a refund.
	RefundRequestID = hmstype.ID[refundRequestEntity]
	// CreditNoteID names a credit note.
	CreditNoteID = hmstype.ID[creditNoteEntity]
)
