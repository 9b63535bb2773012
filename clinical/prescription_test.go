package clinical_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func tablets(e clinical.Encounter) clinical.PrescribeInput {
	return clinical.PrescribeInput{
		Encounter: e.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: "Paracetamol 500 mg", Unit: "tablet", Dosage: "500 mg", Frequency: "4x",
			Duration: "5 days", Quantity: 20,
		},
	}
}

// another is a prescription of what nobody takes yet.
func another(e clinical.Encounter) clinical.PrescribeInput {
	in := tablets(e)
	in.MedicationName = "X" + hmstype.NewID[hmstype.PrescriptionID]().String()
	return in
}

// dispense hands out on a prescription, or takes back, as the pharmacy does.
func (b *bundle) dispense(t *testing.T, id hmstype.PrescriptionID, q hmstype.Quantity) error {
	t.Helper()
	return b.dispensePart(t, id, q, q)
}

// dispensePart asks for so much and hands out something else.
func (b *bundle) dispensePart(t *testing.T, id hmstype.PrescriptionID, wanted, given hmstype.Quantity) error {
	t.Helper()
	return b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		port := clinical.NewPort(b.Base)
		rx, err := port.LockToTakeBack(ctx, db.Conn(), id)
		if wanted > 0 {
			rx, err = port.LockToDispense(ctx, db.Conn(), id, wanted)
		}
		if err != nil {
			return err
		}
		return port.RecordDispensed(ctx, db.Conn(), rx, given)
	})
}

func TestService_Prescribe_Details(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	in := tablets(e)
	in.Code = hmstype.Code{System: hmstype.SystemATC, Value: "N02BE01"}
	in.DaysSupply, in.RefillsAllowed, in.OverrideReason, in.IdempotencyKey = 5, 2, "not needed", "k"
	rx, err := b.Prescribe(b.As(t, identity.RoleDoctor), in)
	require.NoError(t, err)
	require.True(t, rx.Medication.IsZero(), "not of the formulary")
	require.Equal(t, in.Code, rx.Code)
	require.Equal(t, hmstype.Quantity(60), rx.Limit())
	require.Equal(t, rx.Limit(), rx.Remaining())
	require.Empty(t, rx.OverrideReason, "nothing was overridden")
	require.Equal(t, hmstype.DateOf(dbtest.Start, time.UTC).AddDays(365), rx.ValidUntil)
	got, err := b.GetPrescription(b.As(t, identity.RolePharmacist), rx.ID)
	require.NoError(t, err)
	require.Equal(t, rx, got)
	ofEncounter, err := b.ListEncounterPrescriptions(b.Ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, []clinical.Prescription{rx}, ofEncounter)
	list, err := b.ListPrescriptions(b.Ctx, clinical.ListPrescriptionsInput{Patient: b.patient})
	require.NoError(t, err)
	require.Equal(t, []clinical.Prescription{rx}, list.Items)

	for name, change := range map[string]func(*clinical.PrescribeInput){
		"Nothing":  func(in *clinical.PrescribeInput) { in.Quantity = 0 },
		"Negative": func(in *clinical.PrescribeInput) { in.Quantity = -1 },
		"Refills":  func(in *clinical.PrescribeInput) { in.RefillsAllowed = 100 },
		"Days":     func(in *clinical.PrescribeInput) { in.DaysSupply = -1 },
		"Nameless": func(in *clinical.PrescribeInput) { in.MedicationName = " " },
		"Past":     func(in *clinical.PrescribeInput) { in.ValidUntil = hmstype.NewDate(2026, time.March, 1) },
		"BadCode":  func(in *clinical.PrescribeInput) { in.Codes = []hmstype.Code{{System: "x"}} },
	} {
		wrong := tablets(e)
		change(&wrong)
		_, err := b.Prescribe(b.Ctx, wrong)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{
		ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
	require.NoError(t, err)
	_, err = b.Prescribe(b.Ctx, tablets(e))
	require.ErrorIs(t, err, clinical.ErrEncounterClosed)
}

func TestService_CancelPrescription(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	write := func() hmstype.PrescriptionID {
		rx, err := b.Prescribe(b.Ctx, tablets(e))
		require.NoError(t, err)
		return rx.ID
	}
	why := func(id hmstype.PrescriptionID) clinical.PrescriptionStep {
		return clinical.PrescriptionStep{ID: id, Reason: "why"}
	}

	fresh := write()
	_, err := b.CancelPrescription(b.Ctx, clinical.CancelPrescriptionInput{ID: fresh})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is required")
	gone, err := b.CancelPrescription(b.Ctx, clinical.CancelPrescriptionInput(why(fresh)))
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionCancelled, gone.Status)
	require.ErrorIs(t, b.dispense(t, fresh, 1), clinical.ErrNotActive)

	used := write()
	require.NoError(t, b.dispense(t, used, 5))
	_, err = b.CancelPrescription(b.Ctx, clinical.CancelPrescriptionInput(why(used)))
	require.ErrorIs(t, err, clinical.ErrAlreadyDispensed)
	held, err := b.HoldPrescription(b.Ctx, clinical.HoldPrescriptionInput(why(used)))
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionOnHold, held.Status)
	require.ErrorIs(t, b.dispense(t, used, 1), clinical.ErrNotActive)
	_, err = b.ResumePrescription(b.Ctx, clinical.ResumePrescriptionInput(why(used)))
	require.NoError(t, err)
	require.NoError(t, b.dispense(t, used, 1))
	_, err = b.ResumePrescription(b.Ctx, clinical.ResumePrescriptionInput(why(used)))
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	stopped, err := b.StopPrescription(b.Ctx, clinical.StopPrescriptionInput(why(used)))
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionStopped, stopped.Status)
	require.NoError(t, b.dispense(t, used, -6), "what comes back is taken on any")
	wrong, err := b.EnterPrescriptionInError(b.Ctx, clinical.EnterPrescriptionInErrorInput(why(used)))
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionEnteredInError, wrong.Status)

	old := write()
	b.Clock.Advance(365 * 24 * time.Hour)
	require.NoError(t, b.dispense(t, old, 1), "the last day counts")
	b.Clock.Advance(24 * time.Hour)
	require.ErrorIs(t, b.dispense(t, old, 1), clinical.ErrNotActive)
	require.NoError(t, b.dispense(t, old, -1))
	_, err = b.StopPrescription(b.As(t, identity.RolePharmacist), clinical.StopPrescriptionInput(why(old)))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_RecordDispensed_ConcurrentKeepsTheBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := tablets(b.open(t, clinical.ClassAmbulatory))
	in.RefillsAllowed = 1 // 40 in all
	rx, err := b.Prescribe(b.Ctx, in)
	require.NoError(t, err)
	var mu sync.Mutex
	var sum hmstype.Quantity
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			err := b.dispense(t, rx.ID, 3)
			if err != nil && !errors.Is(err, clinical.ErrOverDispensed) {
				t.Errorf("dispense: %v", err)
			}
			if err == nil {
				mu.Lock()
				sum += 3
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Equal(t, hmstype.Quantity(39), sum)
	var over *clinical.NotDispensableError
	require.ErrorAs(t, b.dispense(t, rx.ID, 2), &over)
	require.Equal(t, clinical.NotDispensableError{
		Reason: clinical.NotDispensableExceeds, Status: clinical.PrescriptionActive, ValidUntil: rx.ValidUntil, Remaining: 1,
	}, *over)
	require.NoError(t, b.dispense(t, rx.ID, 1))
	got, err := b.GetPrescription(b.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, clinical.PrescriptionCompleted, got.Status)
	require.Zero(t, got.Remaining())
}

