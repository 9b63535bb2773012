package sealed_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

// newKey makes a key of the tests' name.
func newKey(t *testing.T) (signer note.Signer, public string) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(t, err)
	signer, err = note.NewSigner(secret)
	require.NoError(t, err)
	return signer, public
}

// rotated gives the log under another key, which it has not signed by yet.
func (b *logBundle) rotated(t *testing.T) *logBundle {
	t.Helper()
	next := *b
	var public string
	next.config.Signer, public = newKey(t)
	next.config.Verifiers = []string{b.public, public}
	next.public = public
	witness, err := sealed.NewFileWitness(b.path, b.public, public)
	require.NoError(t, err)
	next.config.Witnesses = []sealed.Witness{witness}
	next.s = newService(b.Base, next.config)
	return &next
}

// Which key signs from when on is a record of the log, and each checkpoint needs the key that was in force.
func TestService_SealRecordsAChangeOfKeys(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	first := b.checkpoint(t)
	require.EqualValues(t, 1, first.Checkpoint.Records)
	next := b.rotated(t)
	changed, err := next.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Greater(t, changed.Number, first.Number, "at once, though nothing waited")
	require.EqualValues(t, 2, changed.Checkpoint.Records)
	require.Empty(t, next.verify(t).Findings)

	old := b.config
	old.Verifiers = next.config.Verifiers
	_, err = newService(b.Base, old).Seal(b.Ctx, sealed.SealInput{})
	require.ErrorIs(t, err, sealed.ErrKeyRetired, "an instance that still runs with the old key adds nothing")
	require.ErrorIs(t, err, hmstype.ErrPrecondition)

	for name, tt := range map[string]struct {
		attack string
		kind   sealed.FindingKind
	}{
		"RecordGone":      {`DELETE FROM hms.audit_record WHERE number = 2`, sealed.FindingRecord},
		"FirstRecordGone": {`DELETE FROM hms.audit_record WHERE number = 1`, sealed.FindingRecord},
		"RecordEdited": {`UPDATE hms.audit_record SET checkpoint = checkpoint + 1 WHERE number = 2`,
			sealed.FindingRecord},
		"RecordsSwapPlaces": {`UPDATE hms.audit_record SET number = 3 - number + 3`, sealed.FindingRecord},
	} {
		t.Run(name, func(t *testing.T) { // one after the other, in one database
			tx, err := b.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback()) }()
			_, err = tx.Tx.ExecContext(t.Context(), `ALTER TABLE hms.audit_record DISABLE TRIGGER USER; `+tt.attack)
			require.NoError(t, err)
			base := b.Base
			base.DB = base.DB.Bind(tx)
			report, err := newService(base, next.config).VerifyLog(b.Ctx)
			require.NoError(t, err)
			require.Contains(t, kinds(report), tt.kind)
		})
	}
	t.Run("TheOldKeySignsOn", func(t *testing.T) { // who stole it forges the newest checkpoint, with all it says
		forged := changed.Checkpoint
		forged.Time = forged.Time.Add(time.Microsecond)
		signed, err := forged.Sign(b.config.Signer)
		require.NoError(t, err)
		tx, err := b.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		_, err = tx.Tx.ExecContext(t.Context(), `ALTER TABLE hms.audit_checkpoint DISABLE TRIGGER USER`)
		require.NoError(t, err)
		_, err = tx.Tx.ExecContext(t.Context(), `UPDATE hms.audit_checkpoint SET note = $1, sealed_at = $2 WHERE number = $3`,
			signed, forged.Time, changed.Number)
		require.NoError(t, err)
		base := b.Base
		base.DB = base.DB.Bind(tx)
		report, err := newService(base, next.config).VerifyLog(b.Ctx)
		require.NoError(t, err)
		require.Contains(t, kinds(report), sealed.FindingCheckpoint)
	})
	require.Empty(t, next.verify(t).Findings)
}

func TestConfig_ValidateWantsTheSignersKey(t *testing.T) {
	t.Parallel()
	signer, public := newKey(t)
	_, other := newKey(t)
	require.NoError(t, sealed.Config{Signer: signer, Verifiers: []string{other, public}}.Validate())
	require.ErrorIs(t, sealed.Config{Signer: signer, Verifiers: []string{other}}.Validate(), hmstype.ErrInvalid)
}

func TestOpenKeyRecord(t *testing.T) {
	t.Parallel()
	signer, public := newKey(t)
	other, otherPublic := newKey(t)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	otherVerifier, err := note.NewVerifier(otherPublic)
	require.NoError(t, err)
	verifiers := note.VerifierList(verifier, otherVerifier)
	record := proof.KeyRecord{
		Origin: "hms.test/1", Number: 1, Kind: proof.KeySigns, Key: public, Checkpoint: 1, Time: dbtest.Start,
	}
	signed, err := record.Sign(signer)
	require.NoError(t, err)
	got, err := proof.OpenKeyRecord(signed, verifiers)
	require.NoError(t, err)
	require.Equal(t, record, got)
	by := func(r proof.KeyRecord, signer note.Signer) error {
		signed, err := r.Sign(signer)
		require.NoError(t, err)
		_, err = proof.OpenKeyRecord(signed, verifiers)
		return err
	}
	require.ErrorIs(t, by(record, other), proof.ErrKeyRecord, "a key speaks for itself")
	record.Kind = proof.KeyDistrusted
	require.NoError(t, by(record, other))
	require.ErrorIs(t, by(record, signer), proof.ErrKeyRecord, "and not against itself")
	record.Kind = "lost"
	require.ErrorIs(t, by(record, other), proof.ErrKeyRecord)
	record.Kind, record.Key = proof.KeySigns, "no key"
	require.ErrorIs(t, by(record, signer), proof.ErrKeyRecord)
}

