package hms_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/pharmacy"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

// prescribe gives an active prescription of an item for a new patient.
func prescribe(t *testing.T, env *hmstest.Env, item pharmacy.Item, quantity hmstype.Quantity, refills int) clinical.Prescription {
	t.Helper()
	encounter := env.Encounter(t, env.Patient(t).ID, clinical.ClassAmbulatory)
	rx, err := env.H.Clinical.Prescribe(env.Ctx, clinical.PrescribeInput{
		Encounter: encounter.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			Medication: item.ID, MedicationName: item.Name, Dosage: "1", Frequency: "daily", Duration: "10 days", Quantity: quantity, RefillsAllowed: refills,
		},
	})
	require.NoError(t, err)
	return rx
}

func TestHMS_FromPrescriptionToPayment(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := prescribe(t, env, stock.Item, 20, 1)
	pharmacist := env.As(t, identity.RolePharmacist)

	d, err := env.H.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20})
	require.NoError(t, err)
	require.Equal(t, pharmacy.SafetyNoneFound, d.SafetyCheck)
	require.False(t, d.Charge.IsZero())

	draft, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: rx.Patient})
	require.NoError(t, err)
	bill, err := env.H.Billing.IssueBill(env.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	hmstest.RequireMoneyEqual(t, hmstype.MustMoney("5.00", "USD"), bill.Total)

	t.Run("PaidAtTwoDesksConcurrentlyOnce", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		kinds := map[hms.Kind]int{}
		var wg sync.WaitGroup
		for range 8 {
			cashier := env.As(t, identity.RoleReceptionist)
			wg.Go(func() {
				_, err := env.H.Billing.Pay(cashier, billing.PayInput{Bill: bill.ID, Amount: bill.Total, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash}})
				mu.Lock()
				kinds[hms.KindOf(err)]++
				mu.Unlock()
			})
		}
		wg.Wait()
		require.Equal(t, map[hms.Kind]int{"": 1, hmstype.KindPrecondition: 7}, kinds)
		paid, err := env.H.Billing.Bill(env.Ctx, bill.ID)
		require.NoError(t, err)
		require.True(t, paid.Open.IsZero())
	})
}

func TestHMS_PrescriptionBoundsDispensing(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 1000, "")
	rx := prescribe(t, env, stock.Item, 10, 1)
	dispense := func(q hmstype.Quantity) (pharmacy.Dispense, error) {
		return env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: q})
	}
	_, err := dispense(21)
	require.ErrorIs(t, err, pharmacy.ErrPrescription)

	var wg sync.WaitGroup
	var mu sync.Mutex
	var given hmstype.Quantity
	for range 16 {
		wg.Go(func() {
			d, err := dispense(3)
			if err != nil && !errors.Is(err, pharmacy.ErrPrescription) {
				t.Errorf("dispense: %v", err)
			}
			mu.Lock()
			given += d.Quantity
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Equal(t, hmstype.Quantity(18), given, "as much as the prescription and its refill allow, in threes")
	last, err := dispense(2)
	require.NoError(t, err)
	_, err = dispense(1)
	require.ErrorIs(t, err, pharmacy.ErrPrescription)
	_, err = env.H.Pharmacy.ReverseDispense(env.Ctx, pharmacy.ReverseInput{Dispense: last.ID, Reason: "mistake"})
	require.NoError(t, err)
	_, err = dispense(2)
	require.NoError(t, err, "what came back may be dispensed again")
}

func TestHMS_EncounterStaysOpenWhileThePatientLiesInABed(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	encounter := env.Encounter(t, env.Patient(t).ID, clinical.ClassInpatient)
	stay, err := env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(t, "").ID})
	require.NoError(t, err)
	finish := clinical.FinishInput{ID: encounter.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"}}
	_, err = env.H.Clinical.FinishEncounter(env.Ctx, finish)
	require.ErrorIs(t, err, facility.ErrStillInBed)
	_, err = env.H.Facility.OrderDischarge(env.Ctx, stay.ID)
	require.NoError(t, err)
	_, err = env.H.Facility.Depart(env.Ctx, facility.DepartInput{Stay: stay.ID})
	require.NoError(t, err)
	_, err = env.H.Clinical.FinishEncounter(env.Ctx, finish)
	require.NoError(t, err)
}

func TestHMS_InTx(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 10, "")
	who := env.Patient(t)
	sell := pharmacy.DispenseInput{Patient: who.ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 6}

	require.ErrorIs(t, env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		if _, err := tx.Pharmacy.Dispense(ctx, sell); err != nil {
			return err
		}
		_, err := tx.Pharmacy.Dispense(ctx, sell)
		return err
	}), pharmacy.ErrInsufficientStock)
	shelf, err := env.H.Pharmacy.Shelf(env.Ctx, pharmacy.ShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(10), shelf[0].OnHand, "both happened, or neither")

	require.NoError(t, env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		if _, err := tx.Pharmacy.Dispense(ctx, sell); err != nil {
			return err
		}
		if _, err := tx.Pharmacy.Dispense(ctx, sell); !errors.Is(err, pharmacy.ErrInsufficientStock) {
			return err
		}
		return nil // the second one's failure is swallowed, and the first stands
	}))
	shelf, err = env.H.Pharmacy.Shelf(env.Ctx, pharmacy.ShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(4), shelf[0].OnHand)
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	_, err := hms.New(nil, hms.Config{MaxAttempts: -1})
	require.ErrorIs(t, err, hms.ErrInvalid)
}
