package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
)

// The demo's first hospital reaches every use case, and its proof holds.
func TestLiveOnce(t *testing.T) {
	t.Parallel()
	lived, err := liveOnce(t.Context(), dbtest.NewOwn(t).DB)
	require.NoError(t, err)
	missed, all := lived.Missed()
	require.Empty(t, missed)
	rows, proved, err := lived.prove()
	require.NoError(t, err)
	require.True(t, proved, "%v", rows)
	require.Len(t, rows, 2)

	lived.Reached = map[string]bool{}
	_, proved, err = lived.prove()
	require.NoError(t, err)
	require.False(t, proved, "a use case that was not reached is told, of %d", all)
}

// A login that may not seal leaves the log's use cases out, and nothing else.
func TestLiveOnce_WithoutSealing(t *testing.T) {
	t.Parallel()
	require.True(t, isSealing([]string{"audit.Seal", "audit.VerifyLog"}))
	require.False(t, isSealing([]string{"audit.Seal", "audit.RecordDisclosure"}))
	env := dbtest.NewOwn(t)
	lived, err := liveOnce(t.Context(), env.DB)
	require.NoError(t, err)
	lived.sealed = false
	for _, name := range sealing {
		delete(lived.Reached, name)
	}
	rows, proved, err := lived.prove()
	require.NoError(t, err)
	require.True(t, proved)
	require.Contains(t, rows[0], "in part")
}

// What stops the day comes back as an error.
func TestLiveOnce_TellsWhatStoppedIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	who := &listener{ctx: ctx}
	who.run(func() {
		who.Errorf("%s: %w", "identity.CreateTenant", context.Canceled)
		who.FailNow()
		who.Errorf("the day goes on")
	})
	require.EqualError(t, who.err, "identity.CreateTenant: context canceled")
	db := dbtest.NewOwn(t).DB
	cancel()
	_, err := liveOnce(ctx, db)
	require.ErrorIs(t, err, context.Canceled)
}
