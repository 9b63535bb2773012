package interop

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// together runs migrators at once, and gives their errors.
func together(ctx context.Context, dsn string, to ...func(context.Context, string, int) error) []error {
	failed := make([]error, len(to))
	var wg sync.WaitGroup
	for i, one := range to {
		wg.Go(func() { failed[i] = one(ctx, dsn, last) })
	}
	wg.Wait()
	return failed
}

// requireTurns tells that one of the migrators succeeded, and the others did or met a step that was
// there already.
func requireTurns(t *testing.T, failed []error) {
	t.Helper()
	good := 0
	for _, err := range failed {
		if err == nil {
			good++
			continue
		}
		require.ErrorContains(t, err, "is there already")
	}
	require.Positive(t, good)
}

// Two of a kind at once on an empty database: the tools that have a lock both end well.
func TestConcurrent_TwoOfAKind(t *testing.T) {
	t.Parallel()
	locks := map[string]bool{"Migrate": true, "Goose": true, "GolangMigrate": true}
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			failed := together(t.Context(), dsn, w.to, w.to)
			requireTurns(t, failed)
			if locks[w.name] {
				require.Equal(t, []error{nil, nil}, failed)
			}
			requireWhole(t, dsn)
		})
	}
}

// Without its lock goose is refused where another was faster.
func TestConcurrent_GooseWithoutItsLock(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	bare := func(ctx context.Context, dsn string, step int) error { return gooseWith(ctx, dsn, step) }
	requireTurns(t, together(t.Context(), dsn, bare, bare))
	requireWhole(t, dsn)
}

// An instance that migrates by itself beside a tool: they take turns, step by step.
func TestConcurrent_MigrateBesideATool(t *testing.T) {
	t.Parallel()
	for _, w := range steppers() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			failed := together(t.Context(), dsn, byMigrate, w.to)
			require.NoError(t, failed[0], "Migrate sees what others did")
			requireTurns(t, failed)
			requireWhole(t, dsn)
		})
	}
}
