package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestArchiveMonth(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth, "2018-03")
	b.age(t, oldMonth, 600) // more than one block of the log
	b.sealAll(t)
	sink := &memorySink{}

	plan, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth})
	require.NoError(t, err)
	require.False(t, plan.Purged)
	require.Len(t, plan.Tenants, 1)
	require.Empty(t, plan.Tenants[0].Obstacles)
	require.Equal(t, int64(640), plan.Tenants[0].Total())
	require.Equal(t, int64(640), b.inMonth(t, oldMonth), "a report changes nothing")

	report, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: sink, Purge: true})
	require.NoError(t, err)
	require.True(t, report.Purged)
	require.Zero(t, b.inMonth(t, oldMonth))
	require.Equal(t, int64(40), b.inMonth(t, "2018-03"), "no other month is touched")
	require.Empty(t, dbtest.Scalar[string](t, b.Env, `SELECT coalesce(to_regclass('hms.audit_event_2018m01')::text, '')`))

	part := report.Tenants[0]
	manifest, err := proof.VerifyArchive(bytes.NewReader(sink.archives[part.Archive]), b.verifiers(t))
	require.NoError(t, err)
	require.Equal(t, oldMonth, manifest.Month)
	require.Equal(t, int64(640), manifest.Leaves.Count)
	require.Equal(t, "hms.test/trail/"+b.Tenant.String(), manifest.Origin)

	found := b.verify(t)
	require.Empty(t, found.Findings)
	require.Equal(t, int64(640), found.Purged)
	b.sealAll(t) // and so is the event that tells of the purge
	found = b.verify(t)
	require.Empty(t, found.Findings)
	require.Equal(t, int64(640), found.Purged)
	list, err := b.trail.ListEvents(b.Ctx, audit.ListEventsInput{Actions: []audit.Action{audit.ActionPurge}})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, "system:scheduler", list.Items[0].Actor.String())
	require.Equal(t, string(oldMonth), list.Items[0].EntityID)
	require.Contains(t, string(list.Items[0].Changes), part.Archive)

	_, err = b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: sink, Purge: true})
	require.ErrorIs(t, err, sealed.ErrNoPartition, "once is enough")
	_, err = b.archive(t, sealed.ArchiveMonthInput{Month: "2018-03", Sink: sink, Purge: true})
	require.NoError(t, err)
	found = b.verify(t)
	require.Empty(t, found.Findings)
	require.Equal(t, int64(680), found.Purged)
}

func TestArchiveMonth_InAFolder(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth)
	b.sealAll(t)
	sink := sealed.NewDirSink(t.TempDir())
	report, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: sink, Purge: true})
	require.NoError(t, err)
	file, err := sink.Open(t.Context(), report.Tenants[0].Archive)
	require.NoError(t, err)
	_, err = proof.VerifyArchive(file, b.verifiers(t))
	require.NoError(t, errors.Join(err, file.Close()))
	_, err = sink.Create(t.Context(), report.Tenants[0].Archive)
	require.Error(t, err, "an archive is never written over")
	for _, outside := range []string{"../x", "/etc/x", ""} {
		_, err = sink.Create(t.Context(), outside)
		require.Error(t, err)
		_, err = sink.Open(t.Context(), outside)
		require.Error(t, err)
	}
	w, err := sink.Create(t.Context(), "half/written")
	require.NoError(t, err)
	w.Abort()
	_, err = sink.Open(t.Context(), "half/written")
	require.Error(t, err)
}

