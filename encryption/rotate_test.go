package encryption_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

func registerInput(i int) patient.RegisterInput {
	return patient.RegisterInput{
		Details: patient.Details{
			FirstName: "Ada", LastName: fmt.Sprintf("Number %d", i), Gender: patient.GenderFemale,
			PhoneNumber: fmt.Sprintf("+1 555 %04d", i), Email: fmt.Sprintf("a%d@example.org", i), Address: "1 Main Street",
		},
		Identifiers: []patient.Identifier{{System: "urn:test", Value: fmt.Sprintf("ID-%d", i)}},
	}
}

func register(t *testing.T, env *dbtest.Env, s *patient.Service, n int) []patient.Patient {
	t.Helper()
	list := make([]patient.Patient, n)
	for i := range list {
		p, err := s.Register(env.Ctx, registerInput(i))
		require.NoError(t, err)
		list[i] = p
	}
	return list
}

// finish re-encrypts in small steps until nothing is left.
func finish(t *testing.T, env *dbtest.Env, s *encryption.Service) {
	t.Helper()
	for range 1000 {
		p, err := s.Reencrypt(env.Ctx, encryption.ReencryptInput{Limit: 7})
		require.NoError(t, err)
		require.LessOrEqual(t, p.Done, 7)
		if p.Outdated == 0 {
			return
		}
		require.Equal(t, 7, p.Done, "a step that leaves something does its whole share")
	}
	require.Fail(t, "never done")
}

const sealedCount = `SELECT count(*) FROM (
	SELECT phone_number AS v FROM hms.patient WHERE tenant_id = ? UNION ALL SELECT email FROM hms.patient
	WHERE tenant_id = ?
	UNION ALL SELECT value FROM hms.patient_identifier WHERE tenant_id = ?) AS s WHERE s.v LIKE ?`

func sealed(t *testing.T, env *dbtest.Env, like string) int {
	t.Helper()
	return dbtest.Scalar[int](t, env, sealedCount, env.Tenant, env.Tenant, env.Tenant, like)
}

func TestService_RotateUnderLoad(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	known := register(t, env, patients, 20)

	epoch, err := s.Rotate(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, 2, epoch)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 { // people go on reading and changing meanwhile
		wg.Go(func() {
			for i := w; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				p, err := patients.Get(env.Ctx, known[i%len(known)].ID)
				if err != nil || p.Email != known[i%len(known)].Email || p.Identifiers[0] != known[i%len(known)].Identifiers[0] {
					t.Errorf("read during rotation: %v", err)
					return
				}
				details := p.Details
				details.Address = fmt.Sprintf("%d Side Street", i)
				_, err = patients.Update(env.Ctx, patient.UpdateInput{ID: p.ID, Version: p.Version, Details: details})
				if err != nil && hmstype.KindOf(err) != hmstype.KindStale {
					t.Errorf("update during rotation: %v", err)
					return
				}
			}
		})
	}
	finish(t, env, s)
	close(stop)
	wg.Wait()
	require.Equal(t, 60, sealed(t, env, "hms1:2:%"))

	for i, p := range known {
		found, err := patients.Search(env.Ctx, patient.SearchInput{PhoneNumber: fmt.Sprintf("1-555-%04d", i)})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		require.Equal(t, p.ID, found.Items[0].ID)
	}
}

