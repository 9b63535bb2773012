package encryption_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func eraseInput(p patient.Patient) encryption.EraseInput {
	return encryption.EraseInput{Patient: p.ID, ErasureDetails: encryption.ErasureDetails{
		Basis: "GDPR 17(1)(b)", Reason: "consent was withdrawn",
	}}
}

func TestService_Erase(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	known := register(t, env, patients, 2)
	record, err := s.Erase(env.Ctx, eraseInput(known[0]))
	require.NoError(t, err)
	require.Equal(t, env.Clock.Now(), record.ErasedAt)

	got, err := patients.Get(env.Ctx, known[0].ID)
	require.NoError(t, err)
	require.True(t, got.Erased)
	require.Empty(t, got.PhoneNumber+got.Email+got.Address+got.Identifiers[0].Value)
	require.Equal(t, known[0].LastName, got.LastName, "what is in clear is the retention rules' business")
	other, err := patients.Get(env.Ctx, known[1].ID)
	require.NoError(t, err)
	require.Equal(t, known[1].Details, other.Details)
	require.False(t, other.Erased)

	for name, query := range map[string]patient.SearchInput{
		"phone": {PhoneNumber: known[0].PhoneNumber}, "identifier": {Identifier: &patient.Identifier{Value: "id-0"}},
	} {
		list, err := patients.Search(env.Ctx, query)
		require.NoError(t, err)
		require.Empty(t, list.Items, name)
	}
	_, err = patients.Update(env.Ctx, patient.UpdateInput{ID: got.ID, Version: got.Version, Details: known[0].Details})
	require.ErrorIs(t, err, encryption.ErrErased, "nobody writes it back")
	again := registerInput(0)
	again.LastName = "Another"
	_, err = patients.Register(env.Ctx, again)
	require.NoError(t, err, "the identifier is free")

	_, err = s.Rotate(env.Ctx)
	require.NoError(t, err)
	finish(t, env, s)
	list, err := s.ListErasures(env.Ctx, hmstype.Page{})
	require.NoError(t, err)
	require.Equal(t, []encryption.Erasure{record}, list.Items)
	require.Equal(
		t, 1,
		dbtest.Scalar[int](
			t, env, `SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND event_type = 'encryption.erased'`, env.Tenant,
		),
	)
}

// A backup brings the keys back; to erase again takes them away again.
func TestService_EraseAfterARestore(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	p := register(t, env, patients, 1)[0]
	backup := dbtest.Scalar[string](
		t, env, `SELECT encode(wrapped, 'hex') FROM hms.data_key WHERE tenant_id = ? AND subject_id = ?`, env.Tenant, p.ID,
	)
	first, err := s.Erase(env.Ctx, eraseInput(p))
	require.NoError(t, err)
	_, err = env.DB.ExecContext(
		t.Context(), `UPDATE hms.data_key SET wrapped = decode(?, 'hex') WHERE tenant_id = ? AND subject_id = ?`, backup,
		env.Tenant, p.ID,
	)
	require.NoError(t, err)
	got, err := patients.Get(env.Ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, p.Email, got.Email, "this is what a restore does")
	env.Clock.Advance(1000)
	again, err := s.Erase(env.Ctx, eraseInput(p))
	require.NoError(t, err)
	require.Equal(t, first, again)
	got, err = patients.Get(env.Ctx, p.ID)
	require.NoError(t, err)
	require.Empty(t, got.Email)
}

func TestService_EraseIsHeldBack(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, trail := encryption.New(env.Base, encryption.Config{}), audit.New(env.Base)
	p := register(t, env, patient.New(env.Base, patient.Ports{}), 1)[0]
	hold, err := trail.PlaceLegalHold(env.Ctx, audit.PlaceLegalHoldInput{
		LegalHoldDetails: audit.LegalHoldDetails{Patient: p.ID, Reason: "a lawsuit"},
	})
	require.NoError(t, err)
	_, err = s.Erase(env.Ctx, eraseInput(p))
	require.ErrorIs(t, err, encryption.ErrHeld)
	_, err = trail.ReleaseLegalHold(env.Ctx, audit.ReleaseLegalHoldInput{ID: hold.ID, Reason: "it is over"})
	require.NoError(t, err)
	_, err = s.Erase(env.As(t, identity.RoleDoctor), eraseInput(p))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = s.Erase(env.Ctx, encryption.EraseInput{Patient: p.ID})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = s.Erase(env.Ctx, encryption.EraseInput{
		Patient:        hmstype.NewID[hmstype.PatientID](),
		ErasureDetails: encryption.ErasureDetails{Basis: "none", Reason: "nobody"},
	})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = s.Erase(env.Ctx, eraseInput(p))
	require.NoError(t, err)
	_, err = env.DB.ExecContext(t.Context(), `UPDATE hms.erasure SET reason = 'other' WHERE tenant_id = ?`, env.Tenant)
	require.ErrorContains(t, err, "never changed", "the record stays")
	sent := dbtest.Scalar[string](
		t, env, `SELECT coalesce(string_agg(data::text, ''), '') FROM hms.outbox WHERE tenant_id = ?`, env.Tenant,
	)
	require.NotContains(t, sent, "lawsuit")
}
