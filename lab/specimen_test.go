package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
)

func TestService_CollectSpecimen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.potassium(t)
	urine, err := b.lab.CreateTest(b.senior, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "UA", Name: "Urine", SpecimenType: "urine", TurnaroundMinutes: 30},
		Analytes: []lab.AnalyteInput{{
			AnalyteDetails: lab.AnalyteDetails{Code: "COL", Name: "Colour", ValueType: lab.ValueText},
		}},
	})
	require.NoError(t, err)
	order := b.order(t, b.adult(t), k, urine)
	var items []hmstype.LabOrderItemID
	for _, test := range []lab.Test{k, urine} {
		for _, item := range order.Items {
			if item.Test == test.ID {
				items = append(items, item.ID)
			}
		}
	}
	in := lab.CollectSpecimenInput{Order: order.ID, Items: items, TwoIdentifiers: true}
	_, err = b.lab.CollectSpecimen(b.tech, in)
	require.ErrorIs(t, err, lab.ErrSpecimenMismatch)

	in.Items = items[:1]
	in.TwoIdentifiers = false
	_, err = b.lab.CollectSpecimen(b.tech, in)
	require.Equal(t, "twoIdentifiers", hmstype.Fields(err)[0].Path)
	in.TwoIdentifiers = true
	in.CollectedAt = b.Clock.Now().Add(time.Microsecond)
	_, err = b.lab.CollectSpecimen(b.tech, in)
	require.Equal(t, "collectedAt", hmstype.Fields(err)[0].Path)
	_, err = b.lab.CollectSpecimen(b.As(t, identity.RolePharmacist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	in.CollectedAt = b.Clock.Now().Add(-time.Hour)
	in.IdempotencyKey = "draw"
	specimen, err := b.lab.CollectSpecimen(b.tech, in)
	require.NoError(t, err)
	require.Equal(t, "S0000000001", specimen.Accession)
	require.Equal(t, in.CollectedAt, specimen.CollectedAt)
	again, err := b.lab.CollectSpecimen(b.tech, in)
	require.NoError(t, err)
	require.Equal(t, specimen, again)
	require.Equal(t, 1, b.till.len())

	in.IdempotencyKey = ""
	_, err = b.lab.CollectSpecimen(b.tech, in)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	in.Items = []hmstype.LabOrderItemID{b.order(t, order.Patient, k).Items[0].ID}
	_, err = b.lab.CollectSpecimen(b.tech, in)
	require.ErrorIs(t, err, lab.ErrItemMismatch)
}

func TestService_RejectSpecimen(t *testing.T) {
	t.Parallel()

	t.Run("RecollectGoesBackToOrdered", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		test := b.potassium(t)
		order := b.order(t, b.adult(t), test)
		specimen := b.collect(t, order)
		b.Clock.Advance(time.Minute)
		specimen, err := b.lab.ReceiveSpecimen(b.tech, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
		require.NoError(t, err)
		order = b.reload(t, order)
		require.Equal(t, lab.ItemInProgress, order.Items[0].Status)
		out := b.enter(t, test, order.Items[0], number("7.2"))
		require.Len(t, b.alerts(t), 1)

		specimen, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
			ID: specimen.ID, Version: specimen.Version, Code: "RH", Reason: "haemolysed", Recollect: true,
		})
		require.NoError(t, err)
		require.Equal(t, lab.SpecimenRejected, specimen.Status)
		order = b.reload(t, order)
		require.Equal(t, lab.ItemOrdered, order.Items[0].Status)
		require.Zero(t, order.Items[0].Specimen)
		require.NotZero(t, b.alerts(t)[0].SupersededBy, "the value of a rejected specimen is taken back")

		second := b.collect(t, order)
		require.NotEqual(t, specimen.Accession, second.Accession)
		require.Equal(t, 1, b.till.len(), "the same test is not charged twice")
		order = b.reload(t, order)
		next := b.enter(t, test, order.Items[0], number("4.1"))
		require.EqualValues(t, 3, next.Results[0].Version, "value, cancelled, new value")
		require.Equal(t, second.ID, next.Results[0].Specimen)
		require.NotEqual(t, out.Results[0].Specimen, next.Results[0].Specimen)
		require.Equal(t, lab.FlagNormal, next.Results[0].Flag)
	})

	t.Run("WithoutRecollectionCancels", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		order := b.order(t, b.adult(t), b.potassium(t))
		specimen := b.collect(t, order)
		_, err := b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
			ID: specimen.ID, Version: 1, Reason: "never drawn", EnteredInError: true,
		})
		require.NoError(t, err)
		order = b.reload(t, order)
		require.Equal(t, lab.ItemCancelled, order.Items[0].Status)
		require.Equal(t, lab.OrderRevoked, order.Status)
		require.Zero(t, b.till.len())
	})
}

func TestService_ReceiveSpecimen_Times(t *testing.T) {
	t.Parallel()
	b := setup(t)
	specimen := b.collect(t, b.order(t, b.adult(t), b.potassium(t)))
	_, err := b.lab.ReceiveSpecimen(b.tech, lab.ReceiveSpecimenInput{
		ID: specimen.ID, Version: 1, ReceivedAt: specimen.CollectedAt.Add(-time.Second),
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.lab.ReceiveSpecimen(b.tech, lab.ReceiveSpecimenInput{
		ID: specimen.ID, Version: 1, ReceivedAt: b.Clock.Now().Add(time.Hour),
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.lab.ReceiveSpecimen(b.tech, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: 1})
	require.NoError(t, err)
	_, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{ID: specimen.ID, Version: 1, Reason: "late"})
	require.ErrorIs(t, err, hmstype.ErrStale)
}
