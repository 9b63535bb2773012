package dbtest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/internal/dbx"
)

// HostTx is a transaction that a host began.
type HostTx struct {
	Tx       any                                                           // bun.Tx, *sql.Tx or pgx.Tx
	Exec     func(ctx context.Context, query string) error                 // what the host does in it next to us
	Scan     func(ctx context.Context, query string, dest ...any) error    // reads one row
	Commit   func() error                                                  // ends it
	Rollback func() error                                                  // ends it
	Within   func(ctx context.Context, fn func(nested HostTx) error) error // fn in a savepoint of the host's, then undone
	Bind     func(h dbx.Handle) dbx.Handle                                 // gives the handle that joins it
}

// WayToJoin is a kind of transaction that the library can join.
type WayToJoin struct {
	Name string
	// Begin begins a transaction in a database: on db, or on a pool or a connection of pgx's own.
	Begin func(tb testing.TB, db *bun.DB, dsn string) HostTx
}

// WaysToJoin are all of them. Every test of host's transactions runs over this table.
var WaysToJoin = []WayToJoin{
	{"bun.Tx", func(tb testing.TB, db *bun.DB, _ string) HostTx {
		tb.Helper()
		tx, err := db.BeginTx(tb.Context(), nil)
		require.NoError(tb, err)
		return hostSQL(tx, tx.Tx)
	}},
	{"sql.Tx", func(tb testing.TB, db *bun.DB, _ string) HostTx {
		tb.Helper()
		tx, err := db.DB.BeginTx(tb.Context(), nil)
		require.NoError(tb, err)
		return hostSQL(tx, tx)
	}},
	{"pgxpool.Tx", func(tb testing.TB, _ *bun.DB, dsn string) HostTx {
		tb.Helper()
		tx, err := pgxPool(tb, dsn).Begin(tb.Context())
		require.NoError(tb, err)
		// A test that failed left it open, and the pool would wait for it.
		tb.Cleanup(func() { _ = tx.Rollback(context.Background()) })
		return hostPgx(tx)
	}},
	{"pgx.Tx", func(tb testing.TB, _ *bun.DB, dsn string) HostTx {
		tb.Helper()
		return beginPgx(tb, dsn)
	}},
	{"pgx.Tx uncached", func(tb testing.TB, _ *bun.DB, dsn string) HostTx {
		tb.Helper()
		return beginPgx(tb, dsn, func(c *pgx.ConnConfig) {
			c.DefaultQueryExecMode, c.StatementCacheCapacity, c.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
		})
	}},
	{"pgx.Tx in a savepoint", func(tb testing.TB, _ *bun.DB, dsn string) HostTx {
		tb.Helper()
		outer := beginPgx(tb, dsn)
		inner, err := outer.Tx.(pgx.Tx).Begin(tb.Context())
		require.NoError(tb, err)
		host := hostPgx(inner)
		commit := host.Commit
		host.Commit = func() error {
			if err := commit(); err != nil {
				return err
			}
			return outer.Commit()
		}
		return host
	}},
}

// pgxPool gives a host's own pool, closed at the test's end.
func pgxPool(tb testing.TB, dsn string) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(tb, err)
	config.MaxConns, config.MinConns = 1, 0
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// beginPgx begins on a connection of its own, closed at the test's end.
func beginPgx(tb testing.TB, dsn string, change ...func(*pgx.ConnConfig)) HostTx {
	tb.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(tb, err)
	for _, c := range change {
		c(config)
	}
	conn, err := pgx.ConnectConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, conn.Close(context.Background())) })
	tx, err := conn.Begin(tb.Context())
	require.NoError(tb, err)
	return hostPgx(tx)
}

func hostSQL(tx bun.IConn, plain *sql.Tx) HostTx {
	host := HostTx{
		Tx: tx, Commit: plain.Commit, Rollback: plain.Rollback,
		Exec: func(ctx context.Context, query string) error { _, err := plain.ExecContext(ctx, query); return err },
		Scan: func(ctx context.Context, query string, dest ...any) error {
			return plain.QueryRowContext(ctx, query).Scan(dest...)
		},
		Bind: func(h dbx.Handle) dbx.Handle { return h.Bind(tx) },
	}
	host.Within = func(ctx context.Context, fn func(HostTx) error) error {
		if err := host.Exec(ctx, "SAVEPOINT host"); err != nil {
			return err
		}
		if err := fn(host); err != nil {
			return err
		}
		return host.Exec(ctx, "ROLLBACK TO SAVEPOINT host")
	}
	return host
}

func hostPgx(tx pgx.Tx) HostTx {
	return HostTx{
		Tx:       tx,
		Commit:   func() error { return tx.Commit(context.Background()) },
		Rollback: func() error { return tx.Rollback(context.Background()) },
		Exec:     func(ctx context.Context, query string) error { _, err := tx.Exec(ctx, query); return err },
		Scan: func(ctx context.Context, query string, dest ...any) error {
			return tx.QueryRow(ctx, query).Scan(dest...)
		},
		Bind: func(h dbx.Handle) dbx.Handle { return h.BindPgx(tx) },
		Within: func(ctx context.Context, fn func(HostTx) error) error {
			nested, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			if err := fn(hostPgx(nested)); err != nil {
				return err
			}
			return nested.Rollback(ctx)
		},
	}
}
