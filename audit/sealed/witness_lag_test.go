package sealed_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

// memory is a witness that takes and tells what a test wants.
type memory struct {
	latest string
	broken bool
	// verifiers make it check what it takes, as a witness should; nil: it takes everything
	verifiers note.Verifiers
}

func (m *memory) witness(name string) sealed.FuncWitness {
	return sealed.FuncWitness{
		WitnessName: name,
		OnLatest:    func(context.Context, string) (string, error) { return m.latest, nil },
		OnPublish: func(_ context.Context, p sealed.Publication) error {
			if m.broken {
				return errors.New("unreachable")
			}
			if m.verifiers != nil {
				if err := sealed.CheckPublication(p, m.latest, m.verifiers); err != nil {
					return err
				}
			}
			m.latest = p.Note
			return nil
		},
	}
}

// watched gives a log of some checkpoints with two witnesses, of which one is the test's.
func watched(t *testing.T, env *dbtest.Env) (*logBundle, *memory) {
	t.Helper()
	m := &memory{}
	b := newLog(t, env)
	b.config.Witnesses = append(b.config.Witnesses, m.witness("mine"))
	b.s = newService(b.Base, b.config)
	b.checkpoint(t)
	require.Empty(t, b.verify(t).Findings, "before")
	return b, m
}

// checkpoint records an event and signs one more checkpoint.
func (b *logBundle) checkpoint(t *testing.T) sealed.SealReport {
	t.Helper()
	before, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	b.record(t, 1)
	for {
		report, err := b.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		if report.Number > before.Number {
			return report
		}
		require.NoError(t, t.Context().Err(), "the watermark stood still")
	}
}

// What a witness has not got can be cut off unseen, so each that lags is named.
func TestService_VerifyLogNamesAWitnessThatLags(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		starve func(t *testing.T, b *logBundle, m *memory)
		says   string
	}{
		"NotTold": {func(t *testing.T, b *logBundle, m *memory) {
			m.broken = true
			b.checkpoint(t)
			b.checkpoint(t)
		}, "mine has not got"},
		"NotToldOfOneForLong": {func(t *testing.T, b *logBundle, m *memory) {
			m.broken = true
			b.checkpoint(t)
			b.config.WitnessLag = time.Nanosecond
			b.s = newService(b.Base, b.config)
		}, "mine has not got"},
		"ForgotEverything": {func(t *testing.T, b *logBundle, m *memory) {
			b.checkpoint(t)
			m.latest = ""
		}, "mine has not got"},
		"ForgotTheLast": {func(t *testing.T, b *logBundle, m *memory) {
			old := m.latest
			b.checkpoint(t)
			b.checkpoint(t)
			m.latest = old
		}, "mine has not got"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, m := watched(t, dbtest.New(t))
			tt.starve(t, b, m)
			report := b.verify(t)
			require.Contains(t, kinds(report), sealed.FindingWitnessBehind)
			require.Len(t, report.Findings, 1)
			require.Contains(t, report.Findings[0].Detail, tt.says)
		})
	}
	t.Run("OneCheckpointOfThisMinute", func(t *testing.T) { // as between COMMIT and the telling
		t.Parallel()
		b, m := watched(t, dbtest.New(t))
		m.broken = true
		for { // no step but one, or it is two
			before := m.latest
			if report := b.checkpoint(t); report.Failed["mine"] != nil && before == m.latest {
				break
			}
		}
		m.broken = false
		_, err := b.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		require.Empty(t, b.verify(t).Findings, "told late, told all the same")
	})
}

// A witness that has another checkpoint of the same tree has seen another log.
func TestService_VerifyLogFindsAReplacedCheckpoint(t *testing.T) {
	t.Parallel()
	b := attacked(t)
	b.sql(t, `DELETE FROM hms.audit_checkpoint WHERE number = (SELECT max(number) FROM hms.audit_checkpoint)`)
	b.sql(t, `DELETE FROM hms.audit_leaf WHERE leaf_index >= (SELECT max(size) FROM hms.audit_checkpoint)`)
	alone := b.config
	alone.Witnesses, alone.Refresh = nil, time.Nanosecond
	_, err := newService(b.Base, alone).Seal(b.Ctx, sealed.SealInput{}) // with the key, at another time
	require.NoError(t, err)
	require.Equal(t, sealed.FindingForked, firstOf(b.found(t))[sealed.FindingForked].Kind)
}

// A log that was never begun is no clean one.
func TestService_VerifyLogFindsALogThatWasNeverSealed(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 1)
	require.Empty(t, b.verify(t).Findings, "there was no time yet")
	b.config.Refresh = time.Nanosecond
	b.s = newService(b.Base, b.config)
	report := b.verify(t)
	require.Equal(t, []sealed.FindingKind{sealed.FindingUnsealed}, kinds(report))
	require.Equal(t, []sealed.FindingKind{sealed.FindingUnsealed}, kinds((&logBundle{
		Env: b.Env, s: newService(b.Base, sealed.Config{Refresh: time.Nanosecond}),
	}).verify(t)), "and without a signer neither")
}

// Nobody puts an event into the future, where it would lie after every checkpoint.
func TestTrail_TakesNoEventOfTheFuture(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	insert := `INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id, operation,
		request_id, purpose) VALUES (?, ?::timestamptz, 'human:nobody', 'read', 'patient', '1', '', '', '')`
	for name, at := range map[string]string{
		"2099": "2099-01-01", "Tomorrow": time.Now().Add(24 * time.Hour).Format(time.RFC3339), "Infinity": "infinity",
	} {
		_, err := b.DB.NewRaw(insert, b.Tenant, at).Exec(t.Context())
		require.ErrorContains(t, err, "audit_event_time_check", name)
	}
	_, err := b.DB.NewRaw(insert, b.Tenant, time.Now().Add(-time.Second).Format(time.RFC3339)).Exec(t.Context())
	require.NoError(t, err)
}

// A line that two readers of JSON may understand differently is no checkpoint that a witness has seen.
func TestFileWitness_RefusesAMemberGivenTwice(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 1)
	b.seal(t)
	seen, err := os.ReadFile(b.path)
	require.NoError(t, err)
	twice := strings.Replace(string(seen), `{"origin":`, `{"Origin":"another","origin":`, 1)
	require.NotEqual(t, string(seen), twice)
	require.NoError(t, os.WriteFile(b.path, []byte(twice), 0o600))
	_, err = b.witness.Latest(t.Context(), b.config.Origin+"/"+b.Tenant.String())
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
