package lab_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

func TestService_AddOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, na := b.potassium(t), b.numericTest(t, "NA", "mmol/L")
	who := b.adult(t)
	in := lab.AddOrderInput{
		Patient: who,
		OrderDetails: lab.OrderDetails{
			Encounter: b.encounter(t, who), Priority: lab.PriorityStat, ClinicalNotes: "on digoxin",
		},
		Tests: []hmstype.LabTestID{k.ID, na.ID}, IdempotencyKey: "once",
	}
	order, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	require.Equal(t, "LO00000001", order.Number)
	require.Equal(t, lab.OrderActive, order.Status)
	require.Equal(t, b.doctorID, order.Requester)
	require.Len(t, order.Items, 2)
	require.Zero(t, b.till.len(), "an order costs nothing yet")

	again, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	require.Equal(t, order, again, "the same key gives the same order")
	require.Equal(t, 1, b.events(t, "lab.ordered"))
	in.ClinicalNotes = "other"
	_, err = b.lab.AddOrder(b.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
	require.ElementsMatch(t, order.Items, b.reload(t, order).Items)

	in.IdempotencyKey = ""
	refused := func(name string, want error, change func(*lab.AddOrderInput)) {
		t.Run(name, func(t *testing.T) {
			other := in
			change(&other)
			_, err := b.lab.AddOrder(b.doctor, other)
			require.ErrorIs(t, err, want)
		})
	}
	refused("EncounterOfAnotherPatient", lab.ErrEncounterMismatch, func(in *lab.AddOrderInput) { in.Patient = b.adult(t) })
	refused("UnknownPatient", hmstype.ErrNotFound, func(in *lab.AddOrderInput) {
		in.Patient = hmstype.NewID[hmstype.PatientID]()
	})
	refused("UnknownTest", hmstype.ErrNotFound, func(in *lab.AddOrderInput) {
		in.Tests = []hmstype.LabTestID{hmstype.NewID[hmstype.LabTestID]()}
	})
	refused("TestTwice", hmstype.ErrInvalid, func(in *lab.AddOrderInput) { in.Tests = []hmstype.LabTestID{k.ID, k.ID} })
	refused("NoTest", hmstype.ErrInvalid, func(in *lab.AddOrderInput) { in.Tests = nil })
	refused("NotesTooLong", hmstype.ErrInvalid, func(in *lab.AddOrderInput) {
		in.ClinicalNotes = strings.Repeat("x", 4001)
	})
	refused("UnknownPriority", hmstype.ErrInvalid, func(in *lab.AddOrderInput) { in.Priority = "now" })

	_, err = b.lab.AddOrder(b.As(t, identity.RoleNurse), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.lab.AddOrder(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid, "the host itself must say who orders")
	other := setup(t)
	_, err = other.lab.AddOrder(other.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another tenant knows neither patient nor test")
	_, err = other.lab.GetOrder(other.doctor, order.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_AddOrder_EncounterClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.adult(t)
	id := b.encounter(t, who)
	_, err := b.DB.NewRaw(
		`UPDATE hms.encounter SET status = 'finished', ended_at = started_at, disposition = 'home' WHERE id = ?`, id,
	).Exec(t.Context())
	require.NoError(t, err)
	_, err = b.lab.AddOrder(b.doctor, lab.AddOrderInput{
		Patient: who, OrderDetails: lab.OrderDetails{Encounter: id}, Tests: []hmstype.LabTestID{b.potassium(t).ID},
	})
	require.ErrorIs(t, err, lab.ErrEncounterClosed)
}

// Without the port the foreign key alone refuses another patient's encounter.
func TestService_AddOrder_EncounterGuard(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *lab.Ports) { p.Encounters, p.Charges = nil, nil })
	mine, other := b.adult(t), b.adult(t)
	in := lab.AddOrderInput{
		Patient: mine, OrderDetails: lab.OrderDetails{Encounter: b.encounter(t, other)},
		Tests: []hmstype.LabTestID{b.potassium(t).ID},
	}
	_, err := b.lab.AddOrder(b.doctor, in)
	require.ErrorIs(t, err, lab.ErrEncounterMismatch)
	in.Encounter = b.encounter(t, mine)
	order, err := b.lab.AddOrder(b.doctor, in)
	require.NoError(t, err)
	b.collect(t, order) // charges nothing and goes on
}

func TestService_AddOrder_ConcurrentNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	outcome := together(64, func(int) error {
		order, err := b.lab.AddOrder(b.doctor, lab.AddOrderInput{Patient: who, Tests: []hmstype.LabTestID{test.ID}})
		if err != nil {
			return err
		}
		_, err = b.lab.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
			Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
		})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 64}, outcome)
	require.Equal(
		t, "LO00000064",
		dbtest.Scalar[string](t, b.Env, `SELECT max(number) FROM hms.lab_order WHERE tenant_id = ?`, b.Tenant),
	)
	require.Equal(
		t, "S0000000064",
		dbtest.Scalar[string](t, b.Env, `SELECT max(accession) FROM hms.lab_specimen WHERE tenant_id = ?`, b.Tenant),
	)
	require.Equal(t, 64, b.till.len())
}

