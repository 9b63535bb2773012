package audit_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestService_ListEvents(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	user := env.User(t, identity.RoleNurse)
	_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: user.ID, Status: identity.UserLocked})
	require.NoError(t, err)

	list, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Entity: "user_account", EntityID: user.ID.String()})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	require.Equal(t, audit.ActionUpdate, list.Items[0].Action)
	require.Equal(t, "identity.set_user_status", list.Items[0].Operation)
	require.Equal(t, "system:test", list.Items[0].Actor.String())
	require.Equal(t, hmstype.PurposeOperations, list.Items[0].Purpose)
	var changes map[string][2]any
	require.NoError(t, json.Unmarshal(list.Items[0].Changes, &changes))
	require.Equal(t, [2]any{"active", "locked"}, changes["status"])
	require.Len(t, changes, 2, "only status and version changed")
	require.Equal(t, audit.ActionCreate, list.Items[1].Action)

	t.Run("PagesWithoutRepeating", func(t *testing.T) {
		t.Parallel()
		seen := map[hmstype.AuditEventID]bool{}
		query := audit.ListEventsInput{Entity: "role", Page: hmstype.Page{Limit: 2}}
		for {
			list, err := s.ListEvents(env.Ctx, query)
			require.NoError(t, err)
			for _, e := range list.Items {
				require.False(t, seen[e.ID])
				seen[e.ID] = true
			}
			if list.Next == "" {
				break
			}
			query.Page.Cursor = list.Next
		}
		require.Len(t, seen, 10, "one event per standard role")
	})

	t.Run("NeedsPermission", func(t *testing.T) {
		t.Parallel()
		_, err := s.ListEvents(env.As(t, identity.RoleNurse), audit.ListEventsInput{})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	})

	t.Run("OtherTenantSeesNothing", func(t *testing.T) {
		t.Parallel()
		other := dbtest.New(t)
		list, err := s.ListEvents(other.Ctx, audit.ListEventsInput{Entity: "user_account", EntityID: user.ID.String()})
		require.NoError(t, err)
		require.Empty(t, list.Items)
	})
}

func TestEvent_AppendOnly(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for _, statement := range []string{
		`UPDATE hms.audit_event SET actor = 'x' WHERE tenant_id = $1`,
		`DELETE FROM hms.audit_event WHERE tenant_id = $1`,
	} {
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, statement, env.Tenant)
			return err
		})
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "the application's role has no right to")
	}
	_, err := env.DB.NewRaw(`UPDATE hms.audit_event SET actor = 'x' WHERE tenant_id = ?`, env.Tenant).Exec(t.Context())
	require.Equal(t, "HM002", dbx.SQLState(err), "and the trigger refuses the superuser")
}

func TestTrigger_RawSQL(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := env.User(t)
	_, err := env.DB.NewRaw(`UPDATE hms.user_account SET language = 'sw' WHERE tenant_id = ? AND id = ?`, env.Tenant,
		user.ID).Exec(t.Context())
	require.NoError(t, err)
	list, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{Entity: "user_account", EntityID: user.ID.String(),
			Actions: []audit.Action{audit.ActionUpdate}})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Regexp(t, "^database:", list.Items[0].Actor.String())
}

// Events that one statement leaves have ids in the order in which they were recorded.
func TestEvents_IDsAscend(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	_, err := env.DB.ExecContext(t.Context(), `INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id,
		operation, request_id, purpose)
		SELECT ?, 'x', 'read', 'test', i::text, '', '', '' FROM generate_series(1, 2000) AS i`, env.Tenant)
	require.NoError(t, err)
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM (SELECT id < lag(id) OVER (ORDER BY recorded_at)
		AND recorded_at > lag(recorded_at) OVER (ORDER BY recorded_at)
		+ interval '2 microseconds' AS back FROM hms.audit_event WHERE tenant_id = ? AND entity = 'test') AS e
			WHERE back`, env.Tenant))
	require.Equal(t, []string{"7", "10"}, strings.Fields(dbtest.Scalar[string](t, env, `SELECT substr(id::text, 15,
		1) || ' ' || (get_byte(uuid_send(id), 8) >> 6)::bit(2)
		FROM hms.audit_event WHERE tenant_id = ? AND entity = 'test' LIMIT 1`, env.Tenant)))
}
