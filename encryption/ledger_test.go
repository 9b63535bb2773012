package encryption_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// ledgered gives the configuration of a ledger in a file of the test's.
func ledgered(t *testing.T) (config encryption.Config, path string) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "ledger")
	return encryption.Config{
		Ledger: encryption.NewFileLedger(path), Signer: signer, Verifiers: []string{public}, Origin: "hms.test/trail",
	}, path
}

// restore leaves the patient as a backup of before his erasure does.
func restore(t *testing.T, env *dbtest.Env, patient hmstype.PatientID, wrapped string) {
	t.Helper()
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, statement := range []string{
		`SET LOCAL session_replication_role = replica`, `DELETE FROM hms.erasure WHERE patient_id = ?0`,
		`UPDATE hms.data_key SET wrapped = decode(?1, 'hex') WHERE subject_id = ?0`,
	} {
		_, err := tx.ExecContext(t.Context(), statement, patient, wrapped)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// What a restore brings back, the ledger takes away again.
func TestService_ReplayErasures(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	config, path := ledgered(t)
	s, patients := encryption.New(env.Base, config), patient.New(env.Base, patient.Ports{})
	known := register(t, env, patients, 3)
	backup := dbtest.Scalar[string](
		t, env, `SELECT encode(wrapped, 'hex') FROM hms.data_key WHERE tenant_id = ? AND subject_id = ?`, env.Tenant,
		known[0].ID,
	)
	for _, p := range known[:2] {
		erased, err := s.Erase(env.Ctx, eraseInput(p))
		require.NoError(t, err)
		require.True(t, erased.Ledgered)
	}
	restore(t, env, known[0].ID, backup)
	got, err := patients.Get(env.Ctx, known[0].ID)
	require.NoError(t, err)
	require.Equal(t, known[0].Email, got.Email, "this is what a restore does")

	report, err := s.ReplayErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.ReplayReport{Entries: 2, Standing: 1, Replayed: 1}, report)
	got, err = patients.Get(env.Ctx, known[0].ID)
	require.NoError(t, err)
	require.True(t, got.Erased)
	require.Empty(t, got.Email+got.PhoneNumber)
	other, err := patients.Get(env.Ctx, known[2].ID)
	require.NoError(t, err)
	require.Equal(t, known[2].Email, other.Email)
	report, err = s.ReplayErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.ReplayReport{Entries: 2, Standing: 2}, report, "again is no error")

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(content), "consent was withdrawn", "the reason stays inside")
	require.NotContains(t, string(content), known[0].LastName)
}

// A patient registered after the instant of the restore is not there, one under a hold stays, and both are told.
func TestService_ReplayErasures_TellsWhatItCannotErase(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	config, _ := ledgered(t)
	s := encryption.New(env.Base, config)
	held := register(t, env, patient.New(env.Base, patient.Ports{}), 1)[0]
	_, err := audit.New(env.Base).PlaceLegalHold(env.Ctx, audit.PlaceLegalHoldInput{
		LegalHoldDetails: audit.LegalHoldDetails{Patient: held.ID, Reason: "a lawsuit"},
	})
	require.NoError(t, err)
	origin := config.Origin + "/" + env.Tenant.String()
	for _, id := range []hmstype.PatientID{held.ID, hmstype.NewID[hmstype.PatientID]()} {
		signed, err := proof.Erasure{Origin: origin, Patient: id.String(), Basis: "GDPR 17", ErasedAt: dbtest.Start}.
			Sign(config.Signer)
		require.NoError(t, err)
		require.NoError(t, config.Ledger.Append(t.Context(), origin, signed))
	}
	report, err := s.ReplayErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.ReplayReport{Entries: 2, Unknown: 1, Held: []hmstype.PatientID{held.ID}}, report)
	_, err = s.ReplayErasures(env.As(t, identity.RoleDoctor))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = encryption.New(env.Base, encryption.Config{}).ReplayErasures(env.Ctx)
	require.ErrorIs(t, err, encryption.ErrNoLedger)
}

// brokenLedger takes nothing while it is broken.
type brokenLedger struct {
	encryption.Ledger
	broken bool
}

