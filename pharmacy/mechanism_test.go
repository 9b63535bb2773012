package pharmacy_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

func (b *bundle) restrict(tb testing.TB) {
	tb.Helper()
	patients := patient.New(b.Base, patient.Ports{})
	p, err := patients.Get(b.Ctx, b.patient)
	require.NoError(tb, err)
	_, err = patients.SetRestricted(b.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(tb, err)
}

// events counts what the trail has of one use case and action about the patient.
func (b *bundle) events(tb testing.TB, operation, action string) int {
	tb.Helper()
	return dbtest.Scalar[int](tb, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND operation = ? AND action = ? AND patient_id = ?`, b.Tenant, operation, action, b.patient)
}

// Who hands out to a restricted patient is told what to take from which batch, and no more.
func TestRestrictedPatient_WorkGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{Safety: checker{}})
	batch := b.receive(t, "B", 10, 30)
	pharmacist := b.As(t, identity.RolePharmacist)
	in := b.sell(3)
	in.Overrides = []hmstype.Override{{Finding: theFinding.Key, Reason: hmstype.OverrideBenefit}}
	in.OverrideReason, in.IdempotencyKey = "CANARY", "k"
	open, err := b.Dispense(pharmacist, in)
	require.NoError(t, err)
	require.Equal(t, "CANARY", open.OverrideReason)
	require.False(t, open.Withheld)
	require.Zero(t, b.events(t, "pharmacy.dispense", "read"))

	b.restrict(t)
	again, err := b.Dispense(pharmacist, in)
	require.NoError(t, err)
	require.Equal(t, open.ID, again.ID)
	require.True(t, again.Withheld, "a repeated key asks again for the restriction")
	require.Equal(t, 1, b.events(t, "pharmacy.dispense", "search"), "and records the access again")
	in.IdempotencyKey = ""
	fresh, err := b.Dispense(pharmacist, in)
	require.NoError(t, err)
	back, err := b.ReverseDispense(b.As(t, identity.RolePharmacist), pharmacy.ReverseDispenseInput{
		Dispense: open.ID, Reason: "CANARY",
	})
	require.NoError(t, err)
	for _, d := range []pharmacy.Dispense{again, fresh, back} {
		require.True(t, d.Withheld)
		require.Equal(t, hmstype.Quantity(3), d.Quantity)
		require.Equal(t, batch.ID, d.Lines[0].Batch)
		require.Empty(t, d.Verdict.Checks)
		shown, err := json.Marshal(d)
		require.NoError(t, err)
		require.NotContains(t, string(shown), "CANARY")
	}

	for name, read := range map[string]func(context.Context) error{
		"pharmacy.get_dispense": func(ctx context.Context) error {
			_, err := b.GetDispense(ctx, open.ID)
			return err
		},
		"pharmacy.get_dispense_history": func(ctx context.Context) error {
			_, err := b.GetDispenseHistory(ctx, open.ID)
			return err
		},
	} {
		require.ErrorIs(t, read(pharmacist), patient.ErrRestricted, name)
		require.Equal(t, 1, b.events(t, name, "denied"), name)
		require.NoError(t, read(b.Ctx), name)
		require.Equal(t, 1, b.events(t, name, "read"), name)
	}
	b.requireClean(t)
}

func TestService_History(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	batch := b.receive(t, "B", 10, 30)
	start := b.Clock.Now()
	pharmacist := b.As(t, identity.RolePharmacist)
	actor, err := hmstype.ActorFrom(pharmacist)
	require.NoError(t, err)
	system, err := hmstype.ActorFrom(b.Ctx)
	require.NoError(t, err)
	d, err := b.Dispense(pharmacist, b.sell(3))
	require.NoError(t, err)
	require.Equal(t, actor.Ref(), d.DispensedBy)
	require.Equal(t, "system:test", batch.ReceivedBy.String(), "the host's own actor keeps its name")
	b.Clock.Advance(time.Hour)
	back, err := b.ReverseDispense(b.Ctx, pharmacy.ReverseDispenseInput{Dispense: d.ID, Reason: "mistake"})
	require.NoError(t, err)
	require.Equal(t, d.Version+1, back.Version)
	_, err = b.SetBatchStatus(b.Ctx, pharmacy.SetBatchStatusInput{
		ID: batch.ID, Status: pharmacy.BatchHold, Reason: "seal",
	})
	require.NoError(t, err)

	got, err := b.GetDispenseHistory(pharmacist, d.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{
		Entity: "medication_dispense", ID: d.ID.String(), Patient: b.patient, Steps: []hmstype.StatusChange{
			{From: "in-progress", To: "completed", At: start, By: actor.Ref()},
			{From: "completed", To: "entered-in-error", At: b.Clock.Now(), By: system.Ref(), Reason: "mistake"},
		},
	}, got)
	got, err = b.GetBatchHistory(pharmacist, batch.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{Entity: "stock_batch", ID: batch.ID.String(), Steps: []hmstype.StatusChange{
		{From: "available", To: "hold", At: b.Clock.Now(), By: system.Ref(), Reason: "seal"},
	}}, got)
	other := dbtest.New(t)
	_, err = b.GetDispenseHistory(other.Ctx, d.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.GetBatchHistory(other.Ctx, batch.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// instants keeps when charges were said to have happened.
type instants struct{ at []time.Time }

func (p *instants) Post(_ context.Context, _ bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	p.at = append(p.at, req.At)
	return hmstype.NewID[hmstype.ChargeID](), nil
}

func (*instants) Reverse(context.Context, bun.IConn, charge.Source, string) error { return nil }

// All that one dispense writes, and what it is charged for, has one instant, though the clock ticks
// at every reading.
func TestDispense_HasOneInstant(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	item, err := b.CreateItem(b.Ctx, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: b.category, Name: "Charged", Unit: "tablet", ServiceCode: "TABLET"},
	})
	require.NoError(t, err)
	b.item = item.ID
	b.receive(t, "A", 2, 30)
	b.receive(t, "B", 10, 60)
	base, charges := b.Base, &instants{}
	base.DB = dbx.NewHandle(b.DB, dbx.Options{Now: func() time.Time {
		b.Clock.Advance(time.Second)
		return b.Clock.Now()
	}})
	service := pharmacy.New(base, pharmacy.Ports{Patients: patient.NewPort(base), Charges: charges})
	d, err := service.Dispense(b.Ctx, b.sell(5))
	require.NoError(t, err)
	require.Equal(t, []time.Time{d.DispensedAt}, charges.at)
	for what, query := range map[string]string{
		"First movement": `SELECT min(moved_at) FROM hms.stock_movement WHERE tenant_id = ? AND cause = 'dispense'`,
		"Last movement":  `SELECT max(moved_at) FROM hms.stock_movement WHERE tenant_id = ? AND cause = 'dispense'`,
		"Step":           `SELECT stepped_at FROM hms.medication_dispense_status WHERE tenant_id = ?`,
		"Event":          `SELECT occurred_at FROM hms.outbox WHERE tenant_id = ? AND event_type = 'pharmacy.dispensed'`,
	} {
		require.Equal(t, d.DispensedAt, dbtest.Scalar[time.Time](t, b.Env, query, b.Tenant).UTC(), what)
	}
}

// prescriptions is a source of one prescription, which allows everything.
type prescriptions struct {
	pharmacy.LockedPrescription
}

func (p prescriptions) LockToDispense(
	context.Context, bun.IConn, hmstype.PrescriptionID, hmstype.Quantity,
) (pharmacy.LockedPrescription, error) {
	return p.LockedPrescription, nil
}

func (p prescriptions) LockToTakeBack(
	context.Context, bun.IConn, hmstype.PrescriptionID,
) (pharmacy.LockedPrescription, error) {
	return p.LockedPrescription, nil
}

// Who prescribed does not dispense, under whichever account: persons are compared.
func TestDispense_ComparesPersons(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	b.receive(t, "B", 10, 30)
	person, program, other := b.User(
		t, identity.RolePharmacist,
	).ID, b.User(t, identity.RolePharmacist).ID, b.User(t, identity.RolePharmacist).ID
	human := hmstype.HumanActor(b.Tenant, person)
	own := hmstype.Actor{Tenant: b.Tenant, Kind: hmstype.ActorService, User: program, Person: person}
	system := hmstype.SystemActor(b.Tenant, "test")
	for name, tt := range map[string]struct {
		prescriber, dispenser hmstype.Actor
		refused               bool
	}{
		"Same":            {human, human, true},
		"OwnProgramGives": {human, own, true},
		"OwnProgramWrote": {own, human, true},
		"Another":         {human, hmstype.HumanActor(b.Tenant, other), false},
		"AnothersProgram": {
			human, hmstype.Actor{Tenant: b.Tenant, Kind: hmstype.ActorService, User: program, Person: other}, false,
		},
		"Host": {system, system, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := pharmacy.New(b.Base, pharmacy.Ports{
				Patients: patient.NewPort(b.Base),
				Prescriptions: prescriptions{pharmacy.LockedPrescription{
					Patient: b.patient, Medicine: hmstype.Medicine{Item: b.item}, PrescribedBy: tt.prescriber.Ref(),
				}},
			})
			in := pharmacy.DispenseInput{
				Prescription: hmstype.NewID[hmstype.PrescriptionID](), Location: b.location, Quantity: 1,
			}
			_, err := service.Dispense(hmstype.WithActor(t.Context(), tt.dispenser), in)
			if tt.refused {
				require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
				return
			}
			require.NotErrorIs(t, err, hmstype.ErrSeparationOfDuties)
			require.ErrorIs(t, err, hmstype.ErrInvalid, "it went on to the prescription that is none")
		})
	}
}

func TestService_Dispense_WithoutASourceOfPrescriptions(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	in := pharmacy.DispenseInput{Prescription: hmstype.NewID[hmstype.PrescriptionID](), Location: b.location, Quantity: 1}
	_, err := b.Dispense(b.Ctx, in)
	var refused *pharmacy.PrescriptionError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, pharmacy.PrescriptionUnknown, refused.Reason)
	require.ErrorIs(t, err, pharmacy.ErrPrescription)
}
