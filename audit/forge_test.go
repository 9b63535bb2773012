package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// SQL of somebody's own under the application's role writes no event but by the triggers and by record_access, which
// set the time and the transaction themselves and take the actor from the transaction's settings.
func TestTrail_IsNotForged(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for name, statement := range map[string]string{
		"Insert": `INSERT INTO hms.audit_event (tenant_id, recorded_at, xid, actor, action, entity, entity_id, operation,
			request_id, purpose) VALUES (?0, '2099-01-01', '9223372036854775807', 'human:somebody', 'read', 'patient', 'x',
			'patient.get', '', '')`,
		"Partition": `INSERT INTO hms.audit_event_default (tenant_id, actor, action, entity, entity_id, operation,
			request_id, purpose) VALUES (?0, 'human:somebody', 'read', 'patient', 'x', 'patient.get', '', '')`,
		"Write": `SELECT hms.audit_write(?0, 'read', 'patient', 'x', NULL, NULL)`,
	} {
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.NewRaw(statement, env.Tenant).Exec(ctx)
			return err
		})
		require.Equal(t, hmstype.KindPermissionDenied, hmstype.KindOf(err), "%s: %v", name, err)
	}
	err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.NewRaw(`SELECT hms.record_access(?, 'read', 'patient', 'x', NULL)`, dbtest.New(t).Tenant).Exec(ctx)
		return err
	})
	require.Error(t, err, "another tenant's trail")

	before := time.Now()
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.NewRaw(`SELECT hms.record_access(?, 'read', 'forged', 'x', NULL)`, env.Tenant).Exec(ctx)
		return err
	}))
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND entity = 'forged' AND actor = 'system:test' AND recorded_at BETWEEN ? AND now()`,
		env.Tenant, before.Add(-time.Minute)))
}

// What a superuser does by SQL of his own, without a tenant set, is on the trail of the rows' tenant, and his
// transaction goes on with the settings that it had.
func TestTrail_OfAdministrator(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.NewRaw(`UPDATE hms.tenant SET name = 'By hand' WHERE tenant_id = ?`, env.Tenant).Exec(t.Context())
	require.NoError(t, err)
	var left string
	require.NoError(t, tx.NewRaw(`SELECT coalesce(current_setting('hms.tenant', true), '')`).Scan(t.Context(), &left))
	require.Empty(t, left)
	require.NoError(t, tx.Commit())
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND entity = 'tenant' AND action = 'update' AND actor LIKE 'database:%'`, env.Tenant))
}
