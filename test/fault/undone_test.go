package fault_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

var errUndone = errors.New("the rest of the handler failed")

// reads gives how often a patient was read, by the trail.
func reads(t *testing.T, env *hmstest.Env, who hmstype.PatientID, actions ...audit.Action) int {
	t.Helper()
	if len(actions) == 0 {
		actions = []audit.Action{audit.ActionRead}
	}
	list, err := env.H.Audit.ListEvents(env.Ctx, audit.ListEventsInput{
		Patient: who, Actions: actions, Page: hmstype.Page{Limit: 500},
	})
	require.NoError(t, err)
	// To ask is a read as well, of the trail.
	return len(slices.DeleteFunc(list.Items, func(e audit.Event) bool { return e.Entity == "audit_event" }))
}

// A transaction of ours that is undone, by an error, a panic or a savepoint in it, leaves its reads and its refusals on
// the trail, once, in the name of whoever read. One that commits has them once as well.
func TestInTx_UndoneLeavesReadsAndRefusals(t *testing.T) {
	t.Parallel()
	first := hmstest.New(t)
	env := pooled(t, first, first.DSN, hms.Config{})
	env.DB.SetMaxOpenConns(1) // what is recorded after it waits for no other connection
	doctor, nobody := env.As(t, identity.RoleDoctor), env.As(t)
	for name, in := range map[string]func(context.Context, func(context.Context, *hms.HMS)) error{
		"commit": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			return env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); return nil })
		},
		"error": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			err := env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); return errUndone })
			require.ErrorIs(t, err, errUndone)
			return nil
		},
		"panic": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			require.PanicsWithValue(t, "ours", func() {
				_ = env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); panic("ours") })
			})
			return nil
		},
		"cancelled": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			err := env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); cancel(); return nil })
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
			}
			return nil
		},
		"savepoint": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			return env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
				err := tx.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); return errUndone })
				require.ErrorIs(t, err, errUndone)
				return nil
			})
		},
		"savepoint and error": func(ctx context.Context, read func(context.Context, *hms.HMS)) error {
			err := env.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
				_ = tx.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error { read(ctx, tx); return errUndone })
				return errUndone
			})
			require.ErrorIs(t, err, errUndone)
			return nil
		},
	} {
		who := env.Patient(t)
		require.NoError(t, in(doctor, func(ctx context.Context, tx *hms.HMS) {
			_, err := tx.Patient.Get(ctx, who.ID)
			require.NoError(t, err)
		}), name)
		require.Equal(t, 1, reads(t, env, who.ID), name)
		denied := denials(t, env)
		require.NoError(t, in(nobody, func(ctx context.Context, tx *hms.HMS) {
			_, err := tx.Patient.Get(ctx, who.ID)
			require.ErrorIs(t, err, hms.ErrPermissionDenied)
		}), name)
		require.Equal(t, 1, reads(t, env, who.ID), name)
		require.Equal(t, denied+1, denials(t, env), name)
	}
}

func denials(t *testing.T, env *hmstest.Env) int {
	t.Helper()
	list, err := env.H.Audit.ListEvents(env.Ctx, audit.ListEventsInput{
		Actions: []audit.Action{audit.ActionDenied}, Page: hmstype.Page{Limit: 500},
	})
	require.NoError(t, err)
	return len(list.Items)
}

// In a transaction of the host's a read is on the trail before the data are given, once, whatever the host does with
// it then; so is a refusal.
func TestHostTx_ReadsAreOnTheTrailAtOnce(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	doctor, nobody := env.As(t, identity.RoleDoctor), env.As(t)
	inEachHostTx(t, env, func(t *testing.T, bound *hms.HMS, host dbtest.HostTx) {
		t.Helper()
		who := env.Patient(t)
		_, err := bound.Patient.Get(doctor, who.ID)
		require.NoError(t, err)
		require.Equal(t, 1, reads(t, env, who.ID))
		_, err = bound.Patient.Search(doctor, patient.SearchInput{MRN: who.MRN})
		require.NoError(t, err)
		require.Equal(t, 2, reads(t, env, who.ID, audit.ActionRead, audit.ActionSearch))
		denied := denials(t, env)
		_, err = bound.Patient.Get(nobody, who.ID)
		require.ErrorIs(t, err, hms.ErrPermissionDenied)
		require.Equal(t, denied+1, denials(t, env))
		require.NoError(t, host.Commit())
		require.Equal(t, 2, reads(t, env, who.ID, audit.ActionRead, audit.ActionSearch))
	})
}

