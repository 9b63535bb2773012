package usecase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// countInput is the input of the smallest command there is.
type countInput struct{ IdempotencyKey string }

func (countInput) Validate() error { return nil }

var testNumbers = dbx.DeclareSeries("test")

var opCount = usecase.Command[countInput, int64]{
	Name: "test.count", Permission: hmstype.PermVitalsWrite, Shows: usecase.Nobody[int64]("a number"),
	Key: func(in countInput) string { return in.IdempotencyKey }, Quiet: "a counter",
	Again: dbx.Again[int64]{
		ID:   func(n int64) uuid.UUID { return uuid.UUID{15: byte(n)} },
		Read: func(_ context.Context, _ dbx.DB, id uuid.UUID) (int64, error) { return int64(id[15]), nil },
	},
}.Declare()

func count(ctx context.Context, db dbx.DB, _ countInput) (int64, error) {
	return db.NextNumber(ctx, testNumbers, 0)
}

func counted(t *testing.T, env *dbtest.Env) int64 {
	t.Helper()
	return dbtest.Scalar[int64](t, env,
		`SELECT coalesce((SELECT value FROM hms.counter WHERE tenant_id = ? AND name = 'test'), 0)`, env.Tenant)
}

var errHost = errors.New("the host's own code failed")

// hookOf is a hook that notes when it was asked, as whom the database saw it, and with what.
type hookOf struct {
	asked  []string
	roles  []string
	result any
	fail   error
}

func (h *hookOf) hook() hmstype.Hook {
	note := func(when string) func(ctx context.Context, call hmstype.HookCall) error {
		return func(ctx context.Context, call hmstype.HookCall) error {
			var role string
			err := call.Conn.QueryRowContext(
				ctx, `SELECT current_user || coalesce(current_setting('hms.tenant', true), '')`,
			).Scan(&role)
			if err != nil {
				return err
			}
			h.asked, h.roles = append(h.asked, when+" "+call.Operation), append(h.roles, role)
			if when == "after" {
				h.result = call.Result
				return h.fail
			}
			return nil
		}
	}
	return hmstype.Hook{Before: note("before"), After: note("after")}
}

func TestHook_BracketsTheRule(t *testing.T) {
	t.Parallel()
	env, h := dbtest.New(t), &hookOf{}
	env.Base.Hooks = []hmstype.Hook{h.hook()}
	n, err := opCount.Run(env.Ctx, &env.Base, countInput{IdempotencyKey: "k"}, count)
	require.NoError(t, err)
	require.Equal(t, []string{"before test.count", "after test.count"}, h.asked)
	require.Equal(t, []string{"postgres", "postgres"}, h.roles, "the host's role, and none of our settings")
	require.Equal(t, n, h.result)

	_, err = opCount.Run(env.Ctx, &env.Base, countInput{IdempotencyKey: "k"}, count)
	require.NoError(t, err)
	require.Len(t, h.asked, 2, "a repeated key does nothing anew")
}

// A veto ends the use case with a typed error, and nothing of it remains; a bound base leaves the
// host's transaction usable.
func TestHook_Veto(t *testing.T) {
	t.Parallel()
	env, h := dbtest.New(t), &hookOf{fail: hmstype.Veto("no-counting-on-mondays")}
	env.Base.Hooks = []hmstype.Hook{h.hook()}
	_, err := opCount.Run(env.Ctx, &env.Base, countInput{}, count)
	var veto *hmstype.VetoError
	require.ErrorAs(t, err, &veto)
	require.Equal(t, "no-counting-on-mondays", veto.Rule)
	require.ErrorIs(t, err, hmstype.ErrPrecondition)
	require.Zero(t, counted(t, env))

	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	bound := env.Base.Bind(tx, env.Base.Authorizer)
	_, err = opCount.Run(env.Ctx, &bound, countInput{}, count)
	require.ErrorIs(t, err, hmstype.ErrPrecondition)
	h.fail = nil
	_, err = opCount.Run(env.Ctx, &bound, countInput{}, count)
	require.NoError(t, err, "the host swallowed the veto and goes on")
	require.NoError(t, tx.Commit())
	require.Equal(t, int64(1), counted(t, env))
}

