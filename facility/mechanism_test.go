package facility_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

func (b *bundle) restrict(tb testing.TB, who hmstype.PatientID) {
	tb.Helper()
	patients := patient.New(b.Base, patient.Ports{})
	p, err := patients.Get(b.Ctx, who)
	require.NoError(tb, err)
	_, err = patients.SetRestricted(b.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(tb, err)
}

// events counts what the trail has of one use case, one action and a patient.
func (b *bundle) events(tb testing.TB, operation, action string, who hmstype.PatientID) int {
	tb.Helper()
	return dbtest.Scalar[int](tb, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND operation = ? AND action = ? AND patient_id = ?`, b.Tenant, operation, action, who)
}

// A restricted patient is admitted, moved and discharged like any other; what the nurse is not
// shown are the words about him, and his history is refused.
func TestRestrictedPatient_WorkGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.bed(t, "1"), b.bed(t, "2")
	encounter := b.encounter(t)
	who, _, err := encounters{}.EncounterPatient(t.Context(), b.DB, encounter)
	require.NoError(t, err)
	nurse := b.As(t, identity.RoleNurse)
	in := facility.AdmitInput{Encounter: encounter, Bed: one, IdempotencyKey: "k"}
	open, err := b.Admit(nurse, in)
	require.NoError(t, err)
	require.False(t, open.Withheld)
	require.Zero(t, b.events(t, "facility.admit", "read", who))

	b.restrict(t, who)
	again, err := b.Admit(nurse, in)
	require.NoError(t, err)
	require.Equal(t, open.ID, again.ID)
	require.True(t, again.Withheld, "a repeated key asks again for the restriction")
	require.Equal(t, 1, b.events(t, "facility.admit", "search", who), "and records the access again")

	moved, err := b.Transfer(nurse, facility.TransferInput{Stay: open.ID, Bed: two})
	require.NoError(t, err)
	require.True(t, moved.Withheld)
	require.Equal(t, two, moved.Bed, "by the ids the work goes on")
	_, err = b.OrderDischarge(nurse, moved.ID)
	require.NoError(t, err)
	left, err := b.Depart(nurse, facility.DepartInput{Stay: moved.ID})
	require.NoError(t, err)
	shown, err := json.Marshal(left)
	require.NoError(t, err)
	require.NotContains(t, string(shown), "discharge\"", "how it ended is withheld")

	_, err = b.GetStayHistory(nurse, moved.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	require.Equal(t, 1, b.events(t, "facility.get_stay_history", "denied", who))
	_, err = b.GetStayHistory(b.Ctx, moved.ID)
	require.NoError(t, err)
	require.Equal(t, 1, b.events(t, "facility.get_stay_history", "read", who))
	b.requireClean(t)
}

func TestService_History(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.bed(t, "1"), b.bed(t, "2")
	stay := b.admit(t, one)
	admitted := b.Clock.Now()
	b.Clock.Advance(time.Hour)
	nurse := b.As(t, identity.RoleNurse)
	by, err := hmstype.ActorFrom(nurse)
	require.NoError(t, err)
	system, err := hmstype.ActorFrom(b.Ctx)
	require.NoError(t, err)
	_, err = b.Transfer(nurse, facility.TransferInput{Stay: stay.ID, Bed: two, Contaminated: true})
	require.NoError(t, err)

	got, err := b.GetStayHistory(nurse, stay.ID)
	require.NoError(t, err)
	require.Equal(t,
		hmstype.History{Entity: "stay", ID: stay.ID.String(), Patient: stay.Patient, Steps: []hmstype.StatusChange{
			{From: "active", To: "completed", At: b.Clock.Now(), By: by.Ref(), Reason: "transfer"},
		}}, got)
	bed, err := b.GetBedHistory(nurse, one)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{Entity: "bed", ID: one.String(), Steps: []hmstype.StatusChange{
		{From: "U", To: "O", At: admitted, By: system.Ref()},
		{From: "O", To: "K", At: b.Clock.Now(), By: by.Ref()},
	}}, bed)
	_, err = b.GetBedHistory(dbtest.New(t).Ctx, one)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.GetStayHistory(dbtest.New(t).Ctx, stay.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// All that one transfer writes, in every table, has one instant, though the clock ticks at every reading.
func TestTransfer_HasOneInstant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	two := b.bed(t, "2")
	stay := b.admit(t, b.bed(t, "1"))
	base := b.Base
	base.DB = dbx.NewHandle(b.DB, dbx.Options{Now: func() time.Time {
		b.Clock.Advance(time.Second)
		return b.Clock.Now()
	}})
	service := facility.New(base, facility.Ports{Patients: patient.NewPort(base), Encounters: encounters{}})
	moved, err := service.Transfer(b.Ctx, facility.TransferInput{Stay: stay.ID, Bed: two})
	require.NoError(t, err)
	at := moved.CreatedAt
	require.Equal(t, at, moved.Period.Start)
	for what, query := range map[string]string{
		"OldStay": `SELECT ends_at FROM hms.stay WHERE tenant_id = ? AND status = 'completed'`,
		"Stay":    `SELECT max(stepped_at) FROM hms.stay_status WHERE tenant_id = ?`,
		"Beds":    `SELECT max(stepped_at) FROM hms.bed_status WHERE tenant_id = ?`,
		"Left":    `SELECT stepped_at FROM hms.bed_status WHERE tenant_id = ? AND to_status = 'H'`,
		"Event":   `SELECT occurred_at FROM hms.outbox WHERE tenant_id = ? AND event_type = 'facility.transferred'`,
	} {
		require.Equal(t, at, dbtest.Scalar[time.Time](t, b.Env, query, b.Tenant).UTC(), what)
	}
}

// Who made a stay is told with his account and his person, and the host's own actor by name.
func TestStay_CreatedBy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stay := b.admit(t, b.bed(t, "1"))
	require.Equal(t, "system:test", stay.CreatedBy.String())
	person := b.User(t, identity.RoleNurse).ID
	program := hmstype.WithActor(context.Background(), hmstype.Actor{
		Tenant: b.Tenant, Kind: hmstype.ActorService, User: b.User(t, identity.RoleNurse).ID, Person: person,
	})
	moved, err := b.Transfer(program, facility.TransferInput{Stay: stay.ID, Bed: b.bed(t, "2")})
	require.NoError(t, err)
	require.Equal(t, person, moved.CreatedBy.Person)
	require.Equal(t, hmstype.ActorService, moved.CreatedBy.Kind)
}
