package outbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/outbox"
)

// An event that never goes through keeps its own entity waiting, and nobody else.
func TestService_Relay_IsolatesPoison(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := outbox.New(env.Base)
	poison := hmstype.NewID[hmstype.BedID]()
	entities := []hmstype.BedID{poison}
	for range 7 {
		entities = append(entities, hmstype.NewID[hmstype.BedID]())
	}
	emit(t, env, entities, 7)
	delivered := map[string]int{}
	for range 200 {
		_, _ = s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
			if e.EntityID == poison.String() {
				return errors.New("cannot be read")
			}
			require.Equal(t, delivered[e.EntityID], number(t, e))
			delivered[e.EntityID]++
			return nil
		})
	}
	require.Len(t, delivered, 7)
	for _, id := range entities[1:] {
		require.Equal(t, 7, delivered[id.String()])
	}
}

// Which of two events came first the database's clock tells: an id is made by the clock of a host, and
// two hosts have two.
func TestService_Relay_KeepsTheOrderOfHostsWithDifferentClocks(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := outbox.New(env.Base)
	bed := hmstype.NewID[hmstype.BedID]()
	emit(t, env, []hmstype.BedID{bed}, 1)
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		return db.Emit(ctx, dbx.Event{Type: eventTest, ID: bed, Data: map[string]int{"n": 1}})
	}))
	_, err := env.DB.NewRaw(`UPDATE hms.outbox SET id = '00000000-0000-7000-8000-000000000001'
		WHERE tenant_id = ? AND data ->> 'n' = '1'`, env.Tenant).Exec(t.Context()) // made by a clock that is slow
	require.NoError(t, err)
	var got []int
	for range 2 {
		_, err = s.Relay(env.Ctx, func(_ context.Context, e outbox.Event) error {
			got = append(got, number(t, e))
			return nil
		})
		require.NoError(t, err)
	}
	require.Equal(t, []int{0, 1}, got)
}

// The host's function runs in no transaction of ours: it may take its time, and it may call us.
func TestService_Relay_RunsTheHostsFunctionOutsideOfATransaction(t *testing.T) {
	t.Parallel()
	env := dbtest.NewOwn(t)
	s := outbox.New(env.Base)
	emit(t, env, []hmstype.BedID{hmstype.NewID[hmstype.BedID]()}, 1)
	_, err := s.Relay(env.Ctx, func(ctx context.Context, _ outbox.Event) error {
		open := dbtest.Scalar[int](t, env, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`)
		require.Zero(t, open)
		_, err := env.Identity.ListRoles(ctx)
		return err
	})
	require.NoError(t, err)
}
