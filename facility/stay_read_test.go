package facility_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
)

// Whoever lost the id of a stay finds it by the bed, the ward, the patient or the encounter.
func TestService_ListStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.bed(t, "1"), b.bed(t, "2")
	first := b.admit(t, one)
	b.leave(t, first)
	b.Clock.Advance(time.Hour)
	second := b.admit(t, two)
	for name, tt := range map[string]struct {
		in   facility.ListStaysInput
		want []hmstype.StayID
	}{
		"All":       {facility.ListStaysInput{}, []hmstype.StayID{second.ID, first.ID}},
		"Ward":      {facility.ListStaysInput{Ward: b.ward.ID}, []hmstype.StayID{second.ID, first.ID}},
		"Active":    {facility.ListStaysInput{Active: true}, []hmstype.StayID{second.ID}},
		"Bed":       {facility.ListStaysInput{Bed: one}, []hmstype.StayID{first.ID}},
		"Patient":   {facility.ListStaysInput{Patient: second.Patient}, []hmstype.StayID{second.ID}},
		"Encounter": {facility.ListStaysInput{Encounter: first.Encounter}, []hmstype.StayID{first.ID}},
		"Nobody":    {facility.ListStaysInput{Bed: one, Active: true}, []hmstype.StayID{}},
		"Page":      {facility.ListStaysInput{Page: hmstype.Page{Limit: 1}}, []hmstype.StayID{second.ID}},
	} {
		found, err := b.ListStays(b.Ctx, tt.in)
		require.NoError(t, err, name)
		got := make([]hmstype.StayID, len(found.Items))
		for i, stay := range found.Items {
			got[i] = stay.ID
		}
		require.Equal(t, tt.want, got, name)
	}
	read, err := b.GetStay(b.Ctx, second.ID)
	require.NoError(t, err)
	require.Equal(t, second, read)
	_, err = b.GetStay(b.Ctx, hmstype.NewID[hmstype.StayID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}