// Each obstacle alone keeps the month, and says what it is.
func TestArchiveMonth_Obstacles(t *testing.T) {
	t.Parallel()
	home, free := older(t), &months{}
	policy := func(t *testing.T, b *logBundle, category audit.Category, jurisdiction string, months int) {
		t.Helper()
		_, err := b.trail.SetRetentionPolicy(b.Ctx,
			audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{Category: category,
				Jurisdiction: jurisdiction, KeepMonths: months, Basis: "law"}})
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *logBundle, sealed.Month)
		kind    sealed.ObstacleKind // empty: it may go
	}{
		"Nothing": {func(*testing.T, *logBundle, sealed.Month) {}, ""},
		"HostsClock": {func(_ *testing.T, b *logBundle, _ sealed.Month) { b.Clock.Advance(-12 * 365 * 24 * time.Hour) },
			sealed.ObstaclePeriod},
		"Policy": {func(t *testing.T, b *logBundle, month sealed.Month) {
			policy(t, b, audit.CategoryDisclosure, "DE",
				360)
		}, sealed.ObstaclePeriod},
		"LongestOf": {func(t *testing.T, b *logBundle, month sealed.Month) {
			policy(t, b, "access", "DE", 360)
			policy(t, b, "access", "FR", 12)
		}, sealed.ObstaclePeriod},
		"OfNoEvent": {func(t *testing.T, b *logBundle, month sealed.Month) { policy(t, b, audit.CategoryChange, "DE", 360) },
			""},
		"Unsealed": {func(t *testing.T, b *logBundle, month sealed.Month) { b.age(t, month, 1) }, sealed.ObstacleUnsealed},
		"HoldOfAll": {func(t *testing.T, b *logBundle, month sealed.Month) { b.hold(t, hmstype.PatientID{}) },
			sealed.ObstacleHold},
		"HoldOfOther": {func(t *testing.T, b *logBundle, month sealed.Month) { b.hold(t, somePatient(t, b.Env)) }, ""},
		"HoldReleased": {func(t *testing.T, b *logBundle, month sealed.Month) {
			_, err := b.trail.ReleaseLegalHold(b.Ctx,
				audit.ReleaseLegalHoldInput{ID: b.hold(t, hmstype.PatientID{}), Reason: "closed"})
			require.NoError(t, err)
		}, ""},
		"EventRemoved": {func(t *testing.T, b *logBundle, month sealed.Month) {
			b.past(t, `DELETE FROM hms.audit_event WHERE id = (SELECT event_id FROM hms.audit_leaf WHERE leaf_index = 7
				AND tenant_id = $tenant)`)
		}, sealed.ObstacleDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			month := free.next()
			b := home.sibling(t, month)
			b.sealAll(t)
			tt.prepare(t, b, month)
			before := b.inMonth(t, month)
			sink := &memorySink{}
			report, err := b.archive(t, sealed.ArchiveMonthInput{Month: month, Sink: sink, Purge: true})
			if tt.kind == "" {
				require.NoError(t, err)
				require.True(t, report.Purged)
				return
			}
			require.ErrorIs(t, err, sealed.ErrRetained)
			var refused *sealed.RetainedError
			require.ErrorAs(t, err, &refused)
			require.Len(t, refused.Tenants, 1)
			require.Equal(t, tt.kind, refused.Tenants[0].Obstacles[0].Kind)
			require.Equal(t, before, b.inMonth(t, month))
			require.Empty(t, sink.archives, "nothing is archived that must stay")
			require.False(t, report.Purged)

			plan, err := b.s.PlanRetention(b.Ctx, sealed.PlanRetentionInput{})
			require.NoError(t, err)
			require.Equal(t, tt.kind, plan[0].Obstacles[0].Kind, "the plan says the same")
		})
	}
}

// A hold on one patient keeps the months in which the trail speaks of him.
func TestArchiveMonth_HoldOnAPatient(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth, "2018-02")
	p := somePatient(t, b.Env)
	b.past(t, `UPDATE hms.audit_event SET patient_id = '`+p.String()+`' WHERE entity = 'test' AND entity_id = '3'
		AND recorded_at < '2018-02-01'`)
	b.sealAll(t)
	b.hold(t, p)
	_, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: &memorySink{}, Purge: true})
	require.ErrorIs(t, err, sealed.ErrRetained)
	report, err := b.archive(t, sealed.ArchiveMonthInput{Month: "2018-02", Sink: &memorySink{}, Purge: true})
	require.NoError(t, err, "a month that says nothing of him may go, also before an older one")
	require.True(t, report.Purged)
	require.Empty(t, b.verify(t).Findings)
}

