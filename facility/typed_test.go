package facility_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
)

func TestService_Places_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ward, err := b.CreateWard(b.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: "Ward 2 – East ", Type: "general"},
	})
	require.NoError(t, err)
	require.Equal(t, "Ward 2 – East ", ward.Name, "the text stays as typed")
	for _, name := range []string{"general", "General ", "ＧＥＮＥＲＡＬ", "Gen\u200beral", "WARD  2 - east"} {
		_, err := b.CreateWard(b.Ctx, facility.CreateWardInput{
			WardDetails: facility.WardDetails{Name: name, Type: "general"},
		})
		require.ErrorIs(t, err, facility.ErrNameTaken, "%q", name)
	}
	b.bed(t, "A-1")
	for _, number := range []string{"a-1", "A - 1", "A\u20111", "A-1 "} {
		_, err := b.CreateBed(b.Ctx, facility.CreateBedInput{
			Ward: b.ward.ID, BedDetails: facility.BedDetails{Number: number, Type: "standard"},
		})
		require.ErrorIs(t, err, facility.ErrNameTaken, "%q", number)
	}
	b.bed(t, "A1")
	_, err = b.CreateBed(b.Ctx, facility.CreateBedInput{
		Ward: ward.ID, BedDetails: facility.BedDetails{Number: "a-1", Type: "standard"},
	})
	require.NoError(t, err, "each ward numbers its own beds")

	_, err = b.CreateWard(b.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: "\u200b", Type: "general"},
	})
	require.Equal(t, []hmstype.FieldError{{Path: "name", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err))
	_, err = b.CreateBed(b.Ctx, facility.CreateBedInput{
		Ward: ward.ID, BedDetails: facility.BedDetails{Number: "\u00ad", Type: "standard"},
	})
	require.Equal(
		t, []hmstype.FieldError{{Path: "number", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err),
	)
}
