package dbx

import (
	"database/sql"
	"fmt"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/chelal/hms/hmstype"
)

// Open makes a pool over pgx for Bun. pgx's default mode is set to the simple protocol, for the
// host's own queries: Bun writes their values into the text, and pgx would prepare each text anew.
// Ours name their mode themselves. It does no I/O.
func Open(dsn string) (*bun.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx repeats the DSN, with its password masked at best; say where and no more.
		return nil, fmt.Errorf("%w: the database's DSN cannot be read", hmstype.ErrInvalid)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	pool := stdlib.OpenDB(*config)
	setPoolSize(pool)
	return bun.NewDB(pool, pgdialect.New()), nil
}

// setPoolSize bounds the pool: a few connections per core serve PostgreSQL best, and an
// unbounded pool turns a rush into "too many connections".
func setPoolSize(pool *sql.DB) {
	size := max(10, 4*runtime.NumCPU())
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(5 * time.Minute)
}