// A use case that is tried again asks its hooks again, each time in the host's role.
func TestHook_IsAskedAgainAtARetry(t *testing.T) {
	t.Parallel()
	env, h := dbtest.New(t), &hookOf{}
	env.Base.Hooks = []hmstype.Hook{h.hook()}
	tries := 0
	_, err := opCount.Run(env.Ctx, &env.Base, countInput{}, func(
		ctx context.Context, db dbx.DB, in countInput,
	) (int64, error) {
		if tries++; tries < 3 {
			_, err := db.Exec(ctx, `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`)
			return 0, err
		}
		return count(ctx, db, in)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"before test.count", "before test.count", "before test.count", "after test.count"}, h.asked)
	for _, role := range h.roles {
		require.Equal(t, "postgres", role)
	}
	require.Equal(t, int64(1), counted(t, env))
}

// A hook that panics ends the use case; pool and host's transaction are as before.
func TestHook_Panics(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Base.Hooks = []hmstype.Hook{{After: func(context.Context, hmstype.HookCall) error { panic("host") }}}
	require.Panics(t, func() { _, _ = opCount.Run(env.Ctx, &env.Base, countInput{}, count) })
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	bound := env.Base.Bind(tx, env.Base.Authorizer)
	require.Panics(t, func() { _, _ = opCount.Run(env.Ctx, &bound, countInput{}, count) })
	var role string
	require.NoError(
		t,
		tx.QueryRowContext(
			t.Context(), `SELECT current_user || coalesce(current_setting('hms.tenant', true), '')`,
		).Scan(&role),
	)
	require.Equal(t, "postgres", role)
	require.NoError(t, tx.Commit())
	require.Zero(t, counted(t, env))
}

// An error of the host's own keeps its identity and is no kind of ours.
func TestHook_Fails(t *testing.T) {
	t.Parallel()
	env, h := dbtest.New(t), &hookOf{fail: errHost}
	env.Base.Hooks = []hmstype.Hook{h.hook()}
	_, err := opCount.Run(env.Ctx, &env.Base, countInput{}, count)
	require.ErrorIs(t, err, errHost)
	require.Equal(t, hmstype.KindInternal, hmstype.KindOf(err))
	require.Zero(t, counted(t, env))
}

// watcher is an observer that keeps what it was told.
type watcher struct {
	began    []hmstype.UseCase
	outcomes []hmstype.Outcome
}

type watchedKey struct{}

func (w *watcher) Begin(ctx context.Context, of hmstype.UseCase) (context.Context, func(hmstype.Outcome)) {
	w.began = append(w.began, of)
	return context.WithValue(ctx, watchedKey{}, of.Operation), func(o hmstype.Outcome) {
		w.outcomes = append(w.outcomes, o)
	}
}

func TestObserver_BracketsEveryUseCase(t *testing.T) {
	t.Parallel()
	env, w := dbtest.New(t), &watcher{}
	env.Base.Observers = []hmstype.Observer{w}
	actor := hmstype.SystemActor(env.Tenant, "test")
	actor.RequestID = "request-1"
	ctx := hmstype.WithActor(t.Context(), actor)
	_, err := opCount.Run(ctx, &env.Base, countInput{}, func(
		ctx context.Context, db dbx.DB, in countInput,
	) (int64, error) {
		require.Equal(t, "test.count", ctx.Value(watchedKey{}), "the rule runs under the observer's context")
		return count(ctx, db, in)
	})
	require.NoError(t, err)
	_, err = opCount.Run(env.As(t), &env.Base, countInput{}, count)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = opCount.Run(t.Context(), &env.Base, countInput{}, count)
	require.ErrorIs(t, err, hmstype.ErrUnauthenticated)

	require.Equal(t, hmstype.UseCase{Operation: "test.count", Tenant: env.Tenant, RequestID: "request-1"}, w.began[0])
	require.Equal(t, hmstype.UseCase{Operation: "test.count"}, w.began[len(w.began)-1], "nobody proved anything")
	kinds := []hmstype.Kind{}
	for _, o := range w.outcomes {
		kinds = append(kinds, o.Kind)
		require.GreaterOrEqual(t, o.Duration, time.Duration(0))
	}
	require.Equal(t, []hmstype.Kind{hmstype.KindNone, hmstype.KindPermissionDenied, hmstype.KindUnauthenticated}, kinds)
	require.Equal(t, int64(3), w.outcomes[0].RoundTrips, "begin, the counter, COMMIT")
}
