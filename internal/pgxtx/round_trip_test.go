package pgxtx_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/pgxtx"
)

// instant has microseconds, as all that we store, and a zone of its own.
var instant = time.Date(2026, time.March, 2, 9, 30, 1, 234_567_000, time.FixedZone("", 5*3600+1800))

// roundTrips are the types that the library passes or scans, and those that a host's Poster may:
// what goes in, its type in the database, and what it is scanned into.
var roundTrips = []struct {
	name string
	in   any
	as   string
	out  any // a pointer
}{
	{"text", "plain 'quoted' \\ back", "text", new(string)},
	{"text null", nil, "text", new(sql.NullString)},
	{"text into pointer", "x", "text", new(*string)},
	{"text null into pointer", (*string)(nil), "text", new(*string)},
	{"text not for null", nil, "text", new(string)},
	{"varchar", "é漢字🏥", "varchar(20)", new(string)},
	{"char", "ab", "char(4)", new(string)},
	{"string type", hmstype.Currency("USD"), "text", new(hmstype.Currency)},
	{"NullString", sql.NullString{String: "x", Valid: true}, "text", new(sql.NullString)},
	{"Secret", hmstype.Secret("s"), "text", new(hmstype.Secret)},
	{"bool", true, "boolean", new(bool)},
	{"NullBool", sql.NullBool{}, "boolean", new(sql.NullBool)},
	{"smallint", int16(-7), "smallint", new(int16)},
	{"int", 7, "int", new(int)},
	{"bigint", int64(math.MaxInt64), "bigint", new(int64)},
	{"bigint into int16", int64(70_000), "bigint", new(int16)}, // an error
	{"NullInt64", sql.NullInt64{Int64: 5, Valid: true}, "bigint", new(sql.NullInt64)},
	{"Quantity", hmstype.Quantity(12), "bigint", new(hmstype.Quantity)},
	{"real", float32(0.1), "real", new(float64)},
	{"double", 0.1, "double precision", new(float64)},
	{"numeric", decimal.RequireFromString("123456789.000100"), "numeric(20,6)", new(decimal.Decimal)},
	{"numeric null", decimal.NullDecimal{}, "numeric", new(decimal.NullDecimal)},
	{"numeric text", "0.25", "numeric", new(string)},
	{"uuid", uuid.MustParse("018f4e1e-7b3c-7cc2-8000-0123456789ab"), "uuid", new(uuid.UUID)},
	{"NullUUID", uuid.NullUUID{}, "uuid", new(uuid.NullUUID)},
	{"id", hmstype.PatientID(uuid.MustParse("018f4e1e-7b3c-7cc2-8000-0123456789ab")), "uuid", new(hmstype.PatientID)},
	{"id zero", hmstype.PatientID{}, "uuid", new(hmstype.PatientID)},
	{"Date", hmstype.NewDate(1960, time.February, 29), "date", new(hmstype.Date)},
	{"Date zero", hmstype.Date{}, "date", new(hmstype.Date)},
	{"date into time", "2026-03-02", "date", new(time.Time)},
	{"timestamptz", instant, "timestamptz", new(time.Time)},
	{"timestamptz pointer", &instant, "timestamptz", new(*time.Time)},
	{"timestamptz infinity", "infinity", "timestamptz", new(string)},
	{"timestamp", instant.UTC(), "timestamp", new(time.Time)},
	{"NullTime", sql.NullTime{Time: instant, Valid: true}, "timestamptz", new(sql.NullTime)},
	{"bun.NullTime", bun.NullTime{}, "timestamptz", new(bun.NullTime)},
	{"interval", "3 days 04:05:06", "interval", new(string)},
	{"bytea", []byte{0, 1, 0xff, '\\'}, "bytea", new([]byte)},
	{"bytea empty", []byte{}, "bytea", new([]byte)},
	{"bytea null", []byte(nil), "bytea", new([]byte)},
	{"jsonb text", `{"a": [1, "x"]}`, "jsonb", new([]byte)},
	{"jsonb raw", json.RawMessage(`{"a": null}`), "jsonb", new(json.RawMessage)},
	{"json", `{"a":  1}`, "json", new(string)},
	{"text array", []string{"a", "b,c", `d"e`, ""}, "text[]", new(string)},
	{"text array with null", []*string{nil, new("x")}, "text[]", new(string)},
	{"uuid array of text", []string{"018f4e1e-7b3c-7cc2-8000-0123456789ab"}, "text[]", new(string)},
	{"int array", []int64{1, 2}, "bigint[]", new(string)},
	{"oid", uint32(42), "oid", new(int64)},
	{"xid8", "42", "xid8", new(string)},
	{"name", "n", "name", new(string)},
	{"unfit", "not a number", "int", new(int)},
}

// Whatever goes in comes out of a pgx.Tx as it does of a *sql.Tx over pgx's stdlib: as a value,
// into its type, and as an error.
func TestOpen_RoundTripsLikeStdlib(t *testing.T) {
	t.Parallel()
	for _, way := range dbtest.WaysToJoin {
		if !strings.HasPrefix(way.Name, "pgx") {
			continue
		}
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			host := way.Begin(t, env.DB, env.DSN)
			defer func() { require.NoError(t, host.Rollback()) }()
			conn := pgxtx.Open(host.Tx.(pgx.Tx))
			stdlib, err := env.DB.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, stdlib.Rollback()) }()
			for _, mode := range []pgx.QueryExecMode{
				pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec,
				pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
			} {
				wanted := mode
				if mode == pgx.QueryExecModeCacheStatement && way.Name == "pgx.Tx uncached" {
					wanted = pgx.QueryExecModeExec // the host asked for no names
				}
				for _, tt := range roundTrips {
					for _, out := range []any{tt.out, new(any)} {
						name := tt.name + ", " + mode.String() + ", into " + reflect.TypeOf(out).String()
						want, wantErr := trip(t, stdlib, tt.in, tt.as, out, wanted)
						got, gotErr := trip(t, conn, tt.in, tt.as, out, mode)
						require.Equal(t, wantErr, gotErr, name)
						require.Equal(t, want, got, name)
					}
				}
			}
		})
	}
}

// trip sends a value through the database, in a savepoint, and gives what it is scanned into and
// the error's text.
func trip(t *testing.T, conn bun.IConn, in any, as string, out any, mode pgx.QueryExecMode) (got any, failure string) {
	t.Helper()
	ctx := t.Context()
	exec(t, conn, `SAVEPOINT trip`)
	into := reflect.New(reflect.TypeOf(out).Elem())
	rows, err := conn.QueryContext(ctx, `SELECT $1::`+as+` AS v`, mode, in)
	if err == nil {
		columns, columnErr := rows.Columns()
		require.NoError(t, columnErr)
		require.Equal(t, []string{"v"}, columns)
		if rows.Next() {
			err = rows.Scan(into.Interface())
		}
		require.False(t, err == nil && rows.Next())
		if err == nil {
			err = rows.Err()
		}
		require.NoError(t, rows.Close()) //nolint:sqlclosecheck // before the savepoint ends
	}
	exec(t, conn, `ROLLBACK TO SAVEPOINT trip`)
	if err != nil {
		return nil, err.Error()
	}
	return into.Elem().Interface(), ""
}

func exec(t *testing.T, conn bun.IConn, query string, args ...any) int64 {
	t.Helper()
	res, err := conn.ExecContext(context.Background(), query, args...)
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	return n
}
