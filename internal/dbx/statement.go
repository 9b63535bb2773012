package dbx

import (
	"context"
	"database/sql"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

// statement is one query of Bun's on its way to the server. It is the dialect that Bun formats the
// query by, which writes $1, $2, ... and keeps the values, and it is the connection that Bun then
// hands the text to, which sends the values with it. No two queries share one, and the n-th
// parameter is the n-th value kept, so that a text can meet no other query's values: a text that was
// formatted and not sent leaves numbers behind that the server refuses.
//
// Values travel as PostgreSQL writes them in text, untyped: so the server infers each one's type
// from where it stands, as it does that of a literal.
type statement struct {
	*dialect
	conn bun.IConn
	args []any // the mode first, where the driver is pgx; then the values
	mode int   // how many of args are no values
}

// typicalArgs spares a statement of usual length the growing of its arguments.
const typicalArgs = 12

// Arguments are those of a statement that is sent once, without a handle, on a connection of the
// pool itself: with parameters whatever the pool's own mode is.
func Arguments(db *bun.DB, args ...any) []any {
	if !isPgx(db) {
		return args
	}
	return append([]any{pgx.QueryExecModeExec}, args...)
}

// use tells how often the text of a statement comes again.
type use int

const (
	useOften use = iota // one of few texts: prepared once per connection
	useOnce             // a text per number of rows: preparing it would drive others out
)

func (db DB) newStatement(u use) *statement {
	s := &statement{dialect: parametrised, conn: db.handle.conn, args: make([]any, 0, typicalArgs)}
	if db.handle.pgx {
		s.args, s.mode = append(s.args, db.handle.execMode(u)), 1
	}
	return s
}

// execMode is how pgx sends a statement.
func (h Handle) execMode(u use) pgx.QueryExecMode {
	if u == useOnce || h.opts.UncachedStatements {
		return pgx.QueryExecModeExec
	}
	return oftenMode
}

// oftenMode is how a text that comes again is sent. It is a variable for BenchmarkBegin, which sends values within
// texts for comparison.
var oftenMode = pgx.QueryExecModeCacheStatement

// bun gives the *bun.DB that formats by the statement. The host's own would write values into the
// text, and show them to the host's query hooks.
func (s *statement) bun(db DB) *bun.DB { return bun.NewDB(db.handle.bun.DB, s) }

// value keeps a value and writes the parameter that stands for it.
func (s *statement) value(b []byte, v any) []byte {
	s.args = append(s.args, v)
	return strconv.AppendInt(append(b, '$'), int64(len(s.args)-s.mode), 10)
}

// AppendString implements [schema.Dialect].
func (s *statement) AppendString(b []byte, v string) []byte { return s.value(b, v) }

// AppendBytes implements [schema.Dialect].
func (s *statement) AppendBytes(b []byte, v []byte) []byte {
	if v == nil {
		return s.value(b, nil)
	}
	return s.value(b, v)
}

// AppendTime implements [schema.Dialect].
func (s *statement) AppendTime(b []byte, at time.Time) []byte {
	return s.value(b, at.UTC().Format("2006-01-02 15:04:05.999999-07:00"))
}

// AppendJSON implements [schema.Dialect].
func (s *statement) AppendJSON(b []byte, v []byte) []byte {
	return s.value(b, textOf(s.Dialect.AppendJSON(nil, v)))
}

// AppendUint32 implements [schema.Dialect].
func (s *statement) AppendUint32(b []byte, n uint32) []byte { return s.AppendUint64(b, uint64(n)) }

// AppendUint64 implements [schema.Dialect].
func (s *statement) AppendUint64(b []byte, n uint64) []byte {
	return s.value(b, strconv.FormatUint(n, 10))
}

// take gives the arguments of the text that was formatted, and makes ready for the next one: the
// same query may be sent again.
func (s *statement) take() []any {
	args := s.args
	s.args = args[:s.mode:s.mode]
	return args
}

// refused stands for a text in which Bun wrote an error in place of a value. The error may name the
// value, so the server, which refuses either, is not shown it.
const refused = "?!()"

func sendable(query string) string {
	if strings.Contains(query, "?!(") {
		return refused
	}
	return query
}

// QueryContext implements [bun.IConn].
func (s *statement) QueryContext(ctx context.Context, query string, _ ...any) (*sql.Rows, error) {
	return s.conn.QueryContext(ctx, sendable(query), s.take()...)
}

// ExecContext implements [bun.IConn].
func (s *statement) ExecContext(ctx context.Context, query string, _ ...any) (sql.Result, error) {
	return s.conn.ExecContext(ctx, sendable(query), s.take()...)
}

// QueryRowContext implements [bun.IConn].
func (s *statement) QueryRowContext(ctx context.Context, query string, _ ...any) *sql.Row {
	return s.conn.QueryRowContext(ctx, sendable(query), s.take()...)
}

// dialect is PostgreSQL's with tables whose columns write parameters also where Bun asks no dialect:
// numbers, truth values and arrays. It is immutable but for its tables, which Bun guards.
type dialect struct {
	*pgdialect.Dialect
	tables *schema.Tables
}

// parametrised is shared: what Bun knows of a row's type it learns once.
var parametrised = newDialect()

func newDialect() *dialect {
	d := &dialect{Dialect: pgdialect.New()}
	d.tables = schema.NewTables(d)
	return d
}

// Tables implements [schema.Dialect].
func (d *dialect) Tables() *schema.Tables { return d.tables }

// OnTable implements [schema.Dialect].
func (d *dialect) OnTable(table *schema.Table) {
	d.Dialect.OnTable(table)
	for _, f := range table.FieldMap {
		switch {
		case isArray(f):
			f.Append = asParameter(f.Append) // which the line above made anew
		case isAtom(f.IndirectType) && f.Append != nil:
			f.Append = asParameter(schema.FieldAppender(d, f)) // not f.Append: it may be ours already
		}
	}
}

func isArray(f *schema.Field) bool {
	return f.Tag.HasOption("array") || strings.HasSuffix(f.UserSQLType, "[]")
}

// isAtom tells whether Bun writes the type into the text itself.
func isAtom(t reflect.Type) bool {
	switch t.Kind() { //nolint:exhaustive // the others go through the dialect
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	default:
		return false
	}
}

// literals formats what becomes a parameter as a whole.
var literals = schema.NewQueryGen(pgdialect.New())

// asParameter makes a parameter of what would be a literal.
func asParameter(appendLiteral schema.AppenderFunc) schema.AppenderFunc {
	return func(gen schema.QueryGen, b []byte, v reflect.Value) []byte {
		s, ok := gen.Dialect().(*statement)
		if !ok {
			return appendLiteral(gen, b, v)
		}
		var room [32]byte
		return s.literal(b, appendLiteral(literals, room[:0], v))
	}
}

// literal keeps the value that a literal of Bun's stands for.
func (s *statement) literal(b, text []byte) []byte {
	if string(text) == "NULL" {
		return s.value(b, nil)
	}
	return s.value(b, textOf(text))
}

// textOf gives the value of a literal of Bun's: without its quotes, where it has some, and with each
// doubled one single.
func textOf(literal []byte) string {
	text := string(literal)
	if len(text) < 2 || text[0] != '\'' {
		return text
	}
	return strings.ReplaceAll(text[1:len(text)-1], "''", "'")
}

// Number is a number as a parameter; Bun writes a plain one into the text, of which there would be
// as many as there are numbers.
func Number[T ~int | ~int32 | ~int64](n T) schema.QueryAppender { return number(n) }

type number int64

// AppendQuery implements [schema.QueryAppender].
func (n number) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if s, ok := gen.Dialect().(*statement); ok {
		return s.value(b, strconv.FormatInt(int64(n), 10)), nil
	}
	return gen.Append(b, int64(n)), nil
}

// numbered gives the arguments with each number as a parameter.
func numbered(args []any) []any {
	for i, a := range args {
		switch n := a.(type) {
		case int:
			args[i] = Number(n)
		case int64:
			args[i] = Number(n)
		case *int64:
			if n != nil {
				args[i] = Number(*n)
			}
		}
	}
	return args
}
