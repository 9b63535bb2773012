package identity_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// The installation's scheduler sees which tenants there are, page by page, and nothing else of them.
func TestListTenants(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	var found []hmstype.TenantID
	page := hmstype.Page{Limit: 1}
	for {
		list, err := identity.ListTenants(t.Context(), env.Base.DB, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), 1)
		found = append(found, list.Items...)
		if page.Cursor = list.Next; page.Cursor == "" {
			break
		}
	}
	require.Contains(t, found, env.Tenant)
	require.Contains(t, found, other.Tenant)
	require.True(t, slices.IsSortedFunc(found, func(a, b hmstype.TenantID) int {
		x, y := a.UUID(), b.UUID()
		return slices.Compare(x[:], y[:])
	}))
	_, err := identity.ListTenants(t.Context(), env.Base.DB, hmstype.Page{Limit: -1})
	require.ErrorIs(t, err, hmstype.ErrInvalid)

	for name, query := range map[string]string{
		"Names":    `SELECT name FROM hms.tenant`,
		"Patients": `SELECT count(*) FROM hms.patient`,
		"Accounts": `SELECT count(*) FROM hms.user_account`,
		"Writes":   `UPDATE hms.tenant SET name = ''`,
	} {
		tx, err := env.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err, name)
		_, err = tx.ExecContext(t.Context(), "SET LOCAL ROLE "+dbx.SchedulerRole)
		require.NoError(t, err, name)
		_, err = tx.ExecContext(t.Context(), query)
		require.Equal(t, "42501", dbx.SQLState(err), name)
		require.NoError(t, tx.Rollback(), name)
	}
	for _, role := range []string{dbx.AppRole, dbx.SealerRole} {
		tx, err := env.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err, role)
		_, err = tx.ExecContext(t.Context(), "SET LOCAL ROLE "+role)
		require.NoError(t, err, role)
		seen, err := tx.NewRaw(`SELECT tenant_id FROM hms.tenant`).Exec(t.Context())
		if err == nil {
			n, countErr := seen.RowsAffected()
			require.NoError(t, countErr)
			require.Zero(t, n, role)
		} else {
			require.Equal(t, "42501", dbx.SQLState(err), role)
		}
		require.NoError(t, tx.Rollback(), role)
	}
}
