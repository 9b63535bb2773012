package hospital_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// mistaken is an encounter of the wrong patient, in which something was handed out, measured and billed.
type mistaken struct {
	*hmstest.Env
	rx       clinical.Prescription
	dispense pharmacy.Dispense
	item     lab.Item
}

func newMistaken(t *testing.T) mistaken {
	t.Helper()
	env := hmstest.New(t)
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	m := mistaken{Env: env, rx: fixture.Prescription(t, env, stock.Item, 20, 1)}
	var err error
	m.dispense, err = env.H.Pharmacy.Dispense(env.As(t, identity.RolePharmacist),
		pharmacy.DispenseInput{Prescription: m.rx.ID, Location: stock.Location, Quantity: 10})
	require.NoError(t, err)
	test, err := env.H.Lab.CreateTest(env.Ctx, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "K", Name: "Potassium", SpecimenType: "serum", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{{
			AnalyteDetails: lab.AnalyteDetails{Code: "K", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L"},
		}},
	})
	require.NoError(t, err)
	order, err := env.H.Lab.AddOrder(env.Ctx, lab.AddOrderInput{
		Patient: m.rx.Patient, Tests: []hmstype.LabTestID{test.ID},
		OrderDetails: lab.OrderDetails{Requester: env.User(t, identity.RoleDoctor), Encounter: m.rx.Encounter},
	})
	require.NoError(t, err)
	_, err = env.H.Lab.CollectSpecimen(env.Ctx, lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
	require.NoError(t, err)
	order, err = env.H.Lab.GetOrder(env.Ctx, order.ID)
	require.NoError(t, err)
	entered, err := env.H.Lab.EnterResult(env.As(t, identity.RoleLabTechnician), lab.EnterResultInput{
		ItemRef: at(order.Items[0]),
		Values:  []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "4.0"}}},
	})
	require.NoError(t, err)
	m.item = entered.Item
	draft, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: m.rx.Patient})
	require.NoError(t, err)
	_, err = env.H.Billing.IssueBill(env.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	return m
}

// The encounter of the wrong patient is taken back when what was done in it is reversed, one after another.
func TestHMS_EncounterOfTheWrongPatient(t *testing.T) {
	t.Parallel()
	m := newMistaken(t)
	doctor := m.As(t, identity.RoleDoctor)
	_, err := m.H.Lab.GetReport(doctor, m.item.Order)
	require.NoError(t, err)
	wrong := clinical.EnterEncounterInErrorInput{ID: m.rx.Encounter, Reason: "wrong patient"}
	refused := func(entities ...string) {
		t.Helper()
		_, err := m.H.Clinical.EnterEncounterInError(m.Ctx, wrong)
		var standing *clinical.StandingError
		require.ErrorAs(t, err, &standing)
		found := make([]string, len(standing.Standing))
		for i, s := range standing.Standing {
			found[i] = s.Entity
		}
		require.Equal(t, entities, found)
		require.Contains(t, standing.Standing, patient.Open{Entity: "lab_order_item", ID: m.item.ID.String()})
	}
	refused("prescription", "lab_order_item", "charge")
	_, err = m.H.Pharmacy.ReverseDispense(
		m.Ctx, pharmacy.ReverseDispenseInput{Dispense: m.dispense.ID, Reason: "wrong patient"},
	)
	require.NoError(t, err, "it credits the bill")
	refused("lab_order_item")
	_, err = m.H.Lab.EnterItemInError(m.Ctx, lab.EnterItemInErrorInput{ItemRef: at(m.item), Reason: "wrong patient"})
	require.NoError(t, err)
	mine, err := m.H.Inbox.ListNotifications(doctor, inbox.ListNotificationsInput{})
	require.NoError(t, err)
	require.Len(t, mine.Items, 1)
	require.Equal(t, "lab.withdrawn", mine.Items[0].Category)
	require.Equal(t, m.rx.Patient, mine.Items[0].Patient)

	done, err := m.H.Clinical.EnterEncounterInError(m.Ctx, wrong)
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterEnteredInError, done.Status)
	order, err := m.H.Lab.GetOrder(m.Ctx, m.item.Order)
	require.NoError(t, err)
	require.Equal(t, lab.OrderEnteredInError, order.Status)
	_, err = m.H.Pharmacy.Dispense(m.As(t, identity.RolePharmacist), pharmacy.DispenseInput{
		Prescription: m.rx.ID, Location: m.dispense.Location, Quantity: 10,
	})
	require.ErrorIs(t, err, hmstype.ErrPrecondition, "nothing is handed out afterwards")
	report, err := m.H.Clinical.Verify(m.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), report.String())
	found, err := m.H.Billing.Verify(m.Ctx)
	require.NoError(t, err)
	require.True(t, found.Clean(), found.String())
}
