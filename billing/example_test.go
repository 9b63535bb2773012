package billing_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
)

// From a captured charge to a paid bill.
func ExampleService_IssueBill() {
	settle := func(ctx context.Context, s *billing.Service, patient hmstype.PatientID) error {
		_, err := s.CaptureCharge(ctx, billing.CaptureChargeInput{Patient: patient, Service: "CONSULT"})
		if err != nil {
			return err
		}
		draft, err := s.CreateBill(ctx, billing.CreateBillInput{Patient: patient}) // all that is billable
		if err != nil {
			return err
		}
		bill, err := s.IssueBill(ctx, billing.IssueBillInput{ID: draft.ID, IdempotencyKey: "issue " + draft.ID.String()})
		if err != nil {
			return err
		}
		fmt.Println(bill.Number, "patient:", bill.PatientAmount, "payers:", bill.PayerAmount)
		_, err = s.Pay(ctx, billing.PayInput{
			Bill: bill.ID, Amount: bill.PatientAmount,
			PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: "T-4711"},
			IdempotencyKey: "click-1",
		})
		return err
	}
	_ = settle
}

// Somebody else may have paid a moment ago: the error tells what is still open.
func ExampleService_Pay() {
	pay := func(ctx context.Context, s *billing.Service, in billing.PayInput) error {
		_, err := s.Pay(ctx, in)
		if over := (*billing.OverpaymentError)(nil); errors.As(err, &over) {
			fmt.Println("only", over.Open, "is open")
		}
		return err
	}
	_ = pay
}

// A deed charges in its own transaction: the charge is there if and only if the deed is, and
// once, however often the deed is reported.
func ExamplePort_Post() {
	onDispensed := func(ctx context.Context, conn bun.IConn, poster charge.Poster, patient hmstype.PatientID, dispense hmstype.DispenseID, at time.Time) error {
		_, err := poster.Post(ctx, conn, charge.Request{
			Source: charge.Source{Kind: "dispense", ID: dispense.String()}, Patient: patient,
			Service: "AMOXICILLIN-500", Quantity: decimal.NewFromInt(21), At: at,
		})
		return err
	}
	_ = onDispensed
}
