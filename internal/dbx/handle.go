package dbx

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// Options of a handle.
type Options struct {
	// Now gives the time; required.
	Now func() time.Time
	// MaxAttempts bounds the tries of a transaction that we began and that a deadlock or a
	// serialization failure ended; zero means 5.
	MaxAttempts int
	// UncachedStatements sends statements without naming them on the server, which a pooler in
	// transaction mode may need.
	UncachedStatements bool
	// ContextKey signs what a transaction says of its operation, for a database in hardened mode; nil signs nothing.
	ContextKey *ContextKey
	// Recorder lends the connections for what is recorded beside a transaction of the host's; nil means the pool
	// itself, where one is free.
	Recorder *bun.DB
	// Unrecorded is told of what a transaction showed, was undone, and could not be recorded after it; nil is not.
	Unrecorded func(op string, err error)
	// Requests hashes the inputs of calls with an idempotency key; nil takes a plain SHA-256.
	Requests RequestHasher
}

// Handle is what a service holds. It is immutable and safe for concurrent use as far as
// the connection under it is: an unbound one always, a bound one like its transaction.
type Handle struct {
	bun     *bun.DB
	opts    Options
	tenants *tenantCache
	persons *personCache
	pgx     bool
	conn    bun.IConn // nil: unbound
	owned   *settings // the settings in force where the transaction is ours, nil in a host's
	at      time.Time // the transaction's instant, where it is ours
	host    hostSettings
	guard   *guard  // of a bound handle
	apart   bool    // executes on its own also inside an operation; see [Handle.Unbound]
	ledger  *ledger // of the transaction where it is ours; nil where it is the host's
	hosts   bool    // whether the transaction is the host's
	spare   bool    // whether whoever uses it holds a connection already, and so waits for no other of the pool
	// snapshot begins transactions that read one state only; see [Handle.AsOwnerSnapshot]
	snapshot bool
	depth    int // how many operations are around: each has a savepoint of its own name
}

// NewHandle makes an unbound handle. It does no I/O.
func NewHandle(db *bun.DB, opts Options) Handle {
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = 5
	}
	if opts.ContextKey == nil {
		opts.ContextKey = AssumedContextKey
	}
	// A name of a prepared statement is a session's, and SQL in the wrong hands may put another statement behind it:
	// in hardened mode nothing goes by name.
	opts.UncachedStatements = opts.UncachedStatements || opts.ContextKey != nil
	return Handle{
		bun: db, opts: opts, pgx: isPgx(db), tenants: &tenantCache{known: map[hmstype.TenantID]cachedTenant{}},
		persons: newPersonCache(),
	}
}

func isPgx(db *bun.DB) bool {
	_, ok := db.Driver().(*stdlib.Driver)
	return ok
}

// Bind gives the handle that executes in the host's transaction.
func (h Handle) Bind(tx bun.IConn) Handle {
	h.conn = bare(unwrap(tx))
	h.owned, h.at, h.host, h.guard = nil, time.Time{}, hostSettings{}, &guard{}
	h.ledger, h.hosts, h.depth = nil, true, 0
	return h
}

// bindOwn is [Handle.Bind] for a transaction of ours.
func (h Handle) bindOwn(tx bun.IConn, l *ledger) Handle {
	h = h.Bind(tx)
	h.ledger, h.hosts = l, false
	return h
}

// unwrap takes the plain connection out of Bun's, which would write the arguments of our
// parametrised statements into their text.
func unwrap(conn bun.IConn) bun.IConn {
	switch c := conn.(type) {
	case bun.Tx:
		return c.Tx
	case *bun.Tx:
		return c.Tx
	case bun.Conn:
		return c.Conn
	default:
		return conn
	}
}

// Unbound gives the handle that opens transactions of its own, for what must survive the
// rollback of the use case, such as the record of a refusal. That of a bound handle takes connections of
// [Options.Recorder] and waits for none of the pool's: whoever waits holds one, and many would wait for ever.
func (h Handle) Unbound() Handle {
	h.spare = h.spare || h.IsBound()
	h.conn, h.owned, h.at, h.host, h.guard = nil, nil, time.Time{}, hostSettings{}, nil
	h.ledger, h.hosts, h.depth, h.apart = nil, false, 0, true
	return h
}

