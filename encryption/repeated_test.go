package encryption_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// A repeated call gives an erased patient as he is now: without what was sealed.
func TestService_Erase_IsSeenByARepeatedCall(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	in := registerInput(0)
	in.IdempotencyKey = "desk 1"
	p, err := patients.Register(env.Ctx, in)
	require.NoError(t, err)
	_, err = s.Erase(env.Ctx, eraseInput(p))
	require.NoError(t, err)
	again, err := patients.Register(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID)
	require.True(t, again.Erased)
	require.Empty(t, again.PhoneNumber+again.Email+again.Address+again.Identifiers[0].Value)
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND patient_id = ? AND operation = 'patient.register' AND action = 'read'`, env.Tenant, p.ID))
}

// The hash by which a repeated input is known is made under the tenant's key: whoever has the tables tries no
// input out on it, and it links no two tenants.
func TestRequestHash_IsUnderTheTenantsKey(t *testing.T) {
	t.Parallel()
	in := registerInput(0)
	in.IdempotencyKey = "desk 1"
	plain, err := json.Marshal(in)
	require.NoError(t, err)
	seen := map[string]bool{fmt.Sprintf("%x", sha256.Sum256(plain)): true}
	for range 2 {
		env := dbtest.New(t)
		_, err = patient.New(env.Base, patient.Ports{}).Register(env.Ctx, in)
		require.NoError(t, err)
		hash := dbtest.Scalar[string](t, env, `SELECT request_hash FROM hms.idempotency_key WHERE tenant_id = ?`, env.Tenant)
		require.False(t, seen[hash])
		seen[hash] = true
	}
}

// Without a key-encryption key nothing is sealed, so nothing can be erased by a key: it is refused, and says so.
func TestService_Erase_WithoutEncryption(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Base.Crypt = nil
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	p := register(t, env, patients, 1)[0]
	_, err := s.Erase(env.Ctx, eraseInput(p))
	require.ErrorIs(t, err, encryption.ErrOff)
	require.ErrorIs(t, err, hmstype.ErrPrecondition)
	list, err := s.ListErasures(env.Ctx, hmstype.Page{})
	require.NoError(t, err)
	require.Empty(t, list.Items)
}
