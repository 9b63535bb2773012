package lab_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// till counts what is charged per source, as package billing would.
type till struct {
	mu      sync.Mutex
	charged map[string]charge.Request
}

func (p *till) Post(_ context.Context, _ bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.charged[req.Source.ID] = req
	return hmstype.NewID[hmstype.ChargeID](), nil
}

func (p *till) Reverse(_ context.Context, _ bun.IConn, source charge.Source, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.charged, source.ID)
	return nil
}

func (p *till) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.charged)
}

// encounters reads the rows that a test has put there.
type encounters struct{ db *bun.DB }

func (e encounters) EncounterPatient(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
) (hmstype.PatientID, bool, error) {
	var whose hmstype.PatientID
	var status string
	err := e.db.NewRaw(
		`SELECT patient_id, status FROM hms.encounter WHERE id = ?`, id,
	).Conn(conn).Scan(ctx, &whose, &status)
	return whose, status == "in-progress", err
}

// bundle is what one test works with.
type bundle struct {
	*dbtest.Env
	lab      *lab.Service
	ports    lab.Ports
	patients *patient.Service
	till     *till
	doctor   context.Context //nolint:containedctx // a test's
	tech     context.Context //nolint:containedctx // a test's; enters values
	senior   context.Context //nolint:containedctx // a test's; keeps the catalogue, verifies and releases
	doctorID hmstype.UserID
}

func setup(t *testing.T, change ...func(*lab.Ports)) *bundle {
	t.Helper()
	env := dbtest.New(t)
	b := &bundle{
		Env: env, patients: patient.New(env.Base, patient.Ports{}), till: &till{charged: map[string]charge.Request{}},
	}
	ports := lab.Ports{
		Patients: patient.NewPort(env.Base), Staff: identity.NewPort(env.Base), Encounters: encounters{env.DB},
		Charges: b.till,
	}
	for _, c := range change {
		c(&ports)
	}
	b.ports, b.lab = ports, lab.New(env.Base, ports)
	doctor := env.User(t, identity.RoleDoctor)
	b.doctorID = doctor.ID
	b.doctor = hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, doctor.ID))
	b.tech, b.senior = env.As(t, identity.RoleLabTechnician), env.As(t, identity.RoleLabSupervisor)
	return b
}

// born registers a patient.
func (b *bundle) born(t *testing.T, birth hmstype.Date, gender patient.Gender) hmstype.PatientID {
	t.Helper()
	p, err := b.patients.Register(b.Ctx, patient.RegisterInput{Details: patient.Details{
		FirstName: "Ada", LastName: "Test " + hmstype.NewID[hmstype.PatientID]().String(), BirthDate: birth, Gender: gender,
	}})
	require.NoError(t, err)
	return p.ID
}

// adult registers a woman of about forty.
func (b *bundle) adult(t *testing.T) hmstype.PatientID {
	t.Helper()
	return b.born(t, hmstype.NewDate(1986, time.January, 15), patient.GenderFemale)
}

func dec(text string) *decimal.Decimal {
	if text == "" {
		return nil
	}
	d := decimal.RequireFromString(text)
	return &d
}

func bounds(criticalLow, low, high, criticalHigh string) lab.Bounds {
	return lab.Bounds{CriticalLow: dec(criticalLow), Low: dec(low), High: dec(high), CriticalHigh: dec(criticalHigh)}
}

// numericTest adds a test with one numeric analyte.
func (b *bundle) numericTest(t *testing.T, code, unit string) lab.Test {
	t.Helper()
	test, err := b.lab.CreateTest(b.senior, lab.CreateTestInput{
		TestDetails: lab.TestDetails{
			Code: code, Name: code, SpecimenType: "serum", TurnaroundMinutes: 60, ServiceCode: "LAB-" + code,
		},
		Analytes: []lab.AnalyteInput{{
			AnalyteDetails: lab.AnalyteDetails{Code: code, Name: code, ValueType: lab.ValueNumeric, Unit: unit},
		}},
	})
	require.NoError(t, err)
	return test
}

// forAll adds a range for everybody.
func (b *bundle) forAll(t *testing.T, test lab.Test, limits lab.Bounds) lab.ReferenceRange {
	t.Helper()
	r, err := b.lab.AddReferenceRange(b.senior, lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{
			Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2000, time.January, 1), Bounds: limits,
		},
	})
	require.NoError(t, err)
	return r
}

// potassium adds the test of the acceptance tests: 3.5 to 5.1, critical above 6.5.
func (b *bundle) potassium(t *testing.T) lab.Test {
	t.Helper()
	test := b.numericTest(t, "K", "mmol/L")
	b.forAll(t, test, bounds("", "3.5", "5.1", "6.5"))
	return test
}