// TestService_RecordDispensed_Property hands out and takes back at random, and holds
// quantity and state against a model.
func TestService_RecordDispensed_Property(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	rapid.Check(t, func(rt *rapid.T) {
		in := another(e)
		in.Quantity = hmstype.Quantity(rapid.Int64Range(1, 10).Draw(rt, "quantity"))
		in.RefillsAllowed = rapid.IntRange(0, 3).Draw(rt, "refills")
		rx, err := b.Prescribe(b.Ctx, in)
		if err != nil {
			rt.Fatalf("prescribe: %v", err)
		}
		out := hmstype.Quantity(0)
		for _, q := range rapid.SliceOfN(rapid.Int64Range(-12, 12), 0, 6).Draw(rt, "moves") {
			want := out + hmstype.Quantity(q)
			fits := want >= 0 && want <= rx.Limit()
			if err := b.dispense(t, rx.ID, hmstype.Quantity(q)); (err == nil) != fits {
				rt.Fatalf("move %d from %d of %d: %v", q, out, rx.Limit(), err)
			}
			if fits {
				out = want
			}
		}
		got, err := b.GetPrescription(b.Ctx, rx.ID)
		if err != nil || got.Dispensed != out || (got.Status == clinical.PrescriptionCompleted) != (out == rx.Limit()) {
			rt.Fatalf("got %d %s, want %d of %d: %v", got.Dispensed, got.Status, out, rx.Limit(), err)
		}
	})
	for _, q := range []hmstype.Quantity{1 << 62, -1 << 62, -1 << 63} {
		rx, err := b.Prescribe(b.Ctx, another(e))
		require.NoError(t, err)
		require.ErrorIs(t, b.dispense(t, rx.ID, q), clinical.ErrOverDispensed)
	}
}
