package pgxtx_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"go.uber.org/goleak"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/pgxtx"
)

// begin gives a pgx transaction of the host's, rolled back at the test's end. change may change
// how the host connects.
func begin(t testing.TB, change ...func(*pgx.ConnConfig)) pgx.Tx {
	t.Helper()
	config, err := pgx.ParseConfig(dbtest.New(t).DSN)
	require.NoError(t, err)
	for _, c := range change {
		c(config)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	return tx
}

func scan[T any](t *testing.T, conn bun.IConn, query string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, conn.QueryRowContext(t.Context(), query, args...).Scan(&v))
	return v
}

func TestOpen_RowsAffected(t *testing.T) {
	t.Parallel()
	conn := pgxtx.Open(begin(t))
	exec(t, conn, `CREATE TEMPORARY TABLE thing (id int)`)
	require.Equal(t, int64(3), exec(t, conn, `INSERT INTO thing SELECT generate_series(1, 3)`))
	require.Equal(t, int64(2), exec(t, conn, `UPDATE thing SET id = id + $1 WHERE id > $2`, 10, 1))
	require.Equal(t, int64(0), exec(t, conn, `DELETE FROM thing WHERE id = $1`, pgx.QueryExecModeExec, 99))
}

// Bun's queries differ in text each time: none may be prepared. Those with arguments are,
// where the host's connection keeps prepared statements.
func TestOpen_Prepares(t *testing.T) {
	t.Parallel()
	const prepared = `SELECT count(*) FROM pg_prepared_statements
		WHERE statement LIKE '%sentinel%' AND statement NOT LIKE '%prepared%'`
	use := func(t *testing.T, conn *sql.Conn) int64 {
		t.Helper()
		db := bun.NewDB(sql.OpenDB(nil), pgdialect.New())
		defer func() { require.NoError(t, db.Close()) }()
		var text string
		require.NoError(t, db.NewSelect().Conn(conn).ColumnExpr("? AS sentinel", "it's").Scan(t.Context(), &text))
		require.Equal(t, "it's", text)
		_, err := db.NewRaw(`SELECT ? AS sentinel`, 2).Conn(conn).Exec(t.Context())
		require.NoError(t, err)
		require.Zero(t, scan[int64](t, conn, prepared), "Bun's are not")
		for i := range 3 {
			require.Equal(t, int64(i), scan[int64](t, conn, `SELECT $1::bigint AS sentinel`, pgx.QueryExecModeCacheStatement, i))
			require.Equal(t, int64(i), scan[int64](t, conn, `SELECT $1::bigint AS sentinel`, i))
			require.Equal(t, int64(i), scan[int64](t, conn, `SELECT -$1::bigint AS sentinel`, pgx.QueryExecModeExec, -i))
		}
		return scan[int64](t, conn, prepared)
	}
	for name, tt := range map[string]struct {
		change func(*pgx.ConnConfig)
		want   int64
	}{
		"Default":   {func(*pgx.ConnConfig) {}, 1},
		"NoCache":   {func(c *pgx.ConnConfig) { c.StatementCacheCapacity = 0 }, 0},
		"ExecMode":  {func(c *pgx.ConnConfig) { c.DefaultQueryExecMode = pgx.QueryExecModeExec }, 0},
		"Simple":    {func(c *pgx.ConnConfig) { c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol }, 0},
		"Described": {func(c *pgx.ConnConfig) { c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, use(t, pgxtx.Open(begin(t, tt.change))))
		})
	}
}

func TestOpen_Errors(t *testing.T) {
	t.Parallel()
	tx := begin(t)
	conn := pgxtx.Open(tx)
	for name, run := range map[string]func() error{
		"Exec": func() error { _, err := conn.ExecContext(t.Context(), `SELECT 1 / 0`); return err },
		"Query": func() error {
			_, err := conn.QueryContext(t.Context(), `SELECT 1 / $1`, 0) //nolint:rowserrcheck,sqlclosecheck // there are none
			return err
		},
		"QueryRow": func() error { return conn.QueryRowContext(t.Context(), `SELECT 1 / 0`).Scan(new(int)) },
		"Midway": func() error {
			rows, err := conn.QueryContext(t.Context(), `SELECT 1 / (3 - i) FROM generate_series(1, 5) AS i`)
			require.NoError(t, err)
			defer func() { _ = rows.Close() }()
			read := 0
			for rows.Next() {
				read++
			}
			require.Equal(t, 2, read)
			return rows.Err()
		},
	} {
		exec(t, conn, `SAVEPOINT a`)
		var pg *pgconn.PgError
		require.ErrorAs(t, run(), &pg, name)
		require.Equal(t, "22012", pg.Code, name)
		exec(t, conn, `ROLLBACK TO SAVEPOINT a`)
	}
	require.ErrorIs(t, conn.QueryRowContext(t.Context(), `SELECT 1 WHERE false`).Scan(new(int)), sql.ErrNoRows)
}

