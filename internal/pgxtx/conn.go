package pgxtx

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Open gives a connection of database/sql that executes in the host's transaction, which may be
// one in a savepoint. It does no I/O and holds nothing that must be closed; closing it does
// nothing to the host's connection. It is as safe for concurrent use as tx, which must not be nil.
// A transaction that has ended gives [pgx.ErrTxClosed].
//
// Statements without arguments go by the simple protocol, whatever the host's default is: they are
// those that begin, set and end, of which pgx would prepare each text anew. Those with arguments are
// prepared once per connection, where the host's connection keeps prepared statements; a
// [pgx.QueryExecMode] as the first argument asks for another way.
func Open(tx pgx.Tx) *sql.Conn {
	db := sql.OpenDB(connector{&conn{tx: tx, named: keepsNames(tx)}})
	// The pool is closed at once, for it runs a goroutine as long as it is open. A connection
	// that it gave out goes on, having no more to do with it.
	defer func() { _ = db.Close() }() // it has no idle connection whose closing could fail
	c, err := db.Conn(context.Background())
	if err != nil {
		panic("pgxtx: " + err.Error()) // connecting is giving out what is there
	}
	return c
}

// keepsNames tells whether statements may be named on the host's connection. A host behind a
// pooler turns that off, and pgx then refuses the mode.
func keepsNames(tx pgx.Tx) bool {
	config := tx.Conn().Config()
	return config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && config.StatementCacheCapacity > 0
}

var errUnsupported = errors.New("pgxtx: the transaction is the host's: it is executed on and no more")

// connector gives out the one connection there is.
type connector struct{ conn *conn }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.conn, nil }
func (c connector) Driver() driver.Driver                        { return refusing{} }

type refusing struct{}

func (refusing) Open(string) (driver.Conn, error) { return nil, errUnsupported }

// conn is the driver's connection. It never answers [driver.ErrBadConn], upon which database/sql
// would close it, and a savepoint could not be rolled back any more.
type conn struct {
	tx    pgx.Tx
	named bool
}

var (
	_ driver.ExecerContext     = (*conn)(nil)
	_ driver.QueryerContext    = (*conn)(nil)
	_ driver.ConnBeginTx       = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
)

// Conn gives pgx's connection to those who reach the driver by [sql.Conn.Raw], as stdlib's does.
func (c *conn) Conn() *pgx.Conn { return c.tx.Conn() }

func (*conn) Prepare(string) (driver.Stmt, error) { return nil, errUnsupported }
func (*conn) Begin() (driver.Tx, error)           { return nil, errUnsupported }
func (*conn) Close() error                        { return nil }

func (*conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return nil, errUnsupported
}

// CheckNamedValue lets everything through: pgx knows scanners, valuers, slices and modes itself.
func (*conn) CheckNamedValue(*driver.NamedValue) error { return nil }

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := c.tx.Exec(ctx, query, c.arguments(args)...)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	found, err := c.tx.Query(ctx, query, append([]any{resultFormats}, c.arguments(args)...)...)
	if err != nil {
		return nil, err
	}
	return newRows(found, c.tx.Conn().TypeMap())
}

// arguments puts the mode before the arguments of a statement.
func (c *conn) arguments(given []driver.NamedValue) []any {
	mode := pgx.QueryExecModeCacheStatement
	if len(given) == 0 {
		mode = pgx.QueryExecModeSimpleProtocol
	} else if asked, ok := given[0].Value.(pgx.QueryExecMode); ok {
		mode, given = asked, given[1:]
	}
	if mode == pgx.QueryExecModeCacheStatement && !c.named {
		mode = pgx.QueryExecModeExec
	}
	args := make([]any, 0, 1+len(given))
	args = append(args, mode)
	for _, v := range given {
		args = append(args, v.Value)
	}
	return args
}