// IsBound tells whether the handle executes in somebody's transaction.
func (h Handle) IsBound() bool { return h.conn != nil }

// IsHardened tells whether the handle signs what its transactions say of themselves, as a database in hardened mode
// asks for.
func (h Handle) IsHardened() bool { return h.opts.ContextKey != nil }

// Bun gives the library's own *bun.DB, for migrations and health checks only.
func (h Handle) Bun() *bun.DB { return h.bun }

// Now gives the current instant as the library stores it.
func (h Handle) Now() time.Time { return hmstype.Instant(h.opts.Now()) }

// instant gives the instant of a new operation: the transaction's where that is ours, so that
// all of what one transaction does has one instant.
func (h Handle) instant() time.Time {
	if h.at.IsZero() {
		return h.Now()
	}
	return h.at
}

// DB is the handle inside a transaction: every private function that touches the
// database takes one, right after the context.
type DB struct {
	Actor hmstype.Actor // who acts
	Now   time.Time     // the operation's one instant, UTC, in microseconds

	handle Handle
	op     *operation
}

// By gives who acts, as it is kept with what he does.
func (db DB) By() hmstype.ActorRef { return db.Actor.Ref() }

// Tenant gives the tenant that every query must name.
func (db DB) Tenant() hmstype.TenantID { return db.Actor.Tenant }

// Conn gives the connection to pass on to a port.
func (db DB) Conn() bun.IConn { return db.handle.conn }

// Handle gives the handle bound to this transaction.
func (db DB) Handle() Handle { return db.handle }

// Replanned gives the DB whose statements are planned for their values each time: for those that a plan without values,
// on which a prepared statement may settle from its sixth execution on, would read much more for.
func (db DB) Replanned() DB {
	db.handle.opts.UncachedStatements = true
	return db
}

// NewSelect builds a query that executes in the transaction.
func (db DB) NewSelect() *bun.SelectQuery {
	s := db.newStatement(useOften)
	return s.bun(db).NewSelect().Conn(s)
}

// NewInsert builds an insert of one row that executes in the transaction; [Insert] and
// [InsertFree] are for several.
func (db DB) NewInsert() *bun.InsertQuery { return db.newInsert(useOften) }

func (db DB) newInsert(u use) *bun.InsertQuery {
	s := db.newStatement(u)
	return s.bun(db).NewInsert().Conn(s)
}

// NewUpdate builds an update that executes in the transaction.
func (db DB) NewUpdate() *bun.UpdateQuery {
	s := db.newStatement(useOften)
	return s.bun(db).NewUpdate().Conn(s)
}

// NewDelete builds a delete that executes in the transaction. Only rows that are no
// record (expired keys, delivered outbox rows) may be deleted.
func (db DB) NewDelete() *bun.DeleteQuery {
	s := db.newStatement(useOften)
	return s.bun(db).NewDelete().Conn(s)
}

// NewRaw builds a raw query, with Bun's placeholders, that executes in the transaction.
func (db DB) NewRaw(query string, args ...any) *bun.RawQuery {
	s := db.newStatement(useOften)
	return s.bun(db).NewRaw(query, numbered(args)...).Conn(s)
}

// Query runs a statement that is no query of Bun's, with parameters ($1, $2, ...), prepared once per
// connection.
func (db DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.handle.conn.QueryContext(ctx, query, db.handle.statementArgs(args)...)
}

// QueryRow is [DB.Query] for one row.
func (db DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return db.handle.conn.QueryRowContext(ctx, query, db.handle.statementArgs(args)...)
}

// Exec runs a hot statement that gives no rows and tells how many rows it touched.
func (db DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := db.handle.conn.ExecContext(ctx, query, db.handle.statementArgs(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (h Handle) statementArgs(args []any) []any {
	if !h.pgx {
		return args
	}
	return append([]any{h.execMode(useOften)}, args...)
}
