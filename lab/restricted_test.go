package lab_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// restrict restricts a patient's record.
func (b *bundle) restrict(t *testing.T, who hmstype.PatientID) {
	t.Helper()
	_, err := b.DB.NewRaw(`UPDATE hms.patient SET is_restricted = true WHERE id = ?`, who).Exec(t.Context())
	require.NoError(t, err)
}

// withheld holds a result against what may be left of it.
func withheld(t *testing.T, v any, is bool) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.True(t, is, "%s", text)
	require.NotContains(t, string(text), "canary")
	require.NotContains(t, string(text), `"HH"`)
	require.NotContains(t, string(text), "9.9")
}

// The work on a restricted patient goes on: every command succeeds, and what it gives is withheld
// from who may not see the record, but for what the next use case needs.
func TestRestrictedPatient_WorkGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.remarked(t), b.adult(t)
	b.restrict(t, who)
	in := lab.AddOrderInput{
		Patient: who, OrderDetails: lab.OrderDetails{ClinicalNotes: "canary notes", Priority: lab.PriorityStat},
		Tests: []hmstype.LabTestID{test.ID}, IdempotencyKey: "order",
	}
	order, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	withheld(t, order, order.Withheld && order.Items[0].Withheld)
	require.Equal(t, "LO00000001", order.Number)
	require.Equal(t, lab.PriorityStat, order.Priority)
	order, err = b.lab.HoldOrder(b.doctor, lab.HoldOrderInput{ID: order.ID, Version: order.Version, Reason: "canary hold"})
	require.NoError(t, err)
	withheld(t, order, order.Withheld)
	order, err = b.lab.ActivateOrder(b.doctor, lab.ActivateOrderInput{ID: order.ID, Version: order.Version})
	require.NoError(t, err)

	specimen, err := b.lab.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
	require.NoError(t, err)
	withheld(t, specimen, specimen.Withheld)
	require.Equal(t, []string{"S0000000001", "serum"}, []string{specimen.Accession, specimen.Type})
	list, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{})
	require.NoError(t, err)
	entry := list.Items[0]
	withheld(t, entry, entry.Withheld && entry.Item.Withheld)
	require.Equal(t, []string{"K", order.Number}, []string{entry.TestCode, entry.OrderNumber})

	out := b.restrictedResult(t, test, entry.Item)
	b.restrictedAlerts(t)
	item, err := b.lab.ReviewResult(b.doctor, lab.ReviewResultInput{ItemRef: ref(out.Item)})
	require.NoError(t, err)
	withheld(t, item, item.Withheld)
	out, err = b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
		ItemRef: ref(item), Analyte: test.Analytes[0].ID, Value: number("9.99"), Comment: "canary comment",
		Reason: "canary why",
	})
	require.NoError(t, err)
	withheld(t, out, out.Withheld)
	specimen, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
		ID: specimen.ID, Version: specimen.Version, Code: "canary", Reason: "canary clot",
	})
	require.NoError(t, err)
	withheld(t, specimen, specimen.Withheld)
	b.restrictedReads(t, out.Item)
}

// remarked adds a test of a number and a text.
func (b *bundle) remarked(t *testing.T) lab.Test {
	t.Helper()
	test, err := b.lab.CreateTest(b.senior, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "K", Name: "Potassium", SpecimenType: "serum", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: "K", Name: "Potassium", ValueType: lab.ValueNumeric}},
			{AnalyteDetails: lab.AnalyteDetails{Code: "R", Name: "Remark", ValueType: lab.ValueText}},
		},
	})
	require.NoError(t, err)
	b.forAll(t, test, bounds("", "3.5", "5.1", "6.5"))
	return test
}

func (b *bundle) restrictedResult(t *testing.T, test lab.Test, item lab.Item) lab.ItemResult {
	t.Helper()
	out, err := b.lab.EnterResult(b.tech, lab.EnterResultInput{ItemRef: ref(item), Values: []lab.EnteredValue{
		{Analyte: test.Analytes[0].ID, Value: number("9.9"), Comment: "canary comment"},
		{Analyte: test.Analytes[1].ID, Value: lab.Value{Text: "canary text"}},
	}})
	require.NoError(t, err)
	withheld(t, out, out.Withheld && out.Item.Withheld && out.Results[0].Withheld)
	require.Len(t, out.Results, 2)
	require.False(t, out.Results[0].Critical)
	out, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true})
	require.NoError(t, err)
	withheld(t, out, out.Withheld)
	require.Equal(t, lab.ItemFinal, out.Item.Status)
	require.NotZero(t, out.Results[0].ID)
	return out
}

