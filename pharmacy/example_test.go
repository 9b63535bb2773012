package pharmacy_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/pharmacy"
)

// A delivery goes onto the shelf. The same batch that comes again is added to.
func ExampleService_ReceiveBatch() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "")
		batch, err := env.H.Pharmacy.ReceiveBatch(env.As(tb, identity.RolePharmacist), pharmacy.ReceiveBatchInput{
			BatchDetails: stock.Batch.BatchDetails, Location: stock.Location, Quantity: 50,
			CostPrice: stock.Batch.CostPrice, SellingPrice: stock.Batch.SellingPrice,
			IdempotencyKey: "delivery note 4711",
		})
		if err != nil {
			return err
		}
		fmt.Println(batch.BatchNumber, batch.Status, batch.QuantityReceived, "until", batch.ExpiryDate)
		return nil
	})
	// Output: B1 available 150 until 2027-03-02
}

// What expires first goes out first, over as many batches as it takes.
func ExampleService_Dispense() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "") // until next year
		pharmacist := env.As(tb, identity.RolePharmacist)
		_, err := env.H.Pharmacy.ReceiveBatch(pharmacist, pharmacy.ReceiveBatchInput{
			BatchDetails: pharmacy.BatchDetails{
				Item: stock.Item.ID, Supplier: stock.Batch.Supplier, BatchNumber: "B2", ExpiryDate: env.Today().AddDays(30),
			},
			Location: stock.Location, Quantity: 8, CostPrice: hmstype.MustMoney("0.10", "USD"),
			SellingPrice: hmstype.MustMoney("0.25", "USD"),
		})
		if err != nil {
			return err
		}
		handed, err := env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
			Patient: env.Patient(tb).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 20,
			IdempotencyKey: "counter 1, slip 17",
		})
		if err != nil {
			return err
		}
		for _, line := range handed.Lines {
			fmt.Println(line.Quantity, "that expire on", line.ExpiryDate)
		}
		return nil
	})
	// Output:
	// 8 that expire on 2026-04-01
	// 12 that expire on 2027-03-02
}

// The counter is told how much there is, and may hand out that.
func ExampleInsufficientStockError() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 5, "")
		pharmacist := env.As(tb, identity.RolePharmacist)
		in := pharmacy.DispenseInput{Patient: env.Patient(tb).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 21}
		_, err := env.H.Pharmacy.Dispense(pharmacist, in)
		var short *pharmacy.InsufficientStockError
		if !errors.As(err, &short) {
			return fmt.Errorf("not told: %w", err)
		}
		fmt.Println("there are", short.Available, "left; kind", hms.KindOf(err))

		in.AllowPartial = true
		handed, err := env.H.Pharmacy.Dispense(pharmacist, in)
		fmt.Println("handed out", handed.Quantity, "of", handed.Requested)
		return err
	})
	// Output:
	// there are 5 left; kind precondition
	// handed out 5 of 21
}

// What was handed to the wrong person comes back, to be inspected before anybody else gets it.
func ExampleService_ReverseDispense() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "")
		pharmacist := env.As(tb, identity.RolePharmacist)
		handed, err := env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
			Patient: env.Patient(tb).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 20,
		})
		if err != nil {
			return err
		}
		back, err := env.H.Pharmacy.ReverseDispense(pharmacist, pharmacy.ReverseDispenseInput{
			Dispense: handed.ID, Reason: "handed to the wrong person",
		})
		if err != nil {
			return err
		}
		shelf, err := env.H.Pharmacy.ListShelf(pharmacist, pharmacy.ListShelfInput{Item: stock.Item.ID})
		if err != nil {
			return err
		}
		fmt.Println(back.Status, "on hand:", shelf[0].OnHand, "to inspect:", shelf[0].Quarantined)
		return nil
	})
	// Output: entered-in-error on hand: 80 to inspect: 20
}

// The shelf shows what lies where, in the order in which it will be handed out.
func ExampleService_ListShelf() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "")
		env.Advance(366 * 24 * time.Hour) // a year and a day later
		shelf, err := env.H.Pharmacy.ListShelf(env.As(tb, identity.RolePharmacist), pharmacy.ListShelfInput{
			Location: stock.Location,
		})
		if err != nil {
			return err
		}
		for _, line := range shelf {
			fmt.Println(line.BatchNumber, line.OnHand, line.Unit, line.Status, "expired:", line.Expired, "usable:",
				line.Usable())
		}
		return nil
	})
	// Output: B1 100 tablet available expired: true usable: false
}

// The maker recalls a batch: from then on nobody hands out a unit of it.
func ExampleService_SetBatchStatus() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "")
		pharmacist := env.As(tb, identity.RolePharmacist)
		batch, err := env.H.Pharmacy.SetBatchStatus(pharmacist, pharmacy.SetBatchStatusInput{
			ID: stock.Batch.ID, Status: pharmacy.BatchRecalled, Reason: "maker's recall 2026-17",
		})
		if err != nil {
			return err
		}
		fmt.Println(batch.Status, "for", batch.StatusReason)

		_, err = env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
			Patient: env.Patient(tb).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 1,
		})
		fmt.Println(errors.Is(err, pharmacy.ErrInsufficientStock))
		return nil
	})
	// Output:
	// recalled for maker's recall 2026-17
	// true
}

// At night the balances are held against the movements, to the unit.
func ExampleService_Verify() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		stock := env.Stock(tb, 100, "")
		pharmacist := env.As(tb, identity.RolePharmacist)
		_, err := env.H.Pharmacy.Adjust(pharmacist, pharmacy.AdjustInput{
			Batch: stock.Batch.ID, Location: stock.Location, Delta: -3, Reason: "broken blister",
		})
		if err != nil {
			return err
		}
		report, err := env.H.Pharmacy.Verify(pharmacist)
		if err != nil {
			return err
		}
		for _, r := range report.Items {
			fmt.Println("received", r.Received, "adjusted", r.Adjusted, "on hand", r.OnHand, "clean:", r.Clean())
		}
		return nil
	})
	// Output: received 100 adjusted -3 on hand 97 clean: true
}
