package hostile_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

// as runs statements as hms_app in a transaction that names a tenant, and commits.
func as(t *testing.T, e *hmstest.Env, tenant hms.TenantID, statements ...string) error {
	t.Helper()
	ctx := context.Background()
	tx, err := e.DB.BeginTx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, s := range append([]string{
		"SET LOCAL ROLE hms_app", "SET LOCAL hms.tenant = '" + tenant.String() + "'",
	}, statements...) {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// super runs statements as the superuser.
func super(t *testing.T, e *hmstest.Env, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := e.DB.NewRaw(s).Exec(context.Background())
		require.NoError(t, err, s)
	}
}

// count gives a number that SQL tells the superuser, also in a session whose settings were changed.
func count(t *testing.T, e *hmstest.Env, query string, args ...any) (n int) {
	t.Helper()
	args = append([]any{pgx.QueryExecModeExec}, args...)
	require.NoError(t, e.DB.DB.QueryRowContext(context.Background(), query, args...).Scan(&n))
	return n
}