func (b *bundle) restrictedAlerts(t *testing.T) {
	t.Helper()
	b.Clock.Advance(time.Hour)
	escalated, err := b.lab.EscalateCritical(b.doctor, lab.EscalateCriticalInput{AsOf: b.Clock.Now()})
	require.NoError(t, err)
	require.Len(t, escalated, 1)
	withheld(t, escalated, escalated[0].Withheld)
	require.Positive(t, escalated[0].EscalationLevel)
	alert := b.alerts(t)[0]
	withheld(t, alert, alert.Withheld)
	alert, err = b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{
		ID: alert.ID, Comment: "canary told", ReadBack: true,
	})
	require.NoError(t, err)
	withheld(t, alert, alert.Withheld)
	require.True(t, alert.ReadBack)
	alert, err = b.lab.CloseCritical(b.doctor, lab.CloseCriticalInput{ID: alert.ID, Comment: "canary closed"})
	require.NoError(t, err)
	withheld(t, alert, alert.Withheld)
}

// restrictedReads holds that every reading of one patient's data is refused, and the refusal on the trail.
func (b *bundle) restrictedReads(t *testing.T, item lab.Item) {
	t.Helper()
	reads := map[string]func(ctx context.Context) error{
		"order":   func(ctx context.Context) error { _, err := b.lab.GetOrder(ctx, item.Order); return err },
		"report":  func(ctx context.Context) error { _, err := b.lab.GetReport(ctx, item.Order); return err },
		"history": func(ctx context.Context) error { _, err := b.lab.GetItemHistory(ctx, item.ID); return err },
		"orders": func(ctx context.Context) error {
			_, err := b.lab.ListOrders(ctx, lab.ListOrdersInput{Patient: item.Patient})
			return err
		},
		"results": func(ctx context.Context) error {
			_, err := b.lab.ListResultHistory(ctx, lab.ListResultHistoryInput{Patient: item.Patient})
			return err
		},
		"cumulative": func(ctx context.Context) error {
			_, err := b.lab.GetCumulativeReport(ctx, lab.GetCumulativeReportInput{Patient: item.Patient})
			return err
		},
	}
	admin := b.As(t, identity.RoleAdmin)
	for name, read := range reads {
		require.ErrorIs(t, read(b.doctor), patient.ErrRestricted, name)
		require.NoError(t, read(admin), name)
	}
	require.Equal(t, len(reads), dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'denied' AND patient_id = ?`, b.Tenant, item.Patient))
	require.Equal(t, len(reads), dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'read'
		AND patient_id = ?`, b.Tenant, item.Patient), "what was shown is on the trail")
}

// A list without a row is an answer about the patient, too.
func TestRestrictedPatient_EmptyListIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.adult(t)
	list, err := b.lab.ListOrders(b.doctor, lab.ListOrdersInput{Patient: who})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'read' AND entity = 'lab_order' AND patient_id = ?`, b.Tenant, who))
	b.restrict(t, who)
	_, err = b.lab.ListOrders(b.doctor, lab.ListOrdersInput{Patient: who})
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = b.lab.ListResultHistory(b.doctor, lab.ListResultHistoryInput{Patient: who})
	require.ErrorIs(t, err, patient.ErrRestricted)
}

// A repeated key shows the first answer again: that is a reading, and the restriction holds as it is then.
func TestRestrictedPatient_ReplayIsAReading(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := lab.AddOrderInput{
		Patient: b.adult(t), OrderDetails: lab.OrderDetails{ClinicalNotes: "canary notes"},
		Tests: []hmstype.LabTestID{b.potassium(t).ID}, IdempotencyKey: "once",
	}
	first, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	shown := func(action string) int {
		return dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
			WHERE tenant_id = ? AND action = ? AND entity = 'lab_order' AND patient_id = ?`, b.Tenant, action, in.Patient)
	}
	require.Zero(t, shown("read"))
	again, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, 1, shown("read"))

	b.restrict(t, in.Patient)
	again, err = b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	withheld(t, again, again.Withheld)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, 1, shown("search"))
}
