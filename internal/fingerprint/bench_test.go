package fingerprint_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fingerprint"
)

// What a verification, and each checkpoint, pays for the fingerprint.
func BenchmarkRead(b *testing.B) {
	e := dbtest.New(b)
	var sum fingerprint.Sum
	for b.Loop() {
		tx, err := e.DB.DB.BeginTx(b.Context(), nil)
		require.NoError(b, err)
		c, err := fingerprint.Read(b.Context(), func(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
			return tx.QueryContext(ctx, query, dbx.Arguments(e.DB, args...)...)
		})
		require.NoError(b, err)
		require.NoError(b, tx.Rollback())
		sum = c.Sum()
	}
	require.NotZero(b, sum)
}