// The same two calls encrypt a tenant that was in clear.
func TestService_EncryptWhatWasClear(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	clear := env.Base
	clear.Crypt = fieldcrypt.New(nil)
	clear.DB = dbx.NewHandle(env.DB, dbx.Options{Now: env.Clock.Now})
	known := register(t, env, patient.New(clear, patient.Ports{}), 5)
	require.Zero(t, sealed(t, env, "hms1:%"))
	_, err := encryption.New(clear, encryption.Config{}).Rotate(env.Ctx)
	require.ErrorIs(t, err, encryption.ErrOff)

	finish(t, env, encryption.New(env.Base, encryption.Config{}))
	require.Equal(t, 15, sealed(t, env, "hms1:1:%"))
	patients := patient.New(env.Base, patient.Ports{})
	got, err := patients.Get(env.Ctx, known[3].ID)
	require.NoError(t, err)
	require.Equal(t, known[3].Details, got.Details)
	_, err = patients.Register(
		env.Ctx, func() patient.RegisterInput { in := registerInput(3); in.LastName = "Other"; return in }(),
	)
	require.ErrorIs(t, err, patient.ErrIdentifierTaken, "uniqueness holds across the change")
	found, err := patients.Search(env.Ctx, patient.SearchInput{Identifier: &patient.Identifier{Value: "id-3"}})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)

	typed := registerInput(3)
	typed.LastName, typed.Identifiers[0] = "Other", patient.Identifier{System: "URN:Test ", Value: "i d\u20133"}
	_, err = patients.Register(env.Ctx, typed)
	require.ErrorIs(t, err, patient.ErrIdentifierTaken, "what is indexed is the normal form, not the spelling")
	found, err = patients.Search(env.Ctx, patient.SearchInput{Identifier: &typed.Identifiers[0]})
	require.NoError(t, err)
	require.Equal(t, known[3].ID, found.Items[0].ID)
}

func TestService_Rewrap(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})
	known := register(t, env, patients, 1)
	wrapped := func() string {
		return dbtest.Scalar[string](
			t, env, `SELECT encode(data_keyset, 'hex') FROM hms.tenant_keyset WHERE tenant_id = ?`, env.Tenant,
		)
	}
	before := wrapped()
	require.NoError(t, s.Rewrap(env.Ctx))
	require.NotEqual(t, before, wrapped())
	got, err := patients.Get(env.Ctx, known[0].ID)
	require.NoError(t, err)
	require.Equal(t, known[0].Email, got.Email)
}

// What the patient's encrypted fields say is nowhere in the tenant's tables in clear: not in
// the rows, the audit trail, the outbox, nor in what an idempotency key keeps.
func TestService_NoClearTextAnywhere(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	in := registerInput(0)
	in.Email, in.Address, in.PhoneNumber = "canary-mail@example.org", "Canary-Address 7", "+49 171 7654321"
	in.EmergencyContactName, in.EmergencyContactPhone = "Canary-Kin", "+49 171 7654322"
	in.Identifiers[0].Value = "Canary-Id"
	in.IdempotencyKey = "key"
	patients := patient.New(env.Base, patient.Ports{})
	p, err := patients.Register(env.Ctx, in)
	require.NoError(t, err)
	again, err := patients.Register(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, p, again, "the key's result is read again")
	_, err = patients.AddCoverage(env.Ctx, patient.AddCoverageInput{
		Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Payer", PolicyNumber: "Canary-Policy", ValidFrom: hmstype.NewDate(2026, 1, 1),
		},
	})
	require.NoError(t, err)

	tables := []string{}
	require.NoError(t, env.DB.NewRaw(`SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname NOT IN ('migration', 'context_key')`).Scan(t.Context(), &tables))
	seen := 0
	for _, table := range tables {
		rows := []string{}
		require.NoError(
			t,
			env.DB.NewRaw(
				`SELECT to_jsonb(t)::text FROM hms.`+table+` AS t WHERE t.tenant_id = ?`, env.Tenant,
			).Scan(t.Context(), &rows),
		)
		for _, row := range rows {
			seen++
			for _, canary := range []string{"canary", "7654321", "7654322"} {
				require.NotContains(t, strings.ToLower(row), canary, table)
			}
		}
	}
	require.Greater(t, seen, 15)
}

func TestService_ReencryptNeedsPermission(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	base := usecase.Base{DB: env.Base.DB, Authorizer: env.Base.Authorizer, Crypt: env.Base.Crypt}
	s := encryption.New(base, encryption.Config{})
	_, err := s.Reencrypt(env.As(t), encryption.ReencryptInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = s.Reencrypt(env.Ctx, encryption.ReencryptInput{Limit: -1})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.ErrorIs(t, func() error { _, err := s.Rotate(context.Background()); return err }(), hmstype.ErrUnauthenticated)
}
