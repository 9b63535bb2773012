package dbx_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// refusal is what a server says that quotes a row and a secret wherever it can.
func refusal(code string) *pgconn.PgError {
	return &pgconn.PgError{
		Severity: "ERROR", Code: code, Message: "Jane Doe hunter2", Detail: "Key (name)=(Jane Doe)", Hint: "hunter2",
		Where: "Jane Doe", InternalQuery: "SELECT 'Jane Doe'",
	}
}

func plain(err error) error { return err }

// connecting makes of err what pgx says where it could not connect.
func connecting(t *testing.T, err error) error {
	t.Helper()
	config, parseErr := pgconn.ParseConfig("postgres://clerk:hunter2@db.invalid/hms?sslmode=disable")
	require.NoError(t, parseErr)
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	_, err = pgconn.ConnectConfig(t.Context(), config)
	require.Error(t, err)
	return err
}

var sqlStates = []struct {
	code, says string // the code with its stage, or the class and a stage
	kind       hmstype.Kind
}{
	{"08", "connection to the database failed", hmstype.KindUnavailable},
	{"0A", "does not support", hmstype.KindInternal},
	{"22003", "out of the database's range", hmstype.KindInvalid},
	{"22007", "out of the database's range", hmstype.KindInvalid},
	{"22008", "out of the database's range", hmstype.KindInvalid},
	{"22009", "offset from UTC", hmstype.KindInvalid},
	{"22021", "out of the database's range", hmstype.KindInvalid},
	{"22023", "time zone", hmstype.KindInvalid},
	{"22023 at begin", "no role hms_app: run Migrate", hmstype.KindPrecondition},
	{"22023 at connect", "parameter of the DSN", hmstype.KindUnavailable},
	{"22P02", "out of the database's range", hmstype.KindInvalid},
	{"22P05", "out of the database's range", hmstype.KindInvalid},
	{"22", "does not suit the database", hmstype.KindInternal},
	{"22 at connect", "parameter of the DSN", hmstype.KindUnavailable},
	{"23502", "breaks a rule", hmstype.KindInvalid},
	{"23503", "must refer to an existing entity", hmstype.KindInvalid},
	{"23505", "already exists", hmstype.KindAlreadyExists},
	{"23514", "breaks a rule", hmstype.KindInvalid},
	{"23P01", "already exists", hmstype.KindAlreadyExists},
	{"23", "breaks a rule", hmstype.KindInvalid},
	{"25006", "writing connection", hmstype.KindPrecondition},
	{"25P02", "had failed before", hmstype.KindInternal},
	{"25P03", "idle for too long", hmstype.KindUnavailable},
	{"25", "not in a state", hmstype.KindInternal},
	{"26000", "Config.UncachedStatements", hmstype.KindInternal},
	{"28P01", "refused the password", hmstype.KindUnavailable},
	{"28", "role does not exist or may not log in", hmstype.KindUnavailable},
	{"3D000", "does not exist: create it", hmstype.KindUnavailable},
	{"3F000", "schema hms is missing: run Migrate", hmstype.KindPrecondition},
	{"40", "too much contention", hmstype.KindUnavailable},
	{"42501", "by the database", hmstype.KindPermissionDenied},
	{"42501 at begin", "GRANT hms_app", hmstype.KindUnavailable},
	{"42501 at connect", "GRANT CONNECT", hmstype.KindUnavailable},
	{"42703", "a column is missing: run Migrate", hmstype.KindPrecondition},
	{"42704", "an object, such as a role or a type, is missing", hmstype.KindPrecondition},
	{"42704 at connect", "parameter of the DSN", hmstype.KindUnavailable},
	{"42883", "a function is missing: run Migrate", hmstype.KindPrecondition},
	{"42P01", "a table is missing, or the database was never migrated: run Migrate", hmstype.KindPrecondition},
	{"42P05", "Config.UncachedStatements", hmstype.KindInternal},
	{"42", "does not fit the schema", hmstype.KindInternal},
	{"53300", "no connection left", hmstype.KindUnavailable},
	{"53", "lacks a resource", hmstype.KindUnavailable},
	{"54000", "out of the database's range", hmstype.KindInvalid},
	{"54", "limit of the server", hmstype.KindInternal},
	{"55000 at connect", "takes no connections", hmstype.KindUnavailable},
	{"55P03", "too much contention", hmstype.KindUnavailable},
	{"55", "not in a state", hmstype.KindInternal},
	{"57014", "cancelled the statement", hmstype.KindUnavailable},
	{"57P03", "starts up or shuts down", hmstype.KindUnavailable},
	{"57", "operator's intervention", hmstype.KindUnavailable},
	{"58", "system error", hmstype.KindInternal},
	{"F0", "configuration is broken", hmstype.KindInternal},
	{"HM", "does not know was broken", hmstype.KindInternal},
	{"P0", "raised an error", hmstype.KindInternal},
	{"XX", "damaged or has a defect", hmstype.KindInternal},
	{"", "of which hms knows nothing", hmstype.KindInternal},
}

