package sealed_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// logBundle is a tenant with a signed log and a witness.
type logBundle struct {
	*dbtest.Env
	s       *sealed.Service
	trail   *audit.Service
	config  sealed.Config
	witness *sealed.FileWitness
	path    string // of the witness's file
	public  string
}

// newService wires the service as hms does.
func newService(base usecase.Base, config sealed.Config) *sealed.Service {
	return sealed.New(base, sealed.Ports{Trail: audit.NewPort(base)}, config)
}

func newLog(tb testing.TB, env *dbtest.Env) *logBundle {
	tb.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(tb, err)
	signer, err := note.NewSigner(secret)
	require.NoError(tb, err)
	path := filepath.Join(tb.TempDir(), "witness")
	witness, err := sealed.NewFileWitness(path, public)
	require.NoError(tb, err)
	config := sealed.Config{Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public},
		Witnesses: []sealed.Witness{witness}}
	return &logBundle{
		Env: env, config: config, s: newService(env.Base, config), trail: audit.New(env.Base), witness: witness,
		public: public, path: path,
	}
}

// record writes events, each in a transaction of its own.
func (b *logBundle) record(tb testing.TB, n int) {
	tb.Helper()
	for i := range n {
		require.NoError(tb, b.InTx(tb, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "test", ID: fmt.Sprint(i)})
		}))
	}
}

// seal seals until nothing is left and the log says up to when it is whole. An old transaction of another test may
// hold the watermark back for a moment, so it waits for what is known to be there.
func (b *logBundle) seal(tb testing.TB) sealed.SealReport {
	tb.Helper()
	return b.sealBy(tb, sealed.SealInput{Limit: 1000})
}

func (b *logBundle) sealBy(tb testing.TB, in sealed.SealInput) sealed.SealReport {
	tb.Helper()
	want := dbtest.Scalar[int64](tb, b.Env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?`, b.Tenant)
	for {
		report, err := b.s.Seal(b.Ctx, in)
		require.NoError(tb, err)
		require.Empty(tb, report.Failed)
		if report.Checkpoint.Size >= want && !report.Checkpoint.Through.IsZero() {
			return report
		}
		require.NoError(tb, tb.Context().Err(), "the watermark stood still")
	}
}

func (b *logBundle) verify(tb testing.TB) sealed.LogReport {
	tb.Helper()
	report, err := b.s.VerifyLog(b.Ctx)
	require.NoError(tb, err)
	return report
}

func TestService_Seal(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 20)
	first := b.seal(t)
	require.Equal(t, []string{"file"}, first.Witnessed)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Equal(t, first.Checkpoint.Size, report.Size)

	again := b.sealBy(t, sealed.SealInput{Limit: 1})
	require.Equal(t, 1, again.Sealed, "the verification's own record")
	require.Equal(t, first.Number+1, again.Number, "a step without events leaves no checkpoint")

	t.Run("NeedsASigner", func(t *testing.T) {
		t.Parallel()
		_, err := newService(b.Base, sealed.Config{}).Seal(b.Ctx, sealed.SealInput{})
		require.ErrorIs(t, err, sealed.ErrNoSigner)
	})
	t.Run("NeedsItsOwnTransaction", func(t *testing.T) {
		t.Parallel()
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			base := b.Base
			base.DB = db.Handle()
			_, err := newService(base, b.config).Seal(ctx, sealed.SealInput{})
			return err
		})
		require.ErrorIs(t, err, sealed.ErrInTransaction)
	})
	t.Run("OnlyTheSealerAdds", func(t *testing.T) {
		t.Parallel()
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `INSERT INTO hms.audit_checkpoint
				(tenant_id, number, size, root, sealed_at, note, sealed, xid)
				VALUES ($1, 999, 1, decode(repeat('00', 32), 'hex'), now(), 'forged', '1:1:', '1')`, db.Tenant())
			return err
		})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	})
}

// A sealer whose steps are smaller than what waits comes to the same log.
func TestService_SealInSmallSteps(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 300)
	b.sealBy(t, sealed.SealInput{Limit: 7})
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Greater(t, report.Size, int64(256), "a stored subtree is among it")
	require.Greater(t, report.Checkpoints, int64(40))
}

// Writers that commit out of order, late or not at all, while several sealers run: at the end
// every committed event is in the log once, and nothing counts as back-dated.
func TestService_SealWhileOthersWrite(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	stop := make(chan struct{})
	var sealers, writers, stragglers sync.WaitGroup
	for range 3 {
		sealers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.s.Seal(b.Ctx, sealed.SealInput{Limit: 50}); err != nil {
					t.Errorf("seal: %v", err)
					return
				}
			}
		})
	}
	release := make(chan struct{}) // lets stragglers go on, which hundreds have overtaken
	write := func(name string, wait <-chan struct{}, fails bool) {
		err := b.Base.DB.InTx(b.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			if err := db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "test", ID: name}); err != nil {
				return err
			}
			<-wait
			if fails {
				return hmstype.ErrPrecondition
			}
			return nil
		})
		if err != nil && hmstype.KindOf(err) != hmstype.KindPrecondition {
			t.Errorf("write: %v", err)
		}
	}
	atOnce := make(chan struct{})
	close(atOnce)
	for i := range 4 {
		stragglers.Go(func() { write("straggler", release, i == 0) })
	}
	for w := range 6 {
		writers.Go(func() {
			for i := range 30 {
				write(fmt.Sprint(w, i), atOnce, i%7 == 3)
			}
		})
	}
	writers.Wait()
	close(release)
	stragglers.Wait()
	close(stop)
	sealers.Wait()
	b.seal(t)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Equal(t, dbtest.Scalar[int64](t, b.Env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?`, b.Tenant),
		report.Size+1,
		"all but the verification's own record")
	sweep := b.sealBy(t, sealed.SealInput{Sweep: true})
	require.Equal(t, 1, sweep.Sealed, "a sweep finds nothing more than that")
}

func TestService_SealRefreshes(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	first := b.seal(t)
	idle, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Equal(t, first.Number, idle.Number, "nothing new: no new checkpoint")
	b.config.Refresh = time.Nanosecond
	b.s = newService(b.Base, b.config)
	fresh, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Equal(t, first.Number+1, fresh.Number)
	require.Equal(t, first.Checkpoint.Root, fresh.Checkpoint.Root)
	require.Equal(t, []sealed.FindingKind{sealed.FindingStale}, kinds(b.verify(t)), "of a nanosecond, everything is stale")
}

func kinds(report sealed.LogReport) []sealed.FindingKind {
	list := make([]sealed.FindingKind, len(report.Findings))
	for i, f := range report.Findings {
		list[i] = f.Kind
	}
	return list
}

// A witness may be the host's own functions.
func TestService_Seal_TellsAWitnessOfFunctions(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	var told []sealed.Publication
	config := b.config
	config.Witnesses = []sealed.Witness{sealed.FuncWitness{
		WitnessName: "queue",
		OnLatest:    func(context.Context, string) (string, error) { return "", nil },
		OnPublish: func(_ context.Context, p sealed.Publication) error {
			told = append(told, p)
			return nil
		},
	}}
	b.config, b.s = config, newService(b.Base, config)
	b.record(t, 3)
	report := b.seal(t)
	require.Equal(t, []string{"queue"}, report.Witnessed)
	require.NotEmpty(t, told)
}
