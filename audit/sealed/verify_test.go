package sealed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_Verify(t *testing.T) {
	t.Parallel()
	// The attacks switch triggers off for the whole table, so the database is the test's own.
	env := dbtest.NewOwn(t)
	s := newService(env.Base, sealed.Config{})
	user := env.User(t, identity.RoleNurse)
	_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: user.ID, Status: identity.UserLocked})
	require.NoError(t, err)
	report := func() sealed.TableReport {
		r, err := s.Verify(env.Ctx)
		require.NoError(t, err)
		for _, table := range r.Tables {
			if table.Table == "user_account" {
				return table
			}
		}
		require.Fail(t, "user_account is not audited")
		return sealed.TableReport{}
	}
	require.Equal(t, sealed.TableReport{Table: "user_account", Rows: 1, Changes: 2}, report())

	attack := func(statement string, args ...any) {
		for _, table := range []string{"user_account", "user_account_status", "audit_event"} {
			_, err := env.DB.ExecContext(t.Context(), "ALTER TABLE hms."+table+" DISABLE TRIGGER USER")
			require.NoError(t, err)
		}
		_, err := env.DB.ExecContext(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	attack(`UPDATE hms.user_account SET phone_number = '555' WHERE id = ?`, user.ID)
	require.Equal(t, int64(1), report().Unexplained, "a change past the triggers")
	attack(`UPDATE hms.user_account SET phone_number = '' WHERE id = ?`, user.ID)
	require.Zero(t, report().Unexplained)

	attack(`UPDATE hms.audit_event SET changes = jsonb_set(changes, '{first_name}', '"Other"') WHERE entity_id = ?
		AND action = 'create'`, user.ID.String())
	require.Equal(t, int64(1), report().Unexplained, "an edited event")
	attack(`DELETE FROM hms.audit_event WHERE entity_id = ? AND action = 'create'`, user.ID.String())
	require.Equal(t, int64(1), report().Untold, "a removed event")
	attack(`DELETE FROM hms.user_role`)
	attack(`DELETE FROM hms.user_look`)
	attack(`DELETE FROM hms.user_account_status`)
	attack(`DELETE FROM hms.user_account WHERE id = ?`, user.ID)
	require.Equal(t, int64(1), report().Vanished, "a removed row")
}