func (l *brokenLedger) Append(ctx context.Context, origin, signed string) error {
	if l.broken {
		return errors.New("unreachable")
	}
	return l.Ledger.Append(ctx, origin, signed)
}

// An erasure stands although the ledger failed, or could not be told in the host's transaction; Verify says so, and
// PublishErasures tells it later.
func TestService_PublishErasures(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	config, _ := ledgered(t)
	ledger := &brokenLedger{config.Ledger, true}
	config.Ledger = ledger
	s := encryption.New(env.Base, config)
	known := register(t, env, patient.New(env.Base, patient.Ports{}), 3)
	erased, err := s.Erase(env.Ctx, eraseInput(known[0]))
	require.NoError(t, err)
	require.False(t, erased.Ledgered)
	_, err = s.PublishErasures(env.Ctx)
	require.ErrorIs(t, err, encryption.ErrLedger)
	require.ErrorIs(t, err, hmstype.ErrUnavailable)
	ledger.broken = false

	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	base := env.Base
	base.DB = base.DB.Bind(tx)
	bound := encryption.New(base, config)
	erased, err = bound.Erase(env.Ctx, eraseInput(known[1]))
	require.NoError(t, err)
	require.False(t, erased.Ledgered, "nobody knows yet whether it is going to stand")
	_, err = bound.PublishErasures(env.Ctx)
	require.ErrorIs(t, err, encryption.ErrInTransaction)
	require.NoError(t, tx.Commit())

	report, err := s.Verify(env.Ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Unledgered)
	require.False(t, report.Clean())
	told, err := s.PublishErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.PublishReport{Erasures: 2, Told: 2}, told)
	again, err := s.PublishErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.PublishReport{Erasures: 2}, again)
	report, err = s.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), report.String())
}

// Nothing is erased by a ledger that somebody else wrote in.
func TestService_ReplayErasures_RefusesAForgedLedger(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	config, _ := ledgered(t)
	patients := patient.New(env.Base, patient.Ports{})
	p := register(t, env, patients, 1)[0]
	stranger, _ := ledgered(t)
	origin := config.Origin + "/" + env.Tenant.String()
	entry := proof.Erasure{Origin: origin, Patient: p.ID.String(), Basis: "GDPR 17", ErasedAt: dbtest.Start}
	forged, err := entry.Sign(stranger.Signer)
	require.NoError(t, err)
	entry.Origin = config.Origin + "/" + hmstype.NewID[hmstype.TenantID]().String()
	anothers, err := entry.Sign(config.Signer)
	require.NoError(t, err)
	for name, signed := range map[string]string{"forged": forged, "another tenant's": anothers, "cut": forged[:20]} {
		one, _ := ledgered(t)
		config.Ledger = one.Ledger
		require.NoError(t, config.Ledger.Append(t.Context(), origin, signed))
		_, err = encryption.New(env.Base, config).ReplayErasures(env.Ctx)
		require.ErrorIs(t, err, encryption.ErrLedger, name)
	}
	got, err := patients.Get(env.Ctx, p.ID)
	require.NoError(t, err)
	require.False(t, got.Erased)
}

// A line that two readers of JSON may understand differently is nobody's entry.
func TestFileLedger_RefusesAMemberGivenTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.WriteFile(path, []byte(`{"origin":"a","Origin":"b","note":"x"}`+"\n"), 0o600))
	_, err := encryption.NewFileLedger(path).Entries(t.Context(), "b")
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

// A line that lost its end swallows nothing that comes after it.
func TestFileLedger_AppendsBehindNoHalfLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	l := encryption.NewFileLedger(path)
	require.NoError(t, l.Append(t.Context(), "a", "first"))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, cut := range []int{1, 5} {
		require.NoError(t, os.WriteFile(path, whole[:len(whole)-cut], 0o600))
		require.Error(t, l.Append(t.Context(), "a", "second"), "it would be in no line of its own")
	}
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	require.NoError(t, l.Append(t.Context(), "a", "second"))
	notes, err := l.Entries(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []string{"first", "second"}, notes)
}
