package pgxtx

import (
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// resultFormats asks for the binary form of those types that [driver.Value] has a Go type for,
// as pgx's stdlib does; all else comes as text.
var resultFormats = pgx.QueryResultFormatsByOID{
	pgtype.BoolOID: pgx.BinaryFormatCode, pgtype.ByteaOID: pgx.BinaryFormatCode,
	pgtype.CIDOID: pgx.BinaryFormatCode, pgtype.OIDOID: pgx.BinaryFormatCode, pgtype.XIDOID: pgx.BinaryFormatCode,
	pgtype.DateOID:      pgx.BinaryFormatCode,
	pgtype.TimestampOID: pgx.BinaryFormatCode, pgtype.TimestamptzOID: pgx.BinaryFormatCode,
	pgtype.Float4OID: pgx.BinaryFormatCode, pgtype.Float8OID: pgx.BinaryFormatCode,
	pgtype.Int2OID: pgx.BinaryFormatCode, pgtype.Int4OID: pgx.BinaryFormatCode, pgtype.Int8OID: pgx.BinaryFormatCode,
}

// rows gives pgx's rows as those of a driver.
type rows struct {
	rows    pgx.Rows
	names   []string
	convert []func([]byte) (driver.Value, error)
	ahead   bool // the first row was read already
	more    bool // and there was one
}

// newRows reads the first row, for before that pgx knows neither the columns nor the error of a
// statement.
func newRows(found pgx.Rows, types *pgtype.Map) (*rows, error) {
	r := &rows{rows: found, ahead: true, more: found.Next()}
	if err := found.Err(); err != nil {
		found.Close()
		return nil, err
	}
	for _, field := range found.FieldDescriptions() {
		r.names = append(r.names, field.Name)
		r.convert = append(r.convert, converter(types, field))
	}
	return r, nil
}

func (r *rows) Columns() []string { return r.names }

func (r *rows) Close() error {
	r.rows.Close()
	return r.rows.Err()
}

func (r *rows) Next(dest []driver.Value) error {
	more := r.more
	if !r.ahead {
		more = r.rows.Next()
	}
	r.ahead = false
	if !more {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, raw := range r.rows.RawValues() {
		if raw == nil {
			dest[i] = nil
			continue
		}
		value, err := r.convert[i](raw)
		if err != nil {
			return fmt.Errorf("pgxtx: column %s: %w", r.names[i], err)
		}
		dest[i] = value
	}
	return nil
}

// converter makes what turns a column's bytes into a value of database/sql: the same one that
// pgx's stdlib makes.
func converter(types *pgtype.Map, field pgconn.FieldDescription) func([]byte) (driver.Value, error) {
	switch field.DataTypeOID {
	case pgtype.BoolOID:
		return plain[bool](types, field)
	case pgtype.ByteaOID, pgtype.JSONOID, pgtype.JSONBOID, pgtype.XMLOID:
		return plain[[]byte](types, field)
	case pgtype.CIDOID, pgtype.OIDOID, pgtype.XIDOID:
		return valuer[pgtype.Uint32](types, field)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return plain[int64](types, field)
	case pgtype.Float4OID:
		return scanned(types, field, func(v float32) (driver.Value, error) { return float64(v), nil })
	case pgtype.Float8OID:
		return plain[float64](types, field)
	case pgtype.DateOID:
		return valuer[pgtype.Date](types, field)
	case pgtype.TimestampOID:
		return valuer[pgtype.Timestamp](types, field)
	case pgtype.TimestamptzOID:
		return valuer[pgtype.Timestamptz](types, field)
	default:
		return plain[string](types, field)
	}
}

// scanned scans a column into a T and makes the value of that.
func scanned[T any](
	types *pgtype.Map, field pgconn.FieldDescription, value func(T) (driver.Value, error),
) func([]byte) (driver.Value, error) {
	var into T
	plan := types.PlanScan(field.DataTypeOID, field.Format, &into)
	return func(raw []byte) (driver.Value, error) {
		if err := plan.Scan(raw, &into); err != nil {
			return nil, err
		}
		return value(into)
	}
}

func plain[T any](types *pgtype.Map, field pgconn.FieldDescription) func([]byte) (driver.Value, error) {
	return scanned(types, field, func(v T) (driver.Value, error) { return v, nil })
}

func valuer[T driver.Valuer](types *pgtype.Map, field pgconn.FieldDescription) func([]byte) (driver.Value, error) {
	return scanned(types, field, func(v T) (driver.Value, error) { return v.Value() })
}