// One tenant's obstacle keeps the month for all; each gets an archive of its own.
func TestArchiveMonth_ManyTenants(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth)
	b.sealAll(t)
	second := b.sibling(t)
	second.config, second.public, second.s = b.config, b.public, newService(second.Base, b.config)
	second.age(t, oldMonth, 5)
	sink := &memorySink{}
	_, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: sink, Purge: true})
	var refused *sealed.RetainedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, second.Tenant, refused.Tenants[0].Tenant)
	require.Equal(t, []sealed.Obstacle{{Kind: sealed.ObstacleUnsealed, Count: 5}}, refused.Tenants[0].Obstacles)
	second.sealAll(t)
	report, err := b.archive(t, sealed.ArchiveMonthInput{Month: oldMonth, Sink: sink, Purge: true})
	require.NoError(t, err)
	require.Len(t, report.Tenants, 2)
	require.Len(t, sink.archives, 2)
	for _, part := range report.Tenants {
		m, err := proof.VerifyArchive(bytes.NewReader(sink.archives[part.Archive]), b.verifiers(t))
		require.NoError(t, err)
		require.Equal(t, "hms.test/trail/"+part.Tenant.String(), m.Origin)
		require.NotContains(t, string(sink.archives[part.Archive]), otherThan(part.Tenant, b.Tenant, second.Tenant).String(),
			"no archive knows of another hospital")
	}
	for _, tenant := range []*logBundle{b, second} {
		found := tenant.verify(t)
		require.Empty(t, found.Findings)
		require.NotZero(t, found.Purged)
	}
}

func otherThan(id, a, b hmstype.TenantID) hmstype.TenantID {
	if id == a {
		return b
	}
	return a
}

func TestArchiveMonth_Refuses(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth)
	b.sealAll(t)
	config := b.config
	handle := b.Base.DB
	attempt := func(config sealed.Config, in sealed.ArchiveMonthInput) error {
		_, err := sealed.ArchiveMonth(t.Context(), handle, config, in)
		return err
	}
	good := sealed.ArchiveMonthInput{Month: oldMonth, By: "x", Sink: &memorySink{}, Purge: true}
	for _, change := range []func(*sealed.ArchiveMonthInput){
		func(in *sealed.ArchiveMonthInput) { in.Month = "2018-1" },
		func(in *sealed.ArchiveMonthInput) { in.By = "" },
		func(in *sealed.ArchiveMonthInput) { in.Sink = nil },
	} {
		in := good
		change(&in)
		require.ErrorIs(t, attempt(config, in), hmstype.ErrInvalid)
	}
	unsigned := config
	unsigned.Signer = nil
	require.ErrorIs(t, attempt(unsigned, good), sealed.ErrNoSigner)
	other := newLog(t, dbtest.New(t)).config
	require.ErrorIs(t, attempt(other, good), sealed.ErrLogDamaged,
		"another key's log")
	noMonth := good
	noMonth.Month = "2017-05"
	require.ErrorIs(t, attempt(config, noMonth), sealed.ErrNoPartition)
	now := good
	now.Month = proof.MonthOf(time.Now())
	handle = dbx.NewHandle(b.DB, dbx.Options{Now: func() time.Time { return time.Now().AddDate(100, 0, 0) }})
	require.ErrorIs(t, attempt(config, now), sealed.ErrRetained, "a host's clock that is a century ahead costs nothing")
	handle = b.Base.DB

	b.sql(t, `INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id, operation, request_id,
		purpose)
		VALUES (?, '2017-05-05', 'x', 'read', 'test', '', '', '', '')`, b.Tenant)
	require.ErrorIs(t, attempt(config, noMonth), sealed.ErrNoPartition, "nothing is dropped from the default partition")
	_, err := b.DB.ExecContext(t.Context(), `SET ROLE hms_app; SELECT 1 FROM hms.audit_purge; DO $$ BEGIN
		INSERT INTO hms.audit_purge (tenant_id, month) VALUES (gen_random_uuid(), '2018-01-01');
		RAISE 'the application could write a record of a purge';
		EXCEPTION WHEN insufficient_privilege THEN NULL; END $$; RESET ROLE`)
	require.NoError(t, err)
}

