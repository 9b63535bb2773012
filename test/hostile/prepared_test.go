package hostile_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbx"
)

// In hardened mode no statement of ours goes by a name: whoever puts another statement behind the names that a
// connection has gets nothing of the next transaction.
func TestHardened_NothingGoesByName(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	who := e.Patient(t)
	e.DB.SetMaxIdleConns(0) // those that were there before it was hardened
	e.DB.SetMaxIdleConns(1)
	e.DB.SetMaxOpenConns(1)
	for range 3 {
		_, err := e.H.Patient.Get(e.Ctx, who.ID)
		require.NoError(t, err)
	}
	require.NoError(t, injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
		var named int
		err := db.QueryRow(ctx, `SELECT count(*) FROM pg_catalog.pg_prepared_statements`).Scan(&named)
		require.Zero(t, named)
		return err
	}))
}