func TestService_RevokeOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, na := b.potassium(t), b.numericTest(t, "NA", "mmol/L")
	order := b.drawn(t, b.adult(t), k, na)
	item := order.Items[0]
	if item.Test != k.ID {
		item = order.Items[1]
	}
	b.enter(t, k, item, number("9.9"))
	require.Equal(t, 2, b.till.len())

	_, err := b.lab.RevokeOrder(b.doctor, lab.RevokeOrderInput{ID: order.ID, Version: order.Version})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is needed")
	_, err = b.lab.RevokeOrder(b.doctor, lab.RevokeOrderInput{
		ID: order.ID, Version: order.Version + 1, Reason: "wrong patient",
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	revoked, err := b.lab.RevokeOrder(b.doctor, lab.RevokeOrderInput{
		ID: order.ID, Version: order.Version, Reason: "wrong patient",
	})
	require.NoError(t, err)
	require.Equal(t, lab.OrderRevoked, revoked.Status)
	for _, item := range revoked.Items {
		require.Equal(t, lab.ItemCancelled, item.Status)
	}
	require.Zero(t, b.till.len(), "what is cancelled is not charged")
	require.Equal(t, 1, b.events(t, "lab.critical_corrected"), "who was told of the critical value hears of it")

	report, err := b.lab.GetReport(b.doctor, order.ID)
	require.NoError(t, err)
	versions := append(report.Items[0].Results, report.Items[1].Results...)
	require.Len(t, versions, 2)
	require.Equal(t, lab.ResultCancelled, versions[1].Status)
	require.Equal(t, "9.9", versions[0].Value.Number, "the cancelled value stays on record")
	_, err = b.lab.ActivateOrder(b.doctor, lab.ActivateOrderInput{ID: order.ID, Version: revoked.Version})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_HoldOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order, err := b.lab.AddOrder(b.doctor, lab.AddOrderInput{
		Patient: b.adult(t), Tests: []hmstype.LabTestID{test.ID}, Draft: true,
	})
	require.NoError(t, err)
	require.Equal(t, lab.OrderDraft, order.Status)
	collect := lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	}
	_, err = b.lab.CollectSpecimen(b.tech, collect)
	require.ErrorIs(t, err, lab.ErrOrderNotActive)

	order, err = b.lab.ActivateOrder(b.doctor, lab.ActivateOrderInput{ID: order.ID, Version: order.Version})
	require.NoError(t, err)
	b.collect(t, order)
	order, err = b.lab.HoldOrder(b.doctor, lab.HoldOrderInput{ID: order.ID, Version: order.Version, Reason: "asked back"})
	require.NoError(t, err)
	order = b.reload(t, order)
	_, err = b.lab.EnterResult(b.tech, lab.EnterResultInput{ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{
		{Analyte: test.Analytes[0].ID, Value: number("4")},
	}})
	require.ErrorIs(t, err, lab.ErrOrderNotActive)
	order, err = b.lab.ActivateOrder(b.doctor, lab.ActivateOrderInput{ID: order.ID, Version: order.Version})
	require.NoError(t, err)
	b.enter(t, test, order.Items[0], number("4"))
}

