package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/outbox"
)

// What a relay that died had taken on is another's when the lease is over, one event first: it may be what killed it.
func TestService_Relay_TakesOverFromTheDead(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 3)
	n, err := b.s.Die(b.Ctx, func(outbox.Event) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 6, n)
	done, _, err := b.relay()
	require.NoError(t, err)
	require.Zero(t, done, "they are the dead relay's for a minute")
	require.Equal(t, b.Clock.Now().Add(outbox.Lease), b.list(outbox.StatusWaiting)[0].LeaseUntil)

	b.Clock.Advance(outbox.Lease)
	for _, want := range [][]int{{0}, {0}, {1, 1, 2, 2}, nil} {
		_, taken, err := b.relay()
		require.NoError(t, err)
		require.Equal(t, want, taken)
	}
	require.Equal(t, 2, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.outbox
		WHERE tenant_id = ? AND attempts = 1 AND failure = 'lease_expired' AND status = 'delivered'`, b.Tenant))
}

// An event that kills each relay is dead in the end, and its neighbours are not.
func TestService_Relay_GivesUpWhatKillsRelays(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 2)
	for range 2 * outbox.MaxAttempts {
		_, err := b.s.Die(b.Ctx, func(e outbox.Event) bool { return e.EntityID == b.beds[0].String() })
		require.NoError(t, err)
		b.Clock.Advance(outbox.Lease)
	}
	dead := b.list(outbox.StatusDead)
	require.Len(t, dead, 1)
	require.Equal(t, b.beds[0].String(), dead[0].EntityID)
	require.Len(t, b.list(outbox.StatusWaiting), 1, "what is behind it")
	require.Equal(t, 2, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.outbox
		WHERE tenant_id = ? AND entity_id = ? AND status = 'delivered'`, b.Tenant, b.beds[1]))
}

// A relay that was too slow changes nothing of what another has taken over.
func TestService_Relay_LateConfirmation(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 2)
	calls := 0
	slow, err := b.s.Relay(b.Ctx, func(context.Context, outbox.Event) error {
		if calls++; calls > 1 {
			return nil
		}
		b.Clock.Advance(outbox.Lease)
		done, _, err := b.relay(b.beds[0])
		require.ErrorIs(t, err, errBus)
		require.Equal(t, outbox.Relayed{Claimed: 1, Failed: 1}, done)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, outbox.Relayed{Claimed: 2, Lost: 2}, slow)
	failing := b.list(outbox.StatusFailing)
	require.Len(t, failing, 1)
	require.Equal(t, 2, failing[0].Attempts, "the end of the lease, and the failure")
	b.Clock.Advance(time.Minute)
	_, taken, err := b.relay()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, taken)
}

// A lease that is over and that nobody has taken still counts.
func TestService_Relay_LateConfirmationOfWhatNobodyTook(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 2)
	done, err := b.s.Relay(b.Ctx, func(context.Context, outbox.Event) error { b.Clock.Advance(time.Hour); return nil })
	require.NoError(t, err)
	require.Equal(t, outbox.Relayed{Claimed: 2, Delivered: 2}, done)
}

// Events that come while a relay has their entity are due as soon as it is done, not when its lease would be over.
func TestService_Relay_WakesWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 1)
	_, err := b.s.Relay(b.Ctx, func(context.Context, outbox.Event) error {
		emit(t, b.Env, b.beds, 2)
		done, _, err := b.relay() // holds them
		require.NoError(t, err)
		require.Zero(t, done)
		return nil
	})
	require.NoError(t, err)
	_, taken, err := b.relay()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, taken)
}

// What must never be wrong the database refuses from everybody.
func TestSchema_Outbox(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]string{
		"unknown state":                `status = 'lost'`,
		"half a lease":                 `lease_owner = id`,
		"the other half":               `lease_until = due_at`,
		"due before its lease is over": `lease_owner = id, lease_until = due_at + interval '1 s'`,
		"leased and held":              `lease_owner = id, lease_until = due_at, due_at = NULL`,
		"attempts below nothing":       `attempts = -1`,
		"a failure without an attempt": `failure = 'panic'`,
		"an attempt without a failure": `status = 'failing', attempts = 1`,
		"waiting after a failure":      `attempts = 1, failure = 'panic', failed_at = due_at`,
		"failing without a failure":    `status = 'failing'`,
		"delivered at no time":         `status = 'delivered', due_at = NULL`,
		"delivered and due":            `status = 'delivered', delivered_at = due_at`,
		"waiting and delivered":        `delivered_at = due_at`,
		"discarded by nobody":          `status = 'discarded', due_at = NULL`,
		"discarded alive":              `status = 'discarded', due_at = NULL, discard_id = id`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 1, 1)
			_, err := b.DB.NewRaw(`UPDATE hms.outbox SET `+set+` WHERE tenant_id = ?`, b.Tenant).Exec(t.Context())
			require.Error(t, err)
			require.Contains(t, []string{"23514", "23503", "HM001"}, dbx.SQLState(err), err)
		})
	}
	b := newBench(t, 1, 1)
	dbtest.RequireTransitions(t, b.Env, "outbox", outbox.Transitions.Pairs())
}