// A statement whose context has ended was not sent: the transaction, and the connection that
// rolls back to a savepoint in it, go on.
func TestOpen_CancelledBefore(t *testing.T) {
	t.Parallel()
	conn := pgxtx.Open(begin(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := conn.ExecContext(ctx, `SELECT 1`)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, conn.QueryRowContext(ctx, `SELECT $1::int`, 1).Scan(new(int)), context.Canceled)
	require.Equal(t, 1, scan[int](t, conn, `SELECT 1`))
}

// One that ends under way ends the statement, and with it, as pgx does it, the connection.
func TestOpen_CancelledUnderWay(t *testing.T) {
	t.Parallel()
	tx, other := begin(t), begin(t)
	conn := pgxtx.Open(tx)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(ctx, `SELECT pg_sleep(60)`)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		var underWay bool
		err := other.QueryRow(t.Context(), `SELECT coalesce(wait_event, '') = 'PgSleep'
			FROM pg_stat_activity, pg_stat_clear_snapshot()
			WHERE pid = $1`, tx.Conn().PgConn().PID()).Scan(&underWay)
		return err == nil && underWay
	}, 10*time.Second, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err := conn.ExecContext(t.Context(), `SELECT 1`)
	require.ErrorContains(t, err, "conn closed")
}

// The transaction is the host's, and only the host ends it.
func TestOpen_NeverEndsTheHosts(t *testing.T) {
	t.Parallel()
	tx := begin(t)
	conn := pgxtx.Open(tx)
	_, err := conn.BeginTx(t.Context(), nil)
	require.ErrorContains(t, err, "the host's")
	_, err = conn.PrepareContext(t.Context(), `SELECT 1`) //nolint:sqlclosecheck // there is none
	require.ErrorContains(t, err, "the host's")
	require.NoError(t, conn.Raw(func(driverConn any) error {
		require.Same(t, tx.Conn(), driverConn.(interface{ Conn() *pgx.Conn }).Conn())
		return nil
	}))
	require.NoError(t, conn.Close())
	_, err = tx.Exec(t.Context(), `SELECT 1`)
	require.NoError(t, err, "closing ours left the host's open")
	require.Equal(t, byte('T'), tx.Conn().PgConn().TxStatus())
}

// A savepoint or a transaction that has ended is refused, though its connection lives on.
func TestOpen_EndedIsRefused(t *testing.T) {
	t.Parallel()
	outer := begin(t)
	inner, err := outer.Begin(t.Context())
	require.NoError(t, err)
	for _, tx := range []pgx.Tx{inner, outer} {
		conn := pgxtx.Open(tx)
		require.Equal(t, 1, scan[int](t, conn, `SELECT 1`))
		require.NoError(t, tx.Rollback(t.Context()))
		_, err := conn.ExecContext(t.Context(), `SELECT 1`)
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		require.ErrorIs(t, conn.QueryRowContext(t.Context(), `SELECT 1`).Scan(new(int)), pgx.ErrTxClosed)
	}
}

// Rows that somebody forgot keep the connection busy, as with any transaction of pgx's; they
// hang nobody up.
func TestOpen_ForgottenRows(t *testing.T) {
	t.Parallel()
	tx := begin(t)
	conn := pgxtx.Open(tx)
	rows, err := conn.QueryContext(context.Background(), `SELECT generate_series(1, 5)`) //nolint:rowserrcheck // forgotten
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), `SELECT 1`)
	require.ErrorContains(t, err, "conn busy")
	require.NoError(t, rows.Close()) //nolint:sqlclosecheck // closed late on purpose
	require.Equal(t, 1, scan[int](t, conn, `SELECT 1`))
}

func TestOpen_LeavesNoGoroutine(t *testing.T) { //nolint:paralleltest // it looks at all goroutines
	tx := begin(t)
	before := goleak.IgnoreCurrent()
	for range 100 {
		require.Equal(t, 1, scan[int](t, pgxtx.Open(tx), `SELECT 1`))
	}
	goleak.VerifyNone(t, before)
}

// BenchmarkOpen is what one binding costs, and a statement on it beside one on pgx's stdlib and one
// on the transaction itself.
func BenchmarkOpen(b *testing.B) {
	tx := begin(b)
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pgxtx.Open(tx)
		}
	})
	b.Run("statement", func(b *testing.B) {
		b.ReportAllocs()
		conn := pgxtx.Open(tx)
		for b.Loop() {
			require.NoError(b, conn.QueryRowContext(b.Context(), `SELECT $1::bigint`, 1).Scan(new(int64)))
		}
	})
	b.Run("statement of stdlib", func(b *testing.B) {
		b.ReportAllocs()
		stdlib, err := dbtest.New(b).DB.DB.BeginTx(b.Context(), nil)
		require.NoError(b, err)
		defer func() { require.NoError(b, stdlib.Rollback()) }()
		for b.Loop() {
			err := stdlib.QueryRowContext(b.Context(), `SELECT $1::bigint`, pgx.QueryExecModeCacheStatement, 1).Scan(new(int64))
			require.NoError(b, err)
		}
	})
	b.Run("statement of pgx", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, tx.QueryRow(b.Context(), `SELECT $1::bigint`, 1).Scan(new(int64)))
		}
	})
}