// What a compromised key signed is believed as far as a witness saw it in time.
func TestService_SealRecordsACompromisedKey(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	b.checkpoint(t)
	trusted := b.checkpoint(t)
	stolen := dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`)
	unseen := b.checkpoint(t)
	next := b.rotated(t)
	next.config.Compromised = []sealed.CompromisedKey{{Key: b.public, Since: stolen}}
	require.NoError(t, next.config.Validate())
	next.s = newService(b.Base, next.config)
	told, err := next.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Empty(t, told.Failed)
	require.EqualValues(t, 3, told.Checkpoint.Records, "the new key, and what is believed of the old one")
	again, err := next.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.EqualValues(t, 3, again.Checkpoint.Records, "told once")

	report := next.verify(t)
	require.Equal(t, []sealed.FindingKind{sealed.FindingKeyDistrusted}, kinds(report))
	require.Equal(t, trusted.Checkpoint.Size, report.Findings[0].Index)
	require.Equal(t, unseen.Checkpoint.Size, report.Findings[0].Until, "which leaves it is about")

	t.Run("TheRecordIsGone", func(t *testing.T) { // one after the other, in one database
		tx, err := b.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		_, err = tx.Tx.ExecContext(t.Context(), `ALTER TABLE hms.audit_record DISABLE TRIGGER USER`)
		require.NoError(t, err)
		_, err = tx.Tx.ExecContext(t.Context(), `DELETE FROM hms.audit_record WHERE kind = 'distrusted'`)
		require.NoError(t, err)
		base := b.Base
		base.DB = base.DB.Bind(tx)
		report, err := newService(base, next.config).VerifyLog(b.Ctx)
		require.NoError(t, err)
		require.Contains(t, kinds(report), sealed.FindingRecord)
	})
	t.Run("AnotherHistoryThanTheWitnesss", func(t *testing.T) { // forged with the stolen key, up to where it is believed
		forged := trusted.Checkpoint
		forged.Root[0]++
		signed, err := forged.Sign(b.config.Signer)
		require.NoError(t, err)
		tx, err := b.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		_, err = tx.Tx.ExecContext(t.Context(), `ALTER TABLE hms.audit_checkpoint DISABLE TRIGGER USER`)
		require.NoError(t, err)
		_, err = tx.Tx.ExecContext(t.Context(), `UPDATE hms.audit_checkpoint SET note = $1, root = $2 WHERE number = $3`,
			signed, forged.Root[:], trusted.Number)
		require.NoError(t, err)
		base := b.Base
		base.DB = base.DB.Bind(tx)
		report, err := newService(base, next.config).VerifyLog(b.Ctx)
		require.NoError(t, err)
		found := firstOf(report.Findings)
		require.Contains(t, found, sealed.FindingRoot)
		require.Equal(t, trusted.Checkpoint.Size, found[sealed.FindingKeyDistrusted].Index)
	})
}

// A witness that does not answer lets nothing be forgotten for good: the record waits, and the step says so.
func TestService_SealWaitsForTheWitnessOfACompromisedKey(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.checkpoint(t)
	next := b.rotated(t)
	mute := &muteWitness{FileWitness: next.config.Witnesses[0].(*sealed.FileWitness), mute: true}
	next.config.Witnesses = []sealed.Witness{mute}
	next.config.Compromised = []sealed.CompromisedKey{{Key: b.public, Since: time.Now().Add(time.Hour)}}
	next.s = newService(b.Base, next.config)
	waits, err := next.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.ErrorIs(t, waits.Failed["file"], errMute)
	require.EqualValues(t, 2, waits.Checkpoint.Records, "sealing goes on")
	mute.mute = false
	told, err := next.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Empty(t, told.Failed)
	require.EqualValues(t, 3, told.Checkpoint.Records)
	require.Empty(t, next.verify(t).Findings, "a witness saw all of it in time")
}

var errMute = errors.New("no answer")

// muteWitness tells nothing of the past while it is mute.
type muteWitness struct {
	*sealed.FileWitness
	mute bool
}

func (w *muteWitness) Before(ctx context.Context, origin string, at time.Time) (string, error) {
	if w.mute {
		return "", errMute
	}
	return w.FileWitness.Before(ctx, origin, at)
}

func TestConfig_ValidateCompromised(t *testing.T) {
	t.Parallel()
	signer, public := newKey(t)
	_, former := newKey(t)
	witness, err := sealed.NewFileWitness("unused", public, former)
	require.NoError(t, err)
	good := sealed.Config{
		Signer: signer, Verifiers: []string{former, public}, Witnesses: []sealed.Witness{witness},
		Compromised: []sealed.CompromisedKey{{Key: former, Since: dbtest.Start}},
	}
	require.NoError(t, good.Validate())
	for name, spoil := range map[string]func(*sealed.Config){
		"UnknownKey":  func(c *sealed.Config) { c.Verifiers = []string{public} },
		"NoInstant":   func(c *sealed.Config) { c.Compromised = []sealed.CompromisedKey{{Key: former}} },
		"ItSignsNow":  func(c *sealed.Config) { c.Compromised[0].Key = public },
		"NoHistorian": func(c *sealed.Config) { c.Witnesses = []sealed.Witness{(&memory{}).witness("mine")} },
	} {
		c := good
		c.Compromised = append([]sealed.CompromisedKey{}, good.Compromised...)
		spoil(&c)
		require.ErrorIs(t, c.Validate(), hmstype.ErrInvalid, name)
	}
}
