package dbx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chelal/hms/hmstype"
)

// ErrSchema says that the database's schema is not the one that this version needs; package
// migrate gives it to hosts.
var ErrSchema = fmt.Errorf("%w: the database's schema does not fit this version of hms", hmstype.ErrPrecondition)

// ErrReadOnly says that the transaction, or the server as a replica, is read-only. Reads write, too: each is recorded.
// It is a precondition, for trying again would not help.
var ErrReadOnly = fmt.Errorf("%w: the database is read-only", hmstype.ErrPrecondition)

// stage is how far a caller had come when the server refused: the same code means something else
// to whoever logs in than to whoever writes a row.
type stage int

const (
	anywhere  stage = iota
	atConnect       // no connection yet: the DSN, the login, the server's doors
	atBegin         // connected: our role and settings were being made
)

// meaning is what one SQLSTATE says to whoever called: its kind and a sentence that tells what
// is wrong and what mends it. Sentences hold nothing that came from outside.
type meaning struct {
	code  string // all five characters, or the first two for the rest of their class
	stage stage
	kind  error  // nil: internal, a defect or a broken server
	says  string // empty: the kind says it all
	rule  string // not empty: the error names the rule broken, which is the constraint without this suffix
}

// meanings is the one table of SQLSTATEs. States of our own (class HM) and named constraints are
// declared beside their tables; see [Declare] and [DeclareStates].
var meanings = []meaning{
	{"08", anywhere, hmstype.ErrUnavailable, "the connection to the database failed", ""},
	{"0A", anywhere, nil, "the server does not support what was asked: is it a PostgreSQL of a tested version?", ""},

	{"22003", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22007", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22008", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22009", anywhere, hmstype.ErrInvalid, "an offset from UTC is out of the database's range", ""},
	{"22021", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22023", anywhere, hmstype.ErrInvalid, "the database does not know a value, such as the name of a time zone", ""},
	{"22023", atBegin, ErrSchema, "the server has no role hms_app: run Migrate, or migrate.Bootstrap()", ""},
	{"22023", atConnect, hmstype.ErrUnavailable, badParameter, ""},
	{"22P02", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22P05", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"22", atConnect, hmstype.ErrUnavailable, badParameter, ""},
	{"22", anywhere, nil, "a value does not suit the database", ""},

	{"23502", anywhere, hmstype.ErrInvalid, brokenRule, "_check"},
	{"23503", anywhere, hmstype.ErrInvalid, "must refer to an existing entity", "_fkey"},
	{"23505", anywhere, hmstype.ErrAlreadyExists, "", ""},
	{"23514", anywhere, hmstype.ErrInvalid, brokenRule, "_check"},
	{"23P01", anywhere, hmstype.ErrAlreadyExists, "", ""},
	{"23", anywhere, hmstype.ErrInvalid, brokenRule, "_check"},

	{"25006", anywhere, ErrReadOnly, "a use case needs a writing connection: the primary server, " +
		"no READ ONLY transaction, default_transaction_read_only off", ""},
	{"25P02", anywhere, nil, "the transaction had failed before: roll it back", ""},
	{"25P03", anywhere, hmstype.ErrUnavailable, "the server ended a transaction that was idle for too long", ""},
	{"25", anywhere, nil, "the transaction is not in a state that allows this", ""},
	{"26000", anywhere, nil, preparedElsewhere, ""},

	{"28P01", anywhere, hmstype.ErrUnavailable, "the database refused the password: " +
		"check user and password of the DSN", ""},
	{"28", anywhere, hmstype.ErrUnavailable, "the database refused the login: " +
		"its role does not exist or may not log in, " +
		"or the server's pg_hba.conf does not let it in from here", ""},
	{"3D000", anywhere, hmstype.ErrUnavailable, "the database that the DSN names does not exist: " +
		"create it, or correct the name", ""},
	{"3F000", anywhere, ErrSchema, "the schema hms is missing: run Migrate", ""},

	{"40", anywhere, hmstype.ErrUnavailable, "too much contention", ""},

	{"42501", anywhere, hmstype.ErrPermissionDenied, "by the database: the role lacks a right", ""},
	{"42501", atBegin, hmstype.ErrUnavailable, "the login may not become hms_app: GRANT hms_app to it", ""},
	{"42501", atConnect, hmstype.ErrUnavailable, "the login may not connect to this database: GRANT CONNECT on it", ""},
	{"42703", anywhere, ErrSchema, "a column is missing: run Migrate", ""},
	{"42704", anywhere, ErrSchema, "an object, such as a role or a type, is missing: run Migrate", ""},
	{"42704", atConnect, hmstype.ErrUnavailable, badParameter, ""},
	{"42883", anywhere, ErrSchema, "a function is missing: run Migrate", ""},
	{"42P01", anywhere, ErrSchema, "a table is missing, or the database was never migrated: run Migrate", ""},
	{"42P05", anywhere, nil, preparedElsewhere, ""},
	{"42", anywhere, nil, "a statement does not fit the schema, which is a defect, " +
		"or the schema is not as Migrate made it", ""},

	{"53300", anywhere, hmstype.ErrUnavailable, "the server has no connection left: " +
		"bound the pools, or raise max_connections", ""},
	{"53", anywhere, hmstype.ErrUnavailable, "the server lacks a resource, such as memory or disk", ""},
	{"54000", anywhere, hmstype.ErrInvalid, outOfRange, ""},
	{"54", anywhere, nil, "a limit of the server was exceeded", ""},
	{"55000", atConnect, hmstype.ErrUnavailable, "the database takes no connections (datallowconn)", ""},
	{"55P03", anywhere, hmstype.ErrUnavailable, "too much contention", ""},
	{"55", anywhere, nil, "an object of the database is not in a state that allows this", ""},
	{"57014", anywhere, hmstype.ErrUnavailable, "the server cancelled the statement, " +
		"as statement_timeout or an operator told it", ""},
	{"57P03", anywhere, hmstype.ErrUnavailable, "the server starts up or shuts down", ""},
	{"57", anywhere, hmstype.ErrUnavailable, "an operator's intervention: " +
		"the server shuts down, or was told to end the connection", ""},
	{"58", anywhere, nil, "a system error: the server's machine failed it, such as its disk", ""},

	{"F0", anywhere, nil, "the server's configuration is broken", ""},
	{"HM", anywhere, nil, "a rule of the schema that this version of hms does not know was broken", ""},
	{"P0", anywhere, nil, "a function or a trigger raised an error", ""},
	{"XX", anywhere, nil, "the server is damaged or has a defect: read its log", ""},
	{"", anywhere, nil, "the database failed in a way of which hms knows nothing", ""},
}

const (
	outOfRange        = "a value is out of the database's range"
	brokenRule        = "breaks a rule of the database"
	badParameter      = "the server does not know a parameter of the DSN, or its value (such as TimeZone)"
	preparedElsewhere = "a pooler gave the connection to another client: set Config.UncachedStatements"
)

// meaningOf finds what a code says: all of it before its class, the stage before anywhere.
func meaningOf(code string, at stage) meaning {
	best, rank := meaning{}, -1
	for _, m := range meanings {
		if m.stage != anywhere && m.stage != at || !strings.HasPrefix(code, m.code) {
			continue
		}
		score := 2 * len(m.code)
		if m.stage == at && at != anywhere {
			score++
		}
		if score > rank {
			best, rank = m, score
		}
	}
	return best
}

// error gives the library's error for a code; constraint is the one that was broken, if any.
func (m meaning) error(code, constraint string) error {
	switch {
	case m.rule != "":
		return hmstype.Invalid(ruleOf(constraint, m.rule), m.says)
	case m.says == "":
		return m.kind
	}
	return &serverError{kind: m.kind, says: m.says, code: code}
}

// serverError is an error of the server's or of the way to it, in our words.
type serverError struct {
	kind error // nil: internal
	says string
	code string // SQLSTATE; empty where the server said nothing
}

// Error implements error.
func (e *serverError) Error() string {
	text := e.says
	if e.kind != nil {
		text = e.kind.Error() + ": " + text
	}
	if e.code != "" {
		text += " (" + e.code + ")"
	}
	return text
}

// Unwrap gives the kind.
func (e *serverError) Unwrap() error { return e.kind }

// SQLState gives the server's code, for programs.
func (e *serverError) SQLState() string { return e.code }

// keptError is an error with what caused it in reach of errors.As, but not in its text.
type keptError struct {
	error
	at    string // names of the schema's objects
	cause error
}

// Error implements error.
func (e *keptError) Error() string { return e.error.Error() + e.at }

// Unwrap gives both.
func (e *keptError) Unwrap() []error { return []error{e.error, e.cause} }

// MapKeeping is [Map] for whoever installs: what the server said stays within reach of errors.As,
// and the text names the objects of the schema. The configuration of a connection, which holds
// the password, is not kept.
func MapKeeping(err error) error {
	mapped := Map(err)
	var server *serverError
	if err == nil || !errors.As(mapped, &server) || errors.As(err, &server) {
		return mapped
	}
	cause, at := err, ""
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		cause = connect.Unwrap()
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		at = objectsOf(pg, connect == nil)
	}
	return &keptError{error: mapped, at: at, cause: cause}
}

// objectsOf names what the server spoke of. The message itself is repeated for statements in class
// 42 only, where it quotes the statement; elsewhere it may quote a row or the DSN.
func objectsOf(pg *pgconn.PgError, statement bool) string {
	text := ""
	for _, object := range [][2]string{
		{"table", pg.TableName}, {"column", pg.ColumnName}, {"constraint", pg.ConstraintName},
	} {
		if object[1] != "" {
			text += ", " + object[0] + " " + object[1]
		}
	}
	if statement && strings.HasPrefix(pg.Code, "42") {
		text += ": " + pg.Message
	}
	return text
}
