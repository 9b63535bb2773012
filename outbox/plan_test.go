package outbox_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/outbox"
)

// pages gives how many pages a statement of a claim touches, as the application's role.
func pages(t *testing.T, env *dbtest.Env, query string) int {
	t.Helper()
	var plan []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		var text []byte
		err := db.QueryRow(ctx, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+query, db.Tenant(), db.Now).Scan(&text)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &plan)
	}))
	return plan[0].Plan.Hit + plan[0].Plan.Read
}

// What was delivered and what waits behind a dead event cost a claim nothing.
func TestService_Relay_ClaimsStayFlat(t *testing.T) {
	t.Parallel()
	env := dbtest.NewOwn(t)
	s := outbox.New(env.Base)
	deliver := func() (total int) {
		for more := true; more; {
			done, err := s.Relay(env.Ctx, func(context.Context, outbox.Event) error { return nil })
			require.NoError(t, err)
			total, more = total+done.Delivered, done.Claimed > 0
		}
		return total
	}
	fill(t, env, 40, 20)
	hold, lock := pages(t, env, outbox.BlockedEvents), pages(t, env, outbox.LockHeads)
	require.Equal(t, 40, deliver())

	fill(t, env, 20_000, 20_000) // delivered
	_, err := env.DB.NewRaw(`UPDATE hms.outbox SET status = 'delivered', delivered_at = due_at, due_at = NULL
		WHERE tenant_id = ? AND status = 'waiting'`, env.Tenant).Exec(t.Context())
	require.NoError(t, err)
	fill(t, env, 20_000, 1) // of one entity, whose first event is dead
	_, err = env.DB.NewRaw(`UPDATE hms.outbox SET status = 'failing', attempts = 50, failure = 'poison', failed_at = due_at
		WHERE tenant_id = ? AND status = 'waiting' AND data ->> 'n' = '0'`, env.Tenant).Exec(t.Context())
	require.NoError(t, err)
	_, err = env.DB.NewRaw(`UPDATE hms.outbox SET status = 'dead', due_at = NULL
		WHERE tenant_id = ? AND status = 'failing'`, env.Tenant).Exec(t.Context())
	require.NoError(t, err)
	require.Zero(t, deliver()+deliver()+deliver(), "the first calls hold what cannot go out")
	_, err = env.DB.NewRaw(`VACUUM ANALYZE hms.outbox`).Exec(t.Context())
	require.NoError(t, err)

	env.Clock.Advance(time.Minute)
	_, err = env.DB.NewRaw(`INSERT INTO hms.outbox (tenant_id, id, event_type, entity, entity_id, data, occurred_at,
			due_at)
		SELECT ?::uuid, gen_random_uuid(), 'outbox.tested', 'bed', 'new' || (i % 20), '{}', ?::timestamptz, ?::timestamptz
		FROM generate_series(1, 40) AS i`, env.Tenant, env.Clock.Now(), env.Clock.Now()).Exec(t.Context())
	require.NoError(t, err)
	t.Logf("pages of an empty house: %d and %d; of a full one: %d and %d", hold, lock,
		pages(t, env, outbox.BlockedEvents), pages(t, env, outbox.LockHeads))
	require.Less(t, pages(t, env, outbox.BlockedEvents), 4*hold+100)
	require.Less(t, pages(t, env, outbox.LockHeads), 4*lock+100)
	require.Equal(t, 40, deliver())
}
