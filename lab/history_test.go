package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// Every entity with states tells how it came to the one that it is in: who took which step, when and why.
func TestService_Histories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.order(t, b.adult(t), test)
	start := b.Clock.Now()
	tech, doctor, senior := b.by(b.tech), b.by(b.doctor), b.by(b.senior)
	tick := func() time.Time { b.Clock.Advance(time.Minute); return b.Clock.Now() }
	drawn := tick()
	specimen := b.collect(t, order)
	received := tick()
	specimen, err := b.lab.ReceiveSpecimen(b.tech, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
	require.NoError(t, err)
	entered := tick()
	item := b.enter(t, test, b.reload(t, order).Items[0], number("9.8")).Item
	tick()
	item = b.enter(t, test, item, number("9.9")).Item // another value is no step
	verified := tick()
	item = b.verify(t, item).Item
	alert := b.alerts(t)[1]
	told := tick()
	_, err = b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{
		ID: alert.ID, Comment: "told", ReadBack: true,
	})
	require.NoError(t, err)
	rejected := tick()
	_, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
		ID: specimen.ID, Version: specimen.Version, Reason: "found clotted", Recollect: true,
	})
	require.NoError(t, err)
	require.True(t, start.Before(drawn))

	gives := func(h hmstype.History, err error, entity string, steps ...hmstype.StatusChange) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, hmstype.History{Entity: entity, ID: h.ID, Patient: order.Patient, Steps: steps}, h)
	}
	h, err := b.lab.GetItemHistory(b.doctor, item.ID)
	gives(h, err, "lab_order_item",
		hmstype.StatusChange{From: "ordered", To: "collected", At: drawn, By: tech},
		hmstype.StatusChange{From: "collected", To: "in-progress", At: received, By: tech},
		hmstype.StatusChange{From: "in-progress", To: "preliminary", At: entered, By: tech},
		hmstype.StatusChange{From: "preliminary", To: "verified", At: verified, By: senior},
		hmstype.StatusChange{From: "verified", To: "final", At: verified, By: senior},
		hmstype.StatusChange{From: "final", To: "cancelled", At: rejected, By: tech, Reason: "found clotted"})
	h, err = b.lab.GetOrderHistory(b.doctor, order.ID)
	gives(h, err, "lab_order", hmstype.StatusChange{From: "active", To: "completed", At: verified, By: senior})
	h, err = b.lab.GetCriticalAlertHistory(b.doctor, alert.ID)
	gives(h, err, "lab_critical_alert", hmstype.StatusChange{From: "open", To: "acknowledged", At: told, By: doctor})
	h, err = b.lab.GetSpecimenHistory(b.doctor, specimen.ID)
	gives(h, err, "lab_specimen",
		hmstype.StatusChange{From: "collected", To: "received", At: received, By: tech},
		hmstype.StatusChange{From: "received", To: "rejected", At: rejected, By: tech, Reason: "found clotted"})

	_, err = setup(t).lab.GetItemHistory(b.doctor, hmstype.NewID[hmstype.LabOrderItemID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	b.restrict(t, order.Patient)
	_, err = b.lab.GetOrderHistory(b.doctor, order.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
}

// One use case has one instant, also where the clock goes on between two readings.
func TestService_CollectSpecimen_OneInstant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := b.order(t, b.adult(t), b.potassium(t))
	clock := func() time.Time { b.Clock.Advance(time.Second); return b.Clock.Now() }
	base := b.Base
	base.DB = dbx.NewHandle(b.DB, dbx.Options{Now: clock, Requests: base.Crypt})
	ticking := lab.New(base, lab.Ports{Patients: patient.NewPort(base), Encounters: encounters{b.DB}, Charges: b.till})
	specimen, err := ticking.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
	require.NoError(t, err)
	require.Equal(t, specimen.CreatedAt, specimen.CollectedAt)
	require.Equal(t, specimen.CreatedAt, b.till.charged[order.Items[0].ID.String()].At)
	for _, instant := range []string{
		`SELECT created_at FROM hms.lab_specimen WHERE tenant_id = ?`,
		`SELECT stepped_at FROM hms.lab_order_item_status WHERE tenant_id = ?`,
		`SELECT occurred_at FROM hms.outbox WHERE tenant_id = ? AND event_type = 'lab.specimen_collected'`,
	} {
		require.Equal(t, specimen.CreatedAt, dbtest.Scalar[time.Time](t, b.Env, instant, b.Tenant).UTC(), instant)
	}
}