func TestService_EnterOrderInError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order, _ := b.final(t, test, b.adult(t), number("9.9"))
	order = b.reload(t, order)
	require.Equal(t, lab.OrderCompleted, order.Status)
	in := lab.OrderStep{ID: order.ID, Version: order.Version, Reason: "blood of another patient"}
	_, err := b.lab.EnterOrderInError(b.doctor, lab.EnterOrderInErrorInput(in))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	order, err = b.lab.EnterOrderInError(b.senior, lab.EnterOrderInErrorInput(in))
	require.NoError(t, err)
	require.Equal(t, lab.ItemEnteredInError, order.Items[0].Status)
	require.Zero(t, b.till.len())
	require.Equal(t, 1, b.events(t, "lab.critical_corrected"))
	history, err := b.lab.ListResultHistory(b.doctor, lab.ListResultHistoryInput{Patient: order.Patient})
	require.NoError(t, err)
	require.Len(t, history.Items, 1)
	require.Equal(t, lab.ResultEnteredInError, history.Items[0].Status)
	require.EqualValues(t, 3, history.Items[0].Version)
}

func TestService_CancelItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, na := b.potassium(t), b.numericTest(t, "NA", "mmol/L")
	order := b.drawn(t, b.adult(t), k, na)
	cancel := func(item lab.Item) lab.Order {
		out, err := b.lab.CancelItem(b.doctor, lab.CancelItemInput{ItemRef: ref(item), Reason: "not needed"})
		require.NoError(t, err)
		return out
	}
	require.Equal(t, lab.OrderActive, cancel(order.Items[0]).Status)
	require.Equal(t, 1, b.till.len())
	cancel(order.Items[1])
	order = b.reload(t, order)
	require.Equal(t, lab.OrderRevoked, order.Status, "nothing was done at all")
	_, err := b.lab.CancelItem(b.doctor, lab.CancelItemInput{ItemRef: ref(order.Items[0]), Reason: "again"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_ListOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	for range 3 {
		b.order(t, who, test)
		b.Clock.Advance(time.Minute)
	}
	first, err := b.lab.ListOrders(b.doctor, lab.ListOrdersInput{Patient: who, Page: hmstype.Page{Limit: 2}})
	require.NoError(t, err)
	require.Len(t, first.Items, 2)
	require.Equal(t, "LO00000003", first.Items[0].Number)
	require.Len(t, first.Items[0].Items, 1)
	rest, err := b.lab.ListOrders(b.doctor, lab.ListOrdersInput{Patient: who, Page: hmstype.Page{Cursor: first.Next}})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	require.Empty(t, rest.Next)
	require.Equal(t, 2, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'read' AND entity = 'lab_order' AND patient_id = ?`, b.Tenant, who))
}

func TestService_RestrictedPatient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order, _ := b.final(t, test, b.adult(t), number("4"))
	_, err := b.DB.NewRaw(`UPDATE hms.patient SET is_restricted = true WHERE id = ?`, order.Patient).Exec(t.Context())
	require.NoError(t, err)
	_, err = b.lab.GetOrder(b.doctor, order.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = b.lab.GetReport(b.doctor, order.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = b.lab.ListResultHistory(b.doctor, lab.ListResultHistoryInput{Patient: order.Patient})
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = b.lab.ListOrders(b.doctor, lab.ListOrdersInput{Patient: order.Patient})
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = b.lab.GetCumulativeReport(b.doctor, lab.GetCumulativeReportInput{Patient: order.Patient})
	require.ErrorIs(t, err, patient.ErrRestricted)
	require.Equal(t, 5, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'denied' AND patient_id = ?`, b.Tenant, order.Patient), "refusals are on record")
	_, err = b.lab.GetOrder(b.As(t, identity.RoleAdmin), order.ID)
	require.NoError(t, err)

	_, err = b.DB.NewRaw(
		`UPDATE hms.patient SET is_restricted = false, status = 'inactive' WHERE id = ?`, order.Patient,
	).Exec(t.Context())
	require.NoError(t, err)
	_, err = b.lab.GetOrder(b.doctor, order.ID)
	require.NoError(t, err, "what is on file of an inactive patient may be read")
}

func TestService_AuditExplainsEveryRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	_, out := b.final(t, test, b.adult(t), number("9.90"))
	_, err := b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
		ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number("4.1"), Reason: "mixed up",
	})
	require.NoError(t, err)
	report, err := sealed.New(b.Base, sealed.Ports{}, sealed.Config{}).Verify(b.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), "%+v", report)
}
