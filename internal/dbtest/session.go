package dbtest

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
)

// Named gives a DSN whose sessions bear a name of the test's own, by which [EndSessions] knows them.
func Named(tb testing.TB, dsn string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	require.NoError(tb, err)
	parameters := u.Query()
	parameters.Set("application_name", "hms test "+uuid.NewString())
	u.RawQuery = parameters.Encode()
	return u.String()
}

// errUnnamed keeps a test from ending the sessions of all that have no name.
var errUnnamed = errors.New("a test ends its own sessions: open them by a DSN of Named")

// EndSessions ends the sessions that bear the same name as db's, but for the one that it uses itself, and
// tells how many. where may narrow it further, by the columns of pg_stat_activity. Whoever else uses
// the server, or the database, goes on.
func EndSessions(ctx context.Context, db *bun.DB, where string) (ended int, err error) {
	var name string
	if err := db.NewRaw(`SHOW application_name`).Scan(ctx, &name); err != nil {
		return 0, err
	}
	if name == "" {
		return 0, errUnnamed
	}
	err = db.NewRaw(`SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity
		WHERE application_name = ? AND pid <> pg_backend_pid() AND (`+where+`)`, name).Scan(ctx, &ended)
	return ended, err
}
