package sealed_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// takeBack leaves the database as a restore to right after a checkpoint would. test/fault recovers a real one.
func (b *logBundle) takeBack(t *testing.T, to sealed.SealReport) {
	t.Helper()
	tx, err := b.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, statement := range []string{
		`DELETE FROM hms.audit_event AS e WHERE NOT EXISTS (SELECT FROM hms.audit_leaf AS l
			WHERE l.event_id = e.id AND l.leaf_index < $1) AND $2::bigint > 0`,
		`DELETE FROM hms.audit_leaf WHERE leaf_index >= $1 AND $2::bigint > 0`,
		`DELETE FROM hms.audit_node WHERE ((position + 1) << level) > $1 AND $2::bigint > 0`,
		`DELETE FROM hms.audit_record WHERE checkpoint > $2 AND $1::bigint > 0`,
		`DELETE FROM hms.audit_checkpoint WHERE number > $2 AND $1::bigint > 0`,
	} {
		_, err := tx.Tx.ExecContext(t.Context(), `SET LOCAL session_replication_role = replica`)
		require.NoError(t, err)
		_, err = tx.Tx.ExecContext(t.Context(), statement, to.Checkpoint.Size, to.Number)
		require.NoError(t, err, statement)
	}
	require.NoError(t, tx.Commit())
}

// restoredLog gives a log that was taken back behind two checkpoints, with a witness that remembers all and one that
// remembers its latest, and the instant to which it was taken back.
func restoredLog(t *testing.T) (b *logBundle, m *memory, stands, lost sealed.SealReport, to time.Time) {
	t.Helper()
	b, m = watched(t, dbtest.NewOwn(t))
	m.verifiers = b.verifiers(t)
	stands = b.checkpoint(t)
	to = dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`)
	b.checkpoint(t)
	lost = b.checkpoint(t)
	b.takeBack(t, stands)
	return b, m, stands, lost, to.UTC()
}

// A restore looks like an attack until it is said, signed; then the log goes on, and every report names it.
func TestService_RestoredLetsTheLogGoOn(t *testing.T) {
	t.Parallel()
	b, m, stands, lost, to := restoredLog(t)
	require.Contains(t, kinds(b.verify(t)), sealed.FindingTail)
	b.record(t, 3)
	refused, err := b.s.Seal(b.Ctx, sealed.SealInput{}) // the scheduler ran before anybody said a word
	require.NoError(t, err)
	require.ErrorIs(t, refused.Failed["file"], sealed.ErrForked)
	require.ErrorIs(t, refused.Failed["mine"], sealed.ErrForked)

	got, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost", Margin: 50})
	require.NoError(t, err)
	require.False(t, got.WasKnown)
	require.Empty(t, got.Sealed.Failed)
	require.ElementsMatch(t, []string{"file", "mine"}, got.Sealed.Witnessed)
	r := got.Restoration
	require.Equal(t, stands.Number, r.Checkpoint)
	require.Equal(t, stands.Checkpoint.Size, r.Size)
	require.Equal(t, stands.Checkpoint.Root, r.Root)
	require.Equal(t, to, r.RestoredTo)
	require.Len(t, r.Lost, 2)
	for _, l := range r.Lost {
		require.Equal(t, lost.Checkpoint.Root, l.Root)
		require.Equal(t, lost.Checkpoint.Size, l.Size)
	}
	require.Equal(t, got.Sealed.Checkpoint.Records, r.Number, "each checkpoint from now on signs that there is a record")

	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Equal(t, []proof.Restoration{r}, report.Restorations)
	require.Contains(t, report.String(), "going on from leaf")
	b.checkpoint(t)
	b.checkpoint(t)
	require.Empty(t, b.verify(t).Findings)
	require.NotEmpty(t, m.latest)

	again, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	require.True(t, again.WasKnown)
	require.Equal(t, r, again.Restoration)
	require.Equal(t, got.Skipped, again.Skipped, "nothing is skipped twice")
	list, err := b.s.ListRestorations(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, sealed.Restorations{List: []proof.Restoration{r}, Skipped: got.Skipped}, list)
}

// A second restore may lose the record of the first: the witnesses have both.
func TestService_RestoredAgainToBeforeTheFirst(t *testing.T) {
	t.Parallel()
	b, _, stands, _, to := restoredLog(t)
	first, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	b.checkpoint(t)
	b.takeBack(t, stands)
	b.sql(t, `SET session_replication_role = replica; DELETE FROM hms.audit_record WHERE kind = 'restored';
		DELETE FROM hms.skipped_number;
		SET session_replication_role = DEFAULT`)
	require.Contains(t, kinds(b.verify(t)), sealed.FindingTail)
	second, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "and lost again"})
	require.NoError(t, err)
	require.Empty(t, second.Sealed.Failed)
	require.Equal(t, first.Restoration.Number, second.Restoration.Number)
	require.Empty(t, b.verify(t).Findings)
}

// A restore to a point behind the last checkpoint loses nothing that a witness saw.
func TestService_RestoredLosesNothing(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.checkpoint(t)
	to := dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`)
	got, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "a dump was moved"})
	require.NoError(t, err)
	require.Empty(t, got.Restoration.Lost)
	require.Empty(t, got.Sealed.Failed)
	require.Empty(t, b.verify(t).Findings)
}