// Whatever fails before the commit leaves the trail as it was.
func TestArchiveMonth_Fails(t *testing.T) {
	t.Parallel()
	home, free := older(t), &months{}
	torn := errors.New("the tape is torn")
	for name, tt := range map[string]struct {
		sink    func(*testing.T, *logBundle, sealed.Month) *memorySink
		want    error
		aborted int
	}{
		"Write": {func(*testing.T, *logBundle, sealed.Month) *memorySink {
			return &memorySink{onWrite: func() error { return torn }}
		}, torn, 1},
		"Close": {func(*testing.T, *logBundle, sealed.Month) *memorySink {
			return &memorySink{onClose: func() error { return torn }}
		}, torn, 0},
		"Open": {func(*testing.T, *logBundle, sealed.Month) *memorySink {
			return &memorySink{onOpen: func([]byte) ([]byte, error) { return nil, torn }}
		}, torn, 0},
		"Truncated": {func(*testing.T, *logBundle, sealed.Month) *memorySink {
			return &memorySink{onOpen: func(archive []byte) ([]byte, error) { return archive[:len(archive)-1], nil }}
		}, sealed.ErrArchive, 0},
		"Flipped": {func(*testing.T, *logBundle, sealed.Month) *memorySink {
			return &memorySink{onOpen: func(archive []byte) ([]byte, error) {
				archive = bytes.Clone(archive)
				archive[len(archive)/2] ^= 1
				return archive, nil
			}}
		}, sealed.ErrArchive, 0},
		"HoldInTheMeantime": {func(t *testing.T, b *logBundle, _ sealed.Month) *memorySink {
			t.Helper()
			return &memorySink{onClose: func() error {
				_, err := b.trail.PlaceLegalHold(b.Ctx,
					audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "inquiry"}})
				return err
			}}
		}, sealed.ErrRetained, 0},
		"PolicyInTheMeantime": {func(t *testing.T, b *logBundle, _ sealed.Month) *memorySink {
			t.Helper()
			return &memorySink{onClose: func() error {
				_, err := b.trail.SetRetentionPolicy(b.Ctx,
					audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{Category: audit.CategoryAccess,
						Jurisdiction: "DE", KeepMonths: 360, Basis: "law"}})
				return err
			}}
		}, sealed.ErrRetained, 0},
		"EventInTheMeantime": {func(t *testing.T, b *logBundle, month sealed.Month) *memorySink {
			t.Helper()
			return &memorySink{onClose: func() error {
				b.age(t, month, 1)
				return nil
			}}
		}, sealed.ErrRetained, 0},
		"SealedInTheMeantime": {func(t *testing.T, b *logBundle, month sealed.Month) *memorySink {
			t.Helper()
			return &memorySink{onClose: func() error {
				b.age(t, month, 1)
				b.sealAll(t)
				return nil
			}}
		}, sealed.ErrLogDamaged, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			month := free.next()
			b := home.sibling(t, month)
			b.sealAll(t)
			sink := tt.sink(t, b, month)
			report, err := b.archive(t, sealed.ArchiveMonthInput{Month: month, Sink: sink, Purge: true})
			require.ErrorIs(t, err, tt.want)
			require.False(t, report.Purged)
			require.Equal(t, tt.aborted, sink.aborted)
			require.GreaterOrEqual(t, b.inMonth(t, month), int64(40))
			require.Zero(t, dbtest.Scalar[int64](t, b.Env, `SELECT count(*) FROM hms.audit_purge WHERE tenant_id = ?`, b.Tenant))
			found := b.verify(t)
			require.Zero(t, found.Purged)
			require.NotContains(t, kinds(found), sealed.FindingRemoved)
		})
	}
}