func TestMap_SQLStates(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, tt := range sqlStates {
		listed = append(listed, tt.code)
		code, where, _ := strings.Cut(tt.code, " at ")
		state := (code + "99999")[:5] // a class's unknown member
		stage := map[string]func(error) error{
			"": plain, "begin": dbx.AtBegin, "connect": func(err error) error { return connecting(t, err) },
		}[where]
		raw := stage(fmt.Errorf("insert: %w", refusal(state)))
		err := dbx.Map(raw)
		require.Equal(t, tt.kind, hmstype.KindOf(err), tt.code)
		require.ErrorContains(t, err, tt.says, tt.code)
		require.NotRegexp(t, "Jane|hunter2|db.invalid|192.0.2|clerk|answered", err.Error(), tt.code)
		if tt.kind != hmstype.KindInvalid && tt.kind != hmstype.KindAlreadyExists {
			require.ErrorContains(t, err, state, "an operator looks the code up")
			require.Equal(t, state, dbx.SQLState(err))
		}
		require.NotErrorAs(t, err, new(*pgconn.PgError), "a host must not log a row by way of the cause")
		require.Equal(t, err, dbx.Map(err), "what is mapped stays as it is")

		kept := dbx.MapKeeping(raw)
		require.Equal(t, tt.kind, hmstype.KindOf(kept), tt.code)
		if !strings.HasPrefix(code, "42") || where == "connect" {
			require.NotRegexp(t, "Jane|hunter2", kept.Error(), tt.code)
		}
	}
	require.ElementsMatch(t, dbx.Codes(), listed, "each row of the table is tested")
}

func TestMapKeeping(t *testing.T) {
	t.Parallel()
	duplicate := refusal("57014")
	duplicate.TableName, duplicate.ColumnName, duplicate.ConstraintName = "patient", "number", "patient_number_key"
	err := dbx.MapKeeping(fmt.Errorf("migrate: %w", duplicate))
	require.ErrorContains(t, err, "(57014), table patient, column number, constraint patient_number_key")
	require.NotRegexp(t, "Jane|hunter2", err.Error())
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Same(t, duplicate, pg)

	syntax := refusal("42601")
	syntax.Message = `syntax error at or near "CRAETE"`
	require.ErrorContains(t, dbx.MapKeeping(syntax), syntax.Message, "quotes the statement, which is ours")

	err = dbx.MapKeeping(connecting(t, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorIs(t, err, hmstype.ErrUnavailable)
	require.NotErrorAs(t, err, new(*pgconn.ConnectError), "its configuration holds the password")
	require.NoError(t, dbx.MapKeeping(nil))
	require.Equal(t, io.ErrShortWrite, dbx.MapKeeping(io.ErrShortWrite), "what is no database's error stays as it is")
}

func TestMap_Connections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		says string
	}{
		{&net.DNSError{Name: "db.invalid", IsNotFound: true}, "name of the database's host is not known"},
		{&net.DNSError{Name: "db.invalid", IsTemporary: true}, "cannot be looked up now"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "nobody listens"},
		{&net.OpError{Op: "dial", Net: "unix", Err: syscall.ENOENT}, "nobody listens"},
		{&net.OpError{Op: "dial", Net: "unix", Err: syscall.EACCES}, "may not use the server's socket"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, "no way to the database's host"},
		{&net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, "no way to the database's host"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "does not answer in time"},
		{context.DeadlineExceeded, "does not answer in time"},
		{errors.New("server refused TLS connection"), "check sslmode"},
		{errors.New("hunter2"), "the connection to the database failed"},
	} {
		err := dbx.Map(connecting(t, tt.err))
		require.ErrorIs(t, err, hmstype.ErrUnavailable, tt.says)
		require.ErrorContains(t, err, tt.says)
		require.NotRegexp(t, "hunter2|db.invalid|192.0.2|clerk", err.Error())
	}
	err := dbx.Map(connecting(t, context.DeadlineExceeded))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	err = dbx.Map(connecting(t, context.Canceled))
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "clerk")
	require.Equal(t, hmstype.KindInternal, hmstype.KindOf(err), "the caller's own doing")
}

func TestOpen_DSN(t *testing.T) {
	t.Parallel()
	_, err := dbx.Open("postgres://clerk:hunter2@db.invalid:port/hms")
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.EqualError(t, err, "invalid input: the database's DSN cannot be read")
}

// What the server refuses in the middle of a use case, such as a value that Go knows and it does not.
func TestMap_ServersOwnLimits(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for statement, says := range map[string]string{
		"SELECT now() AT TIME ZONE 'Mars/Olympus'":  "name of a time zone (22023)",
		"SELECT '2030-01-01 00:00+99'::timestamptz": "offset from UTC is out of the database's range (22009)",
		"DO $$ BEGIN RAISE 'Jane Doe'; END $$":      "raised an error (P0001)",
		"SELECT 1 / 0":                              "does not suit the database (22012)",
		"SELECT pg_sleep(9)":                        "statement_timeout",

		"SET LOCAL ROLE NONE ;; SELECT pg_terminate_backend(pg_backend_pid())": "operator's intervention",
		"SET TRANSACTION READ ONLY ;; DELETE FROM hms.idempotency_key":         "read-only",
	} {
		err := dbx.Map(env.Base.DB.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			if _, err := db.Exec(ctx, "SET LOCAL statement_timeout = 500"); err != nil {
				return err
			}
			for part := range strings.SplitSeq(statement, " ;; ") {
				if _, err := db.NewRaw(part).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		}))
		require.ErrorContains(t, err, says, statement)
		require.NotContains(t, err.Error(), "Jane")
	}
}

// A use case inside a host's InTx whose transaction a deadlock ended is asked again, as InTx promises.
func TestInTx_AsksAgainAfterAMappedDeadlock(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	calls := 0
	err := env.Base.DB.InTx(env.Ctx, "test", func(context.Context, dbx.DB) error {
		calls++
		if calls == 1 {
			return dbx.Map(refusal("40P01"))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, calls)
}

// A read in a READ ONLY transaction of the host's is told what it needs, and not to try again.
func TestHandle_InTx_ReadOnlyTransactionOfTheHosts(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	tx, err := env.DB.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	err = dbx.Map(env.Base.DB.Bind(tx).InTx(env.Ctx, "test", count))
	require.ErrorIs(t, err, dbx.ErrReadOnly)
	require.Equal(t, "25006", dbx.SQLState(err))
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
}