// Whether a record is restricted is judged where the host's transaction has it, which nobody else sees yet.
func TestHostTx_RestrictionIsJudgedInside(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	actor := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleDoctor))
	actor.AuthenticatedAt = env.Now()
	doctor := hmstype.WithActor(t.Context(), actor)
	who := env.Patient(t)
	restrict := func(h *hms.HMS, restricted bool) {
		now, err := h.Patient.Get(env.Ctx, who.ID)
		require.NoError(t, err)
		_, err = h.Patient.SetRestricted(env.Ctx,
			patient.SetRestrictedInput{ID: who.ID, Version: now.Version, Restricted: restricted})
		require.NoError(t, err)
	}
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	restrict(env.H.WithTx(tx), true)
	_, err = env.H.WithTx(tx).Patient.Get(doctor, who.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	require.Equal(t, 1, reads(t, env, who.ID, audit.ActionDenied))
	require.NoError(t, tx.Commit())

	_, err = env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
		Patient: who.ID, BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonEmergency, Text: "unconscious"},
	})
	require.NoError(t, err)
	tx, err = env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = env.H.WithTx(tx).Patient.Get(doctor, who.ID)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	list, err := env.H.Audit.ListEvents(env.Ctx, audit.ListEventsInput{
		Patient: who.ID, Actions: []audit.Action{audit.ActionRead}, Page: hmstype.Page{Limit: 500},
	})
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(list.Items, func(e audit.Event) bool { return !e.BreakGlass.IsZero() }),
		"the grant is named")

	other := env.As(t, identity.RoleDoctor)
	tx, err = env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	restrict(env.H.WithTx(tx), false)
	_, err = env.H.WithTx(tx).Patient.Get(other, who.ID)
	require.NoError(t, err, "the host's transaction has taken the restriction back")
	require.NoError(t, tx.Rollback())
}

// With pools of 1, 2 and n connections under n transactions of the host's nobody waits for ever: with a Recorder of
// one connection each read, refusal and sign-in is done and on the trail, without one it is refused with a typed error
// at once where no connection is free.
func TestHostTx_NobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	const n = 4
	first := hmstest.New(t)
	for _, size := range []int{1, 2, n} {
		for _, lent := range []bool{true, false} {
			config := hms.Config{}
			if lent {
				recorder, err := hms.OpenDB(first.DSN)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, recorder.Close()) })
				recorder.SetMaxOpenConns(1)
				config.Recorder = recorder
			}
			env := pooled(t, first, first.DSN, config)
			who := env.Patient(t)
			doctor, nobody := env.As(t, identity.RoleDoctor), env.As(t)
			env.DB.SetMaxOpenConns(size)
			inEachOf(t, env, n, size, func(tx *hms.HMS) {
				_, err := tx.Patient.Get(doctor, who.ID)
				assertRecorded(t, err, lent)
				_, err = tx.Identity.ListMySessions(doctor, hmstype.Page{})
				assertRecorded(t, err, lent)
				_, err = tx.Identity.Login(env.Ctx, identity.LoginInput{Login: "nobody", Password: "wrong-password"})
				if lent {
					assert.Equal(t, hmstype.KindUnauthenticated, hmstype.KindOf(err))
				} else {
					assertRecorded(t, err, false)
				}
				_, err = tx.Patient.Get(nobody, who.ID)
				assert.ErrorIs(t, err, hms.ErrPermissionDenied)
			})
			env.DB.SetMaxOpenConns(0)
			if lent {
				require.Equal(t, n, reads(t, env, who.ID))
				require.Equal(t, n, denials(t, env))
			} else {
				require.Zero(t, reads(t, env, who.ID), "what was not recorded was not given")
			}
		}
	}
}

func assertRecorded(t *testing.T, err error, lent bool) {
	t.Helper()
	if lent {
		assert.NoError(t, err)
		return
	}
	assert.True(t, errors.Is(err, hms.ErrNoRecorder) && hmstype.KindOf(err) == hmstype.KindUnavailable, "%v", err)
}

// inEachOf runs act in n transactions of the host's, as many at a time as the pool has connections, all of which are
// taken while any of them acts.
func inEachOf(t *testing.T, env *hmstest.Env, n, size int, act func(tx *hms.HMS)) {
	t.Helper()
	for range n / size {
		var all, begun, acted sync.WaitGroup
		begun.Add(size)
		acted.Add(size)
		for range size {
			all.Go(func() {
				tx, err := env.DB.BeginTx(t.Context(), nil)
				begun.Done()
				begun.Wait()
				if assert.NoError(t, err) {
					act(env.H.WithTx(tx))
				}
				acted.Done()
				acted.Wait() // nobody frees a connection before all have tried
				if err == nil {
					assert.NoError(t, tx.Rollback())
				}
			})
		}
		all.Wait()
	}
}

// A host's transaction that keeps the trail from being written, by a lock on its table, is told so: the record would
// wait for the very transaction that waits for it.
func TestHostTx_ThatLocksTheTrailIsTold(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	who := env.Patient(t)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE hms.audit_event IN SHARE ROW EXCLUSIVE MODE`)
	require.NoError(t, err)
	_, err = env.H.WithTx(tx).Patient.Get(env.Ctx, who.ID)
	require.ErrorIs(t, err, hms.ErrNoRecorder)
	require.NoError(t, tx.Rollback())
}
