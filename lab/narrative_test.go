package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
)

// What is written about a patient lies sealed in its row and in the trail, and comes back from
// every use case as it was written.
func TestNarrative_Sealed(t *testing.T) {
	t.Parallel()
	b := setup(t) // seals the narrative
	test := b.potassium(t)
	order, err := b.lab.AddOrder(b.doctor, lab.AddOrderInput{
		Patient: b.adult(t), Tests: []hmstype.LabTestID{test.ID},
		OrderDetails: lab.OrderDetails{ClinicalNotes: "canary notes"},
	})
	require.NoError(t, err)
	require.Equal(t, "canary notes", order.ClinicalNotes)
	b.collect(t, order)
	order = b.reload(t, order)
	b.enter(t, test, order.Items[0], number("9.9"))
	alert := b.alerts(t)[0]
	_, err = b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{
		ID: alert.ID, Comment: "canary told", ReadBack: true,
	})
	require.NoError(t, err)
	require.Equal(t, "canary told", b.alerts(t)[0].Comment)
	closed, err := b.lab.CloseCritical(b.doctor, lab.CloseCriticalInput{ID: alert.ID, Comment: "canary closed"})
	require.NoError(t, err)
	require.Equal(t, []string{"canary told", "canary closed"}, []string{closed.Comment, closed.ClosingComment})

	report, err := b.lab.GetReport(b.Ctx, order.ID)
	require.NoError(t, err)
	require.Equal(t, "canary notes", report.Order.ClinicalNotes)
	orders, err := b.lab.ListOrders(b.Ctx, lab.ListOrdersInput{Patient: order.Patient})
	require.NoError(t, err)
	require.Equal(t, "canary notes", orders.Items[0].ClinicalNotes)
	for _, table := range []string{"lab_order", "lab_critical_alert", "audit_event", "outbox"} {
		require.Zero(
			t,
			dbtest.Scalar[int](
				t, b.Env, `SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`, b.Tenant,
			),
			table,
		)
	}
}
