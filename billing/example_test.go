package billing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// consulted gives the issued bill of a consultation for 40 dollars: the doctor charges, the desk bills.
func consulted(tb testing.TB, env *hmstest.Env, desk context.Context, who hmstype.PatientID) (billing.Bill, error) {
	env.Service(tb, "CONSULT", "40.00")
	_, err := env.H.Billing.CaptureCharge(env.As(tb, identity.RoleDoctor), billing.CaptureChargeInput{
		Patient: who, Service: "CONSULT",
	})
	if err != nil {
		return billing.Bill{}, err
	}
	draft, err := env.H.Billing.CreateBill(desk, billing.CreateBillInput{Patient: who}) // all that is billable
	if err != nil {
		return billing.Bill{}, err
	}
	return env.H.Billing.IssueBill(desk, billing.IssueBillInput{
		ID: draft.ID, IdempotencyKey: "issue " + draft.ID.String(),
	})
}

// From a captured charge to an issued bill, of which a fund pays its share.
func ExampleService_IssueBill() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk, who := env.As(tb, identity.RoleCashier), env.Patient(tb).ID
		_, err := env.H.Patient.AddCoverage(env.As(tb, identity.RoleReceptionist), patient.AddCoverageInput{
			Patient: who, CoverageDetails: patient.CoverageDetails{
				PayerName: "National Health Fund", PolicyNumber: "P-17", Percent: decimal.NewFromInt(75), ValidFrom: env.Today(),
			},
		})
		if err != nil {
			return err
		}
		bill, err := consulted(tb, env, desk, who)
		if err != nil {
			return err
		}
		fmt.Println(bill.Number, bill.Status, "patient:", bill.PatientAmount, "payers:", bill.PayerAmount)
		return nil
	})
	// Output: INV-2026-000001 issued patient: 10.00 USD payers: 30.00 USD
}

// Somebody else may have paid a moment ago: the error tells what is still open.
func ExampleService_Pay() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk := env.As(tb, identity.RoleCashier)
		bill, err := consulted(tb, env, desk, env.Patient(tb).ID)
		if err != nil {
			return err
		}
		pay := func(amount, slip string) error {
			_, err := env.H.Billing.Pay(desk, billing.PayInput{
				Bill: bill.ID, Amount: hmstype.MustMoney(amount, "USD"), IdempotencyKey: slip,
				PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: slip},
			})
			if over := (*billing.OverpaymentError)(nil); errors.As(err, &over) {
				fmt.Println("only", over.Open, "is open")
				return nil
			}
			return err
		}
		if err := errors.Join(pay("30.00", "T-1"), pay("40.00", "T-2"), pay("10.00", "T-3")); err != nil {
			return err
		}
		bill, err = env.H.Billing.GetBill(desk, bill.ID)
		fmt.Println(bill.Status, "paid", bill.Paid)
		return err
	})
	// Output:
	// only 10.00 USD is open
	// balanced paid 40.00 USD
}

// A cashier asks for a refund, and another person approves it.
func ExampleService_RequestRefund() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk := env.As(tb, identity.RoleCashier)
		bill, err := consulted(tb, env, desk, env.Patient(tb).ID)
		if err != nil {
			return err
		}
		paid, err := env.H.Billing.Pay(desk, billing.PayInput{
			Bill: bill.ID, Amount: bill.PatientAmount, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
		})
		if err != nil {
			return err
		}
		asked, err := env.H.Billing.RequestRefund(desk, billing.RequestRefundInput{
			Payment: paid.ID, Amount: hmstype.MustMoney("5.00", "USD"),
			RefundDetails: billing.RefundDetails{Reason: "the doctor came an hour late"},
		})
		if err != nil {
			return err
		}
		done, err := env.H.Billing.DecideRefund(env.As(tb, identity.RoleAdmin), billing.DecideRefundInput{
			ID: asked.ID, Status: billing.RefundApproved,
		})
		fmt.Println(asked.Status, "and then", done.Status, done.Amount)
		return err
	})
	// Output: requested and then approved 5.00 USD
}

// A use case charges in its own transaction: the charge is there if and only if the use case is, and
// once, however often the click is sent.
func ExampleService_ListCharges() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Service(tb, "AMOXICILLIN-500", "0.35")
		stock, who := env.Stock(tb, 100, "AMOXICILLIN-500"), env.Patient(tb).ID
		pharmacist := env.As(tb, identity.RolePharmacist)
		for range 2 {
			_, err := env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
				Patient: who, Item: stock.Item.ID, Location: stock.Location, Quantity: 21, IdempotencyKey: "slip 17",
			})
			if err != nil {
				return err
			}
		}
		charges, err := env.H.Billing.ListCharges(env.As(tb, identity.RoleCashier), billing.ListChargesInput{
			Patient: who,
		})
		for _, c := range charges.Items {
			fmt.Println(c.ServiceCode, c.Quantity, "x", c.UnitPrice, c.Status)
		}
		return err
	})
	// Output: AMOXICILLIN-500 21 x 0.35 USD billable
}

// ledger is the finance system that a hospital has already.
type ledger struct{}

// Post implements charge.Poster.
func (ledger) Post(_ context.Context, _ bun.IConn, r charge.Request) (hmstype.ChargeID, error) {
	fmt.Println("post", r.Quantity, r.Service, "of a", r.Source.Kind)
	return hmstype.NewID[hmstype.ChargeID](), nil
}

// Reverse implements charge.Poster.
func (ledger) Reverse(_ context.Context, _ bun.IConn, source charge.Source, reason string) error {
	fmt.Println("take back the", source.Kind+":", reason)
	return nil
}

// A hospital with a finance system of its own brings it in the configuration.
func Example_ownFinanceSystem() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock, pharmacist := env.Stock(tb, 100, "AMOXICILLIN-500"), env.As(tb, identity.RolePharmacist)
		handed, err := env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
			Patient: env.Patient(tb).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 21,
		})
		if err != nil {
			return err
		}
		_, err = env.H.Pharmacy.ReverseDispense(pharmacist, pharmacy.ReverseDispenseInput{
			Dispense: handed.ID, Reason: "wrong person",
		})
		return err
	}, func(c *hms.Config) { c.Charges = ledger{} })
	// Output:
	// post 21 AMOXICILLIN-500 of a dispense
	// take back the dispense: wrong person
}

// At night the books are proved: every journal sums to zero, every bill is what its lines add up to.
func ExampleService_Verify() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		if _, err := consulted(tb, env, env.As(tb, identity.RoleCashier), env.Patient(tb).ID); err != nil {
			return err
		}
		proof, err := env.H.Billing.Verify(env.Ctx)
		fmt.Println("bills:", proof.Bills, "drifts:", len(proof.Drifts))
		return err
	})
	// Output: bills: 1 drifts: 0
}
