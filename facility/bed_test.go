package facility_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
)

func TestService_ReopenBed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.bed(t, "1")
	_, err := b.ReopenBed(b.Ctx, id)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "it is open")
	_, err = b.CloseBed(b.Ctx, id)
	require.NoError(t, err)
	_, err = b.Admit(b.Ctx, facility.AdmitInput{Encounter: b.encounter(t), Bed: id})
	require.ErrorIs(t, err, facility.ErrBedNotReady)
	bed, err := b.ReopenBed(b.Ctx, id)
	require.NoError(t, err)
	require.Equal(t, facility.BedUnoccupied, bed.Status)
	b.admit(t, id)
	_, err = b.ReopenBed(b.Ctx, hmstype.NewID[hmstype.BedID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_ListBeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.bed(t, "A1"), b.bed(t, "A2")
	other, err := b.CreateWard(b.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: "Other", Type: "general"},
	})
	require.NoError(t, err)
	elsewhere, err := b.CreateBed(b.Ctx, facility.CreateBedInput{
		Ward: other.ID, BedDetails: facility.BedDetails{Number: "A0", Type: "standard"},
	})
	require.NoError(t, err)
	b.admit(t, second)
	for name, c := range map[string]struct {
		in   facility.ListBedsInput
		want []hmstype.BedID
	}{
		"ward":   {facility.ListBedsInput{Ward: b.ward.ID}, []hmstype.BedID{first, second}},
		"status": {facility.ListBedsInput{Status: facility.BedOccupied}, []hmstype.BedID{second}},
		"both":   {facility.ListBedsInput{Ward: other.ID, Status: facility.BedUnoccupied}, []hmstype.BedID{elsewhere.ID}},
		"none":   {facility.ListBedsInput{Ward: hmstype.NewID[hmstype.WardID]()}, []hmstype.BedID{}},
	} {
		beds, err := b.ListBeds(b.Ctx, c.in)
		require.NoError(t, err, name)
		got := []hmstype.BedID{}
		for _, bed := range beds {
			got = append(got, bed.ID)
		}
		require.Equal(t, c.want, got, name)
	}
	_, err = b.ListBeds(b.Ctx, facility.ListBedsInput{Status: "X"})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
