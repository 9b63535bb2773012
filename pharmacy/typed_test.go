package pharmacy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/pharmacy"
)

// A lot is one lot however its number was typed: a later delivery adds to it, and a recall
// leaves none of it to be handed out.
func TestService_ReceiveBatch_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	first := b.receive(t, "L-100", 10, 30)
	for _, typed := range []string{"l-100 ", " L\u2013100", "L - 1 0 0", "Ｌ－１００", "L-\u200b100", "l\u2212\u00ad100"} {
		again := b.receive(t, typed, 10, 30)
		require.Equal(t, first.ID, again.ID, "%q", typed)
		require.Equal(t, "L-100", again.BatchNumber, "the first spelling stays")
	}
	conflict := b.delivery("l-100", 1, 31)
	_, err := b.ReceiveBatch(b.Ctx, conflict)
	require.ErrorIs(t, err, pharmacy.ErrBatchConflict)

	other := b.receive(t, "L-1OO", 5, 30)
	require.NotEqual(t, first.ID, other.ID, "a letter is no digit, like as they look")
	require.Equal(t, "A 7 ", b.receive(t, "A 7 ", 1, -1).BatchNumber, "the text stays as typed")

	_, err = b.SetBatchStatus(b.Ctx, pharmacy.SetBatchStatusInput{
		ID: first.ID, Status: pharmacy.BatchRecalled, Reason: "maker",
	})
	require.NoError(t, err)
	_, err = b.Dispense(b.Ctx, b.sell(6))
	require.ErrorIs(t, err, pharmacy.ErrInsufficientStock, "the recall holds all seven deliveries")
	_, err = b.Dispense(b.Ctx, b.sell(5))
	require.NoError(t, err, "and nothing of another lot")
	b.requireClean(t)
}

// Deliveries of one lot that are typed differently at once become one batch, too.
func TestService_ReceiveBatch_TypedDifferentlyConcurrent(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	spellings := []string{"L100", "l100", "L 100", "L100 "}
	errs := make(chan error)
	for _, typed := range spellings {
		go func() {
			_, err := b.ReceiveBatch(b.Ctx, b.delivery(typed, 10, 30))
			errs <- err
		}()
	}
	for range spellings {
		require.NoError(t, <-errs)
	}
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.stock_batch WHERE tenant_id = ?`, b.Tenant))
	require.Equal(t, hmstype.Quantity(40), b.requireClean(t).OnHand)
}

func TestService_Formulary_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	item := func(name, strength, maker string) pharmacy.CreateItemInput {
		return pharmacy.CreateItemInput{ItemDetails: pharmacy.ItemDetails{
			Category: b.category, Name: name, Strength: strength, Manufacturer: maker, Unit: "tablet",
		}}
	}
	_, err := b.CreateSupplier(b.Ctx, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{Name: " ACME\u00a0"},
	})
	require.ErrorIs(t, err, pharmacy.ErrNameTaken)
	_, err = b.CreateLocation(b.Ctx, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "main  Store"},
	})
	require.ErrorIs(t, err, pharmacy.ErrNameTaken)
	_, err = b.CreateCategory(b.Ctx, pharmacy.CreateCategoryInput{
		CategoryDetails: pharmacy.CategoryDetails{Name: "antibiotics "},
	})
	require.ErrorIs(t, err, pharmacy.ErrNameTaken)
	_, err = b.CreateItem(b.Ctx, item("AMOXICILLIN", "500mg", ""))
	require.ErrorIs(t, err, pharmacy.ErrNameTaken)
	_, err = b.CreateItem(b.Ctx, item("Amoxicillin", "250 mg", ""))
	require.NoError(t, err)
	made, err := b.CreateItem(b.Ctx, item("Amoxicillin", "500 mg", "Acme\u2013Pharma"))
	require.NoError(t, err)
	_, err = b.CreateItem(b.Ctx, item("amoxicillin", "500 MG", "acme-pharma "))
	require.ErrorIs(t, err, pharmacy.ErrNameTaken)
	store, err := b.CreateLocation(b.Ctx, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "Mainstore "},
	})
	require.NoError(t, err, "in a name a space parts words")
	require.Equal(t, "Mainstore ", store.Name, "the text stays as typed")

	change := pharmacy.UpdateItemInput{ID: made.ID, Version: made.Version, ItemDetails: made.ItemDetails, Active: true}
	change.Manufacturer = "  "
	_, err = b.UpdateItem(b.Ctx, change)
	require.Equal(t, []hmstype.FieldError{{Path: "manufacturer", Rule: "must not be blank"}}, hmstype.Fields(err))
	change.Manufacturer, change.Strength = "", "500Mg"
	_, err = b.UpdateItem(b.Ctx, change)
	require.ErrorIs(t, err, pharmacy.ErrNameTaken, "an update keeps the normal forms, too")
}

func TestTypedKeys_EmptyAfterNormalisation(t *testing.T) {
	t.Parallel()
	const nothing = "\u200b\u3164"
	item := pharmacy.CreateItemInput{ItemDetails: pharmacy.ItemDetails{
		Category: hmstype.NewID[hmstype.MedicationCategoryID](), Name: "x", Unit: "tablet",
	}}
	unnamed, strength := item, item
	unnamed.Name, strength.Strength = nothing, nothing
	delivery := (&bundle{}).delivery(nothing, 1, 1)
	for path, in := range map[string]interface{ Validate() error }{
		"batchNumber": delivery, "strength": strength, "name": unnamed,
	} {
		require.Contains(t, hmstype.Fields(in.Validate()), hmstype.FieldError{
			Path: path, Rule: "must have a letter, digit or sign",
		})
	}
	for _, in := range []interface{ Validate() error }{
		pharmacy.CreateCategoryInput{CategoryDetails: pharmacy.CategoryDetails{Name: nothing}},
		pharmacy.CreateSupplierInput{SupplierDetails: pharmacy.SupplierDetails{Name: nothing}},
		pharmacy.CreateLocationInput{LocationDetails: pharmacy.LocationDetails{Name: nothing}},
	} {
		require.Equal(
			t, []hmstype.FieldError{{Path: "name", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(in.Validate()),
		)
	}
}