// A server that dies between the closing of the archive and the commit leaves everything in
// place. The last step is caught where it waits for a reader of the trail.
func TestArchiveMonth_DiesBeforeTheCommit(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth)
	b.sealAll(t)
	reader, err := b.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = reader.ExecContext(t.Context(), `LOCK TABLE ONLY hms.audit_event IN ACCESS SHARE MODE`)
	require.NoError(t, err)
	sink := &memorySink{}
	var wg sync.WaitGroup
	var archiveErr error
	wg.Go(func() {
		_, archiveErr = sealed.ArchiveMonth(t.Context(), b.Base.DB, b.config,
			sealed.ArchiveMonthInput{Month: oldMonth, By: "scheduler", Sink: sink, Purge: true})
	})
	for killed := false; !killed; {
		ended, err := dbtest.EndSessions(t.Context(), b.DB, `pid IN (SELECT pid FROM pg_locks
			WHERE relation = 'hms.audit_event'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`)
		require.NoError(t, err)
		killed = ended > 0
	}
	wg.Wait()
	require.NoError(t, reader.Rollback())
	require.ErrorIs(t, archiveErr, hmstype.ErrUnavailable)
	require.Len(t, sink.archives, 1, "written, closed and of no use")
	require.Equal(t, int64(40), b.inMonth(t, oldMonth))
	require.Zero(t, dbtest.Scalar[int64](t, b.Env, `SELECT count(*) FROM hms.audit_purge`))
	found := b.verify(t)
	require.Empty(t, found.Findings)
	require.Zero(t, found.Purged)
	b.purge(t, oldMonth)
	require.Empty(t, b.verify(t).Findings)
}

// An event that was edited is evidence: it is neither archived as if it were good, nor dropped.
func TestArchiveMonth_DamagedEvent(t *testing.T) {
	t.Parallel()
	home, free := older(t), &months{}
	for name, attack := range map[string]string{
		"Edited": `UPDATE hms.audit_event SET actor = 'human:y' WHERE id = (SELECT event_id FROM hms.audit_leaf
			WHERE leaf_index = 9 AND tenant_id = $tenant)`,
		"LeafForged": `UPDATE hms.audit_leaf SET hash = decode(repeat('ab', 32), 'hex') WHERE leaf_index = 1
			AND tenant_id = $tenant`,
		"HeadForged": `UPDATE hms.audit_checkpoint SET size = size + 1 WHERE tenant_id = $tenant`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			month := free.next()
			b := home.sibling(t, month)
			b.sealAll(t)
			b.past(t, attack)
			sink := &memorySink{}
			_, err := b.archive(t, sealed.ArchiveMonthInput{Month: month, Sink: sink, Purge: true})
			require.ErrorIs(t, err, sealed.ErrLogDamaged)
			require.Equal(t, int64(40), b.inMonth(t, month))
		})
	}
}

// Many archivers at once, while others write and seal: one of them does it.
func TestArchiveMonth_Concurrent(t *testing.T) {
	t.Parallel()
	b := older(t, oldMonth)
	b.sealAll(t)
	sink := &memorySink{}
	errs := make([]error, 6)
	stop := make(chan struct{})
	var archivers, others sync.WaitGroup
	for i := range 3 {
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				err := b.Base.DB.InTx(b.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
					return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "test", ID: fmt.Sprint(i, n)})
				})
				if _, sealErr := b.s.Seal(b.Ctx, sealed.SealInput{Limit: 100}); errors.Join(err, sealErr) != nil {
					t.Errorf("write: %v", errors.Join(err, sealErr))
					return
				}
			}
		})
	}
	for i := range errs {
		archivers.Go(func() {
			_, errs[i] = sealed.ArchiveMonth(t.Context(), b.Base.DB, b.config,
				sealed.ArchiveMonthInput{Month: oldMonth, By: "scheduler", Sink: sink, Purge: true})
		})
	}
	archivers.Wait()
	close(stop)
	others.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		if kind := hmstype.KindOf(err); kind != hmstype.KindNotFound {
			require.Equal(t, hmstype.KindUnavailable, kind, "%v: waited in vain", err)
		}
	}
	require.Equal(t, 1, done)
	require.Equal(t, int64(1), dbtest.Scalar[int64](t, b.Env, `SELECT count(*) FROM hms.audit_purge`))
	b.sealAll(t)
	found := b.verify(t)
	require.Empty(t, found.Findings)
	require.Equal(t, int64(40), found.Purged)
}
