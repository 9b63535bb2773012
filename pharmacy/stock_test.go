package pharmacy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

// What the application of the original request does, and this one must not.

func TestStock_DispensingSplitsAcrossBatchesAndRefusesNegatives(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	b.receive(t, "A", 3, 30)
	b.receive(t, "B", 3, 60)
	_, err := b.Dispense(b.Ctx, b.sell(-5))
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	d, err := b.Dispense(b.Ctx, b.sell(5))
	require.NoError(t, err)
	require.Len(t, d.Lines, 2)
}

func TestStock_OneTruthOfStock(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	batch := b.receive(t, "A", 10, 30)
	_, err := b.Adjust(b.Ctx, pharmacy.AdjustInput{Batch: batch.ID, Location: b.location, Delta: -4, Reason: "broken"})
	require.NoError(t, err)
	shelf, err := b.ListShelf(b.Ctx, pharmacy.ListShelfInput{Item: b.item})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(6), shelf[0].OnHand)
	require.Equal(t, hmstype.Quantity(-4), b.requireClean(t).Adjusted)
	_, err = b.Adjust(b.Ctx, pharmacy.AdjustInput{Batch: batch.ID, Location: b.location, Delta: -7, Reason: "broken"})
	require.ErrorIs(t, err, pharmacy.ErrInsufficientStock)
}

func TestStock_AFailedAdjustmentChangesNothingHoweverOftenItIsTried(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	batch := b.receive(t, "A", 12, 30)
	in := pharmacy.AdjustInput{Batch: batch.ID, Location: b.location, Delta: -3, Reason: "count", IdempotencyKey: "k"}
	for range 3 {
		_, err := b.Adjust(b.Ctx, in)
		require.NoError(t, err)
	}
	require.Equal(t, hmstype.Quantity(9), b.requireClean(t).OnHand)
}
