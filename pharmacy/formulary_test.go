package pharmacy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

func TestService_UpdateItem(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	item, err := b.GetItem(b.Ctx, b.item)
	require.NoError(t, err)
	require.Equal(t, "Amoxicillin", item.Name)

	change := pharmacy.UpdateItemInput{ID: item.ID, Version: item.Version, ItemDetails: item.ItemDetails}
	change.Name, change.ReorderLevel = "Amoxicillin trihydrate", 50
	changed, err := b.UpdateItem(b.Ctx, change)
	require.NoError(t, err)
	require.Equal(t, item.Version+1, changed.Version)
	got, err := b.GetItem(b.Ctx, b.item)
	require.NoError(t, err)
	require.Equal(t, changed, got)
	_, err = b.UpdateItem(b.Ctx, change)
	require.ErrorIs(t, err, hmstype.ErrStale, "somebody else was faster")

	unknown := hmstype.NewID[hmstype.MedicationItemID]()
	_, err = b.GetItem(b.Ctx, unknown)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	change.ID = unknown
	_, err = b.UpdateItem(b.Ctx, change)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_ListItems(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	want := []hmstype.MedicationItemID{b.item, b.newItem(t, "Ibuprofen"), b.newItem(t, "Metformin")}
	var got []hmstype.MedicationItemID
	page := hmstype.Page{Limit: 2}
	for {
		list, err := b.ListItems(b.Ctx, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), 2)
		for _, item := range list.Items {
			got = append(got, item.ID)
		}
		if list.Next == "" {
			break
		}
		page.Cursor = list.Next
	}
	require.Equal(t, want, got, "oldest first, each once")
}
