package hospital_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/pharmacy"
)

func TestHMS_FromPrescriptionToPayment(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := fixture.Prescription(t, env, stock.Item, 20, 1)
	pharmacist := env.As(t, identity.RolePharmacist)

	d, err := env.H.Pharmacy.Dispense(pharmacist,
		pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20})
	require.NoError(t, err)
	require.Equal(t, hmstype.GapNeverAsked, d.Verdict.Of(hmstype.SafetyAllergySubstance).Why)
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
			cashier := env.As(t, identity.RoleCashier)
			wg.Go(func() {
				_, err := env.H.Billing.Pay(cashier, billing.PayInput{
					Bill: bill.ID, Amount: bill.Total, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
				})
				mu.Lock()
				kinds[hms.KindOf(err)]++
				mu.Unlock()
			})
		}
		wg.Wait()
		require.Equal(t, map[hms.Kind]int{"": 1, hmstype.KindPrecondition: 7}, kinds)
		paid, err := env.H.Billing.GetBill(env.Ctx, bill.ID)
		require.NoError(t, err)
		require.True(t, paid.Open.IsZero())
	})
}

func TestHMS_PrescriptionBoundsDispensing(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 1000, "")
	rx := fixture.Prescription(t, env, stock.Item, 10, 1)
	dispense := func(q hmstype.Quantity) (pharmacy.Dispense, error) {
		return env.H.Pharmacy.Dispense(env.Ctx,
			pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: q})
	}
	_, err := dispense(21)
	requireRefused(t, err,
		pharmacy.PrescriptionError{Reason: pharmacy.PrescriptionExceeded, ValidUntil: rx.ValidUntil, Remaining: 20})

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
	requireRefused(t, err, pharmacy.PrescriptionError{Reason: pharmacy.PrescriptionExceeded, ValidUntil: rx.ValidUntil})
	_, err = env.H.Pharmacy.ReverseDispense(env.Ctx, pharmacy.ReverseDispenseInput{Dispense: last.ID, Reason: "mistake"})
	require.NoError(t, err)
	_, err = dispense(2)
	require.NoError(t, err, "what came back may be dispensed again")
}

// requireRefused holds that the pharmacy's error says why a prescription refuses.
func requireRefused(t *testing.T, err error, want pharmacy.PrescriptionError) {
	t.Helper()
	var refused *pharmacy.PrescriptionError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, want, *refused)
	require.ErrorIs(t, err, pharmacy.ErrPrescription)
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
}

// A prescription is judged once, in the record; the pharmacy's caller is told why and what is left.
func TestHMS_PrescriptionSaysWhyItRefuses(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 15, "")
	rx := fixture.Prescription(t, env, stock.Item, 10, 1)
	in := pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 18, AllowPartial: true}
	d, err := env.H.Pharmacy.Dispense(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(15), d.Quantity)
	got, err := env.H.Clinical.GetPrescription(env.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(5), got.Remaining(), "a part takes only what was handed out")
	want := pharmacy.PrescriptionError{ValidUntil: rx.ValidUntil, Remaining: 5}

	_, err = env.H.Pharmacy.Dispense(env.Ctx, in)
	want.Reason = pharmacy.PrescriptionExceeded
	requireRefused(t, err, want)
	in.Quantity = 5
	_, err = env.H.Pharmacy.Dispense(env.Ctx, in)
	require.ErrorIs(t, err, pharmacy.ErrInsufficientStock, "what is allowed may not be there")
	_, err = env.H.Clinical.HoldPrescription(env.Ctx, clinical.HoldPrescriptionInput{ID: rx.ID, Reason: "blood test"})
	require.NoError(t, err)
	_, err = env.H.Pharmacy.Dispense(env.Ctx, in)
	want.Reason = pharmacy.PrescriptionNotActive
	requireRefused(t, err, want)
	_, err = env.H.Clinical.ResumePrescription(env.Ctx, clinical.ResumePrescriptionInput{ID: rx.ID, Reason: "fine"})
	require.NoError(t, err)
	env.Advance(366 * 24 * time.Hour)
	_, err = env.H.Pharmacy.Dispense(env.Ctx, in)
	want.Reason = pharmacy.PrescriptionExpired
	requireRefused(t, err, want)
	_, err = env.H.Pharmacy.ReverseDispense(env.Ctx, pharmacy.ReverseDispenseInput{Dispense: d.ID, Reason: "mistake"})
	require.NoError(t, err, "what comes back is taken on any")
	got, err = env.H.Clinical.GetPrescription(env.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(20), got.Remaining())
}

// A check that cannot be made is not taken for a safe one.
func TestHMS_EveryDispenseSaysWhatItsSafetyCheckFound(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 10, "")
	d, err := env.H.Pharmacy.Dispense(env.Ctx,
		pharmacy.DispenseInput{Patient: env.Patient(t).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 1})
	require.NoError(t, err)
	require.Equal(t, hmstype.NotChecked, d.Verdict.Of(hmstype.SafetyAllergySubstance).Outcome, "nobody asked the patient")
	for name, verdict := range map[string]string{
		"Empty": `{}`, "None": `{"checks": []}`,
		"Found":     strings.Repeat(`{"kind": "dose", "outcome": "checked"},`, 6),
		"NoOutcome": `{"checks": [{"kind": "dose"}]}`,
	} {
		if name == "Found" {
			verdict = `{"checks": [` + strings.TrimSuffix(verdict, ",") + `]}`
		}
		_, err = env.DB.ExecContext(t.Context(), `UPDATE hms.medication_dispense SET verdict = ? WHERE tenant_id = ?`,
			verdict, env.Tenant)
		require.Equal(t, "23514", dbx.SQLState(err),
			"the database knows no dispense without an outcome of every kind: %s", name)
	}
}
