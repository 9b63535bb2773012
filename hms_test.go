package hms_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

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
	shelf, err := env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
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
	shelf, err = env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(4), shelf[0].OnHand)
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	_, err := hms.New(nil, hms.Config{MaxAttempts: -1})
	require.ErrorIs(t, err, hms.ErrInvalid)
}

// Services that are not bound to the transaction would do what stays when it is undone.
func TestInTx_ServicesOutsideRefuseItsContext(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	input := patient.RegisterInput{Details: patient.Details{LastName: "Outside", Gender: patient.GenderUnknown}}
	var outer error
	err := env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		_, outer = env.H.Patient.Register(ctx, input)
		_, err := tx.Patient.Register(ctx, input)
		return err
	})
	require.NoError(t, err)
	require.ErrorIs(t, outer, hmstype.ErrOutsideTransaction)
	found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "Outside"})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)
}

func TestNew_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := hms.New(nil, hms.Config{})
	require.ErrorIs(t, err, hms.ErrInvalid)
	env := hmstest.New(t)
	_, err = hms.New(env.DB, hms.Config{Observers: []hmstype.Observer{nil}})
	require.Equal(t, []hms.FieldError{{Path: "observers", Rule: "must hold no nil"}}, hms.Fields(err))
}
