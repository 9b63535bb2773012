package patient_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// secret is what nobody may read who does not see restricted records.
const secret = "CANARY"

// secretPerson has the canary in every text.
func secretPerson() patient.RegisterInput {
	in := person(secret)
	in.FirstName, in.PhoneNumber, in.Email, in.Address = secret, "+254 700 123", secret, secret
	in.EmergencyContactName, in.EmergencyContactPhone, in.OverrideReason = secret, secret, secret
	in.Identifiers = []patient.Identifier{{System: "urn:" + secret, Value: secret}}
	in.Restricted, in.IdempotencyKey = true, "once"
	return in
}

func requireWithheld(t *testing.T, p patient.Patient) {
	t.Helper()
	body, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(body), secret)
	require.NotContains(t, string(body), "1980")
	require.True(t, p.Withheld)
	require.False(t, p.ID.IsZero())
	require.NotEmpty(t, p.MRN, "it stands on the wristband")
	require.Zero(t, p.DeceasedAt)
	require.Equal(t, patient.StatusActive, p.Status)
}

func reads(t *testing.T, env *dbtest.Env, ctx context.Context, id hmstype.PatientID) int {
	t.Helper()
	actor, err := hmstype.ActorFrom(ctx)
	require.NoError(t, err)
	return dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND patient_id = ? AND action IN ('read', 'search') AND actor = ?`, env.Tenant, id, actor.Ref())
}

// Who registers a restricted person without seeing such is given the result withheld, also when he
// repeats the key.
func TestService_Register_RestrictedIsWithheld(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	clerk := env.As(t, identity.RoleReceptionist)
	in := secretPerson()
	in.DeceasedAt = env.Clock.Now().Add(-time.Hour)
	p, err := s.Register(clerk, in)
	require.NoError(t, err)
	requireWithheld(t, p)

	require.Zero(t, reads(t, env, clerk, p.ID))
	again, err := s.Register(clerk, in)
	require.NoError(t, err)
	requireWithheld(t, again)
	require.Equal(t, 1, reads(t, env, clerk, p.ID), "a replayed answer is recorded")

	whole, err := s.Get(env.As(t, identity.RoleAdmin), p.ID)
	require.NoError(t, err)
	require.Equal(t, secret, whole.Identifiers[0].Value)
	require.Equal(t, secret, whole.Email)
	require.False(t, whole.Withheld)
}

// A replayed answer asks for the restriction as it is now.
func TestService_Register_ReplayAsksAgain(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	clerk := env.As(t, identity.RoleReceptionist)
	in := secretPerson()
	in.Restricted = false
	p, err := s.Register(clerk, in)
	require.NoError(t, err)
	require.Equal(t, secret, p.Email)
	_, err = s.SetRestricted(env.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: 1, Restricted: true})
	require.NoError(t, err)
	again, err := s.Register(clerk, in)
	require.NoError(t, err)
	requireWithheld(t, again)
}

// Who restricts a record that he may not see from then on is given it withheld.
func TestService_RestrictingWithholds(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	clerk := env.As(t, identity.RoleReceptionist)
	in := secretPerson()
	in.Restricted = false
	first, err := s.Register(clerk, in)
	require.NoError(t, err)
	p, err := s.SetRestricted(clerk, patient.SetRestrictedInput{ID: first.ID, Version: 1, Restricted: true})
	require.NoError(t, err)
	requireWithheld(t, p)
}

func TestService_Histories(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Moving"))
	require.NoError(t, err)
	coverage, err := s.AddCoverage(env.Ctx,
		patient.AddCoverageInput{Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Acme", PolicyNumber: "1", ValidFrom: hmstype.NewDate(2026, 1, 1),
		}})
	require.NoError(t, err)
	require.False(t, coverage.CreatedBy.IsZero())
	env.Clock.Advance(time.Hour)
	_, err = s.SetStatus(env.Ctx, patient.SetStatusInput{
		ID: p.ID, Version: 1, Status: patient.StatusInactive, Reason: "moved",
	})
	require.NoError(t, err)
	_, err = s.SetStatus(env.Ctx, patient.SetStatusInput{
		ID: p.ID, Version: 2, Status: patient.StatusActive, Reason: "came back",
	})
	require.NoError(t, err)
	_, err = s.CancelCoverage(env.Ctx, coverage.ID)
	require.NoError(t, err)

	actor, err := hmstype.ActorFrom(env.Ctx)
	require.NoError(t, err)
	at, by := env.Clock.Now(), actor.Ref()
	history, err := s.GetHistory(env.Ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{Entity: "patient", ID: p.ID.String(), Patient: p.ID, Steps: []hmstype.StatusChange{
		{From: "active", To: "inactive", At: at, By: by, Reason: "moved"},
		{From: "inactive", To: "active", At: at, By: by, Reason: "came back"},
	}}, history)
	history, err = s.GetCoverageHistory(env.Ctx, coverage.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.StatusChange{{From: "active", To: "cancelled", At: at, By: by}}, history.Steps)

	_, err = s.SetRestricted(env.Ctx, patient.SetRestrictedInput{ID: p.ID, Version: 3, Restricted: true})
	require.NoError(t, err)
	clerk := env.As(t, identity.RoleReceptionist)
	_, err = s.GetHistory(clerk, p.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = s.GetCoverageHistory(clerk, coverage.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
}

// That a person was erased is told also where nothing of him was sealed.
func TestService_Get_Erased(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	bare, err := s.Register(env.Ctx, person("Bare"))
	require.NoError(t, err)
	in := person("Full")
	in.PhoneNumber = "+254 700 999" // the last text of the record is empty
	full, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	for _, p := range []patient.Patient{bare, full} {
		require.False(t, p.Erased)
		_, err = encryption.New(env.Base, encryption.Config{}).Erase(env.Ctx, encryption.EraseInput{
			Patient: p.ID, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17", Reason: "asked for it"},
		})
		require.NoError(t, err)
		got, err := s.Get(env.Ctx, p.ID)
		require.NoError(t, err)
		require.True(t, got.Erased)
		require.Empty(t, got.PhoneNumber)
	}
}

// What one registration writes happened at one instant.
func TestService_Register_OneInstant(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, person("Instant"))
	require.NoError(t, err)
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.outbox AS o JOIN hms.patient AS p
		ON p.tenant_id = o.tenant_id AND p.id::text = o.entity_id AND p.created_at = o.occurred_at
		WHERE o.tenant_id = ? AND p.id = ?`, env.Tenant, p.ID))
}