// Numbers that may lie outside on paper are given to nobody else.
func TestService_RestoredSkipsNumbers(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	next := func() (n int64) {
		require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
			n, err = db.NextNumber(ctx, testSeries, 0)
			return err
		}))
		return n
	}
	require.EqualValues(t, 1, next())
	require.EqualValues(t, 2, next())
	to := dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`)
	got, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	byName := map[string]sealed.SkippedNumbers{}
	for _, s := range got.Skipped {
		require.Equal(t, "the disk was lost", s.Reason)
		require.EqualValues(t, 1000, s.Last-s.First+1, s.Series)
		byName[s.Series] = s
	}
	require.EqualValues(t, 3, byName["sealed-test"].First)
	require.EqualValues(t, 1, byName["sealed-year-"+to.Format("2006")].First, "a series that has not begun, too")
	require.EqualValues(t, 1003, next())
}

var testSeries, _ = dbx.DeclareSeries("sealed-test"), dbx.DeclareYearlySeries("sealed-year")

func TestService_RestoredRefuses(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.checkpoint(t)
	good := sealed.RestoredInput{
		To: dbtest.Scalar[time.Time](t, b.Env, `SELECT clock_timestamp()`), Reason: "the disk was lost",
	}
	for path, spoil := range map[string]func(*sealed.RestoredInput){
		"to":     func(in *sealed.RestoredInput) { in.To = time.Time{} },
		"reason": func(in *sealed.RestoredInput) { in.Reason = "x" },
		"margin": func(in *sealed.RestoredInput) { in.Margin = 1_000_001 },
	} {
		in := good
		spoil(&in)
		_, err := b.s.Restored(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, path)
		require.ErrorContains(t, err, path)
	}
	future := good
	future.To = future.To.Add(time.Hour)
	_, err := b.s.Restored(b.Ctx, future)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = newService(b.Base, sealed.Config{}).Restored(b.Ctx, good)
	require.ErrorIs(t, err, sealed.ErrNoSigner)

	config := b.config
	config.Witnesses = append([]sealed.Witness{sealed.FuncWitness{
		WitnessName: "mute", OnLatest: func(context.Context, string) (string, error) { return "", errMute },
	}}, config.Witnesses...)
	_, err = newService(b.Base, config).Restored(b.Ctx, good)
	require.ErrorIs(t, err, hmstype.ErrUnavailable, "who is not asked cannot be told what was lost")
	require.ErrorContains(t, err, "mute")
	require.Zero(t, dbtest.Scalar[int](t, b.Env,
		`SELECT count(*) FROM hms.skipped_number WHERE tenant_id = ?`, b.Tenant), "nothing was changed")
	require.Zero(t, dbtest.Scalar[int](t, b.Env,
		`SELECT count(*) FROM hms.audit_record WHERE kind = 'restored' AND tenant_id = ?`, b.Tenant))
}

// Who calls an attack a restore leaves a record that cannot be taken away again.
func TestService_VerifyLogFindsARestorationThatIsNotTheSigned(t *testing.T) {
	t.Parallel()
	b, _, _, _, to := restoredLog(t)
	_, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	for name, attack := range map[string]string{
		"Gone":   `DELETE FROM hms.audit_record WHERE kind = 'restored'`,
		"Edited": `UPDATE hms.audit_record SET checkpoint = checkpoint - 1 WHERE kind = 'restored'`,
		"Key":    `UPDATE hms.audit_record SET key = 'other' WHERE kind = 'restored'`,
		"Forged": `UPDATE hms.audit_record SET note = replace(note, 'the disk', 'a disk') WHERE kind = 'restored'`,
	} {
		t.Run(name, func(t *testing.T) { // one after the other, in one database
			tx, err := b.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback()) }()
			_, err = tx.Tx.ExecContext(t.Context(), `SET LOCAL session_replication_role = replica; `+attack+
				`; SET LOCAL session_replication_role = DEFAULT`)
			require.NoError(t, err)
			base := b.Base
			base.DB = base.DB.Bind(tx)
			report, err := newService(base, b.config).VerifyLog(b.Ctx)
			require.NoError(t, err)
			require.Contains(t, kinds(report), sealed.FindingRecord)
		})
	}
}

// A witness that did not hear of a restore is behind, not deceived, and hears of it with the next checkpoint.
func TestService_VerifyLogNamesAWitnessThatWasNotToldOfARestore(t *testing.T) {
	t.Parallel()
	b, m, _, _, to := restoredLog(t)
	m.broken = true
	got, err := b.s.Restored(b.Ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	require.Error(t, got.Sealed.Failed["mine"])
	report := b.verify(t)
	require.Equal(t, []sealed.FindingKind{sealed.FindingWitnessBehind}, kinds(report))
	require.Contains(t, report.Findings[0].Detail, "was not told of the restore")
	m.broken = false
	b.checkpoint(t)
	require.Empty(t, b.verify(t).Findings)
}