func (b *bundle) order(t *testing.T, who hmstype.PatientID, tests ...lab.Test) lab.Order {
	t.Helper()
	ids := make([]hmstype.LabTestID, len(tests))
	for i, test := range tests {
		ids[i] = test.ID
	}
	order, err := b.lab.AddOrder(b.doctor, lab.AddOrderInput{Patient: who, Tests: ids})
	require.NoError(t, err)
	return order
}

// drawn orders tests and collects one specimen for all of them.
func (b *bundle) drawn(t *testing.T, who hmstype.PatientID, tests ...lab.Test) lab.Order {
	t.Helper()
	order := b.order(t, who, tests...)
	b.collect(t, order)
	return b.reload(t, order)
}

func (b *bundle) collect(t *testing.T, order lab.Order) lab.Specimen {
	t.Helper()
	items := make([]hmstype.LabOrderItemID, len(order.Items))
	for i, item := range order.Items {
		items[i] = item.ID
	}
	specimen, err := b.lab.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
		Order: order.ID, Items: items, TwoIdentifiers: true,
	})
	require.NoError(t, err)
	return specimen
}

func (b *bundle) reload(t *testing.T, order lab.Order) lab.Order {
	t.Helper()
	order, err := b.lab.GetOrder(b.Ctx, order.ID)
	require.NoError(t, err)
	return order
}

func ref(item lab.Item) lab.ItemRef {
	return lab.ItemRef{Order: item.Order, Item: item.ID, Version: item.Version}
}

func number(text string) lab.Value { return lab.Value{Number: text} }

// enter gives the only analyte of an item's test a value.
func (b *bundle) enter(t *testing.T, test lab.Test, item lab.Item, value lab.Value) lab.ItemResult {
	t.Helper()
	out, err := b.lab.EnterResult(b.tech, lab.EnterResultInput{
		ItemRef: ref(item), Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: value}},
	})
	require.NoError(t, err)
	return out
}

// verify verifies and releases an item.
func (b *bundle) verify(t *testing.T, item lab.Item) lab.ItemResult {
	t.Helper()
	out, err := b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(item), Release: true})
	require.NoError(t, err)
	return out
}

// final takes a value all the way to a final result.
func (b *bundle) final(
	t *testing.T, test lab.Test, who hmstype.PatientID, value lab.Value,
) (lab.Order, lab.ItemResult) {
	t.Helper()
	order := b.drawn(t, who, test)
	entered := b.enter(t, test, order.Items[0], value)
	return order, b.verify(t, entered.Item)
}

func (b *bundle) alerts(t *testing.T) []lab.CriticalAlert {
	t.Helper()
	list, err := b.lab.ListCriticalAlerts(b.doctor, lab.ListCriticalAlertsInput{})
	require.NoError(t, err)
	return list.Items
}

// events counts what was emitted.
func (b *bundle) events(t *testing.T, kind string) int {
	t.Helper()
	return dbtest.Scalar[int](
		t, b.Env, `SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND event_type = ?`, b.Tenant, kind,
	)
}

// together runs fn n times at once and counts the outcomes by kind.
func together(n int, fn func(i int) error) map[hmstype.Kind]int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	outcome := map[hmstype.Kind]int{}
	start := make(chan struct{})
	for i := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			<-start
			err := fn(i)
			mu.Lock()
			defer mu.Unlock()
			outcome[hmstype.KindOf(err)]++
		}()
	}
	close(start)
	wait.Wait()
	return outcome
}

// encounter puts an encounter there, as package clinical would.
func (b *bundle) encounter(t *testing.T, who hmstype.PatientID) hmstype.EncounterID {
	t.Helper()
	id := hmstype.NewID[hmstype.EncounterID]()
	_, err := b.DB.NewRaw(`INSERT INTO hms.encounter (tenant_id, id, patient_id, practitioner_id, class, status,
		started_at, created_at, created_by)
		VALUES (?, ?, ?, ?, 'AMB', 'in-progress', ?, ?,
		'system:test')`, b.Tenant, id, who, b.doctorID, b.Clock.Now(), b.Clock.Now()).Exec(t.Context())
	require.NoError(t, err)
	return id
}

// by gives who acts in a context, as it is kept with what he does.
func (b *bundle) by(ctx context.Context) hmstype.ActorRef {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		panic(err)
	}
	return actor.Ref()
}

func itoa(i int) string { return fmt.Sprint(i) }

// months reads an age as a foreign table holds it.
func months(t *testing.T, text string) int {
	t.Helper()
	n, err := decimal.NewFromString(text)
	require.NoError(t, err)
	return lab.AgeMonths(int(n.IntPart()))
}

// limit reads a bound of a foreign table, where infinity means none.
func limit(text string) *decimal.Decimal {
	if v, err := decimal.NewFromString(text); err == nil {
		return &v
	}
	return nil
}
