package sealed_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

// Who cuts the log and calls that a restore to a later instant would hide what lay before it: a database that was taken
// back to an instant has whatever was sealed before.
func TestService_RestoredRefusesAnInstantOfAfterWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, witnesses := range map[string]func(*logBundle, *memory) []sealed.Witness{
		"Historian":  func(b *logBundle, _ *memory) []sealed.Witness { return []sealed.Witness{b.witness} },
		"LatestOnly": func(_ *logBundle, m *memory) []sealed.Witness { return []sealed.Witness{m.witness("mine")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, m, _, lost, _ := restoredLog(t)
			b.config.Witnesses = witnesses(b, m)
			b.s = newService(b.Base, b.config)
			old := lost.Checkpoint // what has but the newest knows of one that was just being signed nothing more
			old.Time = old.Time.Add(-2 * time.Minute)
			var err error
			m.latest, err = old.Sign(b.config.Signer)
			require.NoError(t, err)
			_, err = b.s.Restored(b.Ctx, sealed.RestoredInput{
				To: lost.Checkpoint.Time.Add(time.Microsecond), Reason: "the disk was lost",
			})
			require.ErrorIs(t, err, hmstype.ErrInvalid)
			require.ErrorContains(t, err, "to")
			require.Contains(t, kinds(b.verify(t)), sealed.FindingTail, "and what is missing is still missed")
		})
	}
}

// Two sealers tell the witnesses in whatever order: who comes second is no deceiver.
func TestService_SealTellsAWitnessThatHasANewerCheckpoint(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 1)
	b.seal(t)
	inner, overtaken := b.s, false
	config := b.config
	config.Witnesses = []sealed.Witness{sealed.FuncWitness{
		WitnessName: "file",
		OnLatest: func(ctx context.Context, origin string) (string, error) {
			if !overtaken {
				overtaken = true
				b.record(t, 2)
				if _, err := inner.Seal(b.Ctx, sealed.SealInput{}); err != nil {
					return "", err
				}
			}
			return b.witness.Latest(ctx, origin)
		},
		OnPublish: b.witness.Publish,
	}}
	b.record(t, 1)
	report, err := newService(b.Base, config).Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.True(t, overtaken)
	require.Empty(t, report.Failed)
	require.Equal(t, []string{"file"}, report.Witnessed)
	require.Empty(t, b.verify(t).Findings)
}

// The same where the other one comes between the question and the telling.
func TestService_SealTellsAWitnessThatHearsANewerCheckpointMeanwhile(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 1)
	b.seal(t)
	inner := b.s
	var once sync.Once
	config := b.config
	config.Witnesses = []sealed.Witness{sealed.FuncWitness{
		WitnessName: "file", OnLatest: b.witness.Latest,
		OnPublish: func(ctx context.Context, p sealed.Publication) error {
			once.Do(func() {
				b.record(t, 2)
				_, err := inner.Seal(b.Ctx, sealed.SealInput{})
				require.NoError(t, err)
			})
			return b.witness.Publish(ctx, p)
		},
	}}
	b.record(t, 1)
	report, err := newService(b.Base, config).Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Empty(t, report.Failed)
	require.Equal(t, []string{"file"}, report.Witnessed)
	require.Empty(t, b.verify(t).Findings)
}

// A key may be compromised whose newest checkpoint that a witness saw in time was lost in a restore: the witness is
// asked again, for what it saw of before that.
func TestService_SealRecordsACompromisedKeyBehindARestore(t *testing.T) {
	t.Parallel()
	b, _, _, lost, to := restoredLog(t)
	old := b.public
	_, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	b = b.rotated(t)
	b.config.Compromised = []sealed.CompromisedKey{{Key: old, Since: lost.Checkpoint.Time.Add(time.Microsecond)}}
	b.s = newService(b.Base, b.config)
	report, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.NotErrorIs(t, report.Failed["file"], sealed.ErrForked)
	require.Empty(t, report.Failed)
	require.Contains(t, kinds(b.verify(t)), sealed.FindingKeyDistrusted)
}
