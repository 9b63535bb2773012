package dbx

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chelal/hms/hmstype"
)

// registry holds what the packages declared beside their tables.
var registry = struct {
	mu          sync.RWMutex
	constraints map[string]error
	states      map[string]func(detail string) error
}{constraints: map[string]error{}, states: map[string]func(string) error{}}

// Constraints names the domain error of each unique key and exclusion constraint.
// Checks and foreign keys may be named too; where they are not, [Map] makes an
// invalid-kind error from their name, which follows <table>_<columns or rule>_<suffix>.
type Constraints map[string]error

// Declare adds a package's constraints to the registry; it is called from a package
// variable and panics on a name that is declared twice.
func Declare(c Constraints) Constraints {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	for name, err := range c {
		if _, twice := registry.constraints[name]; twice {
			panic("dbx: constraint declared twice: " + name)
		}
		registry.constraints[name] = err
	}
	return c
}

// States names the domain error of each SQLSTATE of our own (class HM) that a function
// or trigger raises; the function gets the message's DETAIL, which must hold numbers only.
type States map[string]func(detail string) error

// DeclareStates adds a package's SQLSTATEs to the registry.
func DeclareStates(s States) States {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	for state, fn := range s {
		if _, twice := registry.states[state]; twice {
			panic("dbx: state declared twice: " + state)
		}
		registry.states[state] = fn
	}
	return s
}

// IsDeclared tells whether a constraint has a domain error; the schema test asks.
func IsDeclared(constraint string) bool {
	registry.mu.RLock()
	defer registry.mu.RUnlock()
	_, ok := registry.constraints[constraint]
	return ok
}

// SQLState gives the server's error code, empty where err is none of the server's.
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	var other interface{ SQLState() string }
	if errors.As(err, &other) {
		return other.SQLState()
	}
	return ""
}

// Constraint gives the name of the constraint that err broke, without the number that a
// distributed PostgreSQL adds for its shard.
func Constraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return shardSuffix.ReplaceAllString(pg.ConstraintName, "")
	}
	return ""
}

var shardSuffix = regexp.MustCompile(`_\d+$`)

// Map gives the library's error for what the server or the driver said. Domain errors
// pass unchanged. The server's text, which may quote a row, never gets through.
func Map(err error) error {
	if err == nil || hmstype.KindOf(err) != hmstype.KindInternal {
		return err
	}
	var mapped *serverError
	if errors.As(err, &mapped) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return hmstype.ErrNotFound
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return mapContext(err)
	}
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("%w: %w", hmstype.ErrEnded, err)
	}
	if code := SQLState(err); code != "" {
		return mapState(code, err)
	}
	if connErr := mapConnection(err); connErr != nil {
		return connErr
	}
	return err
}

func mapState(code string, err error) error {
	constraint := Constraint(err)
	registry.mu.RLock()
	stateErr, hasState := registry.states[code]
	conErr, hasConstraint := registry.constraints[constraint]
	registry.mu.RUnlock()
	switch {
	case hasState:
		return stateErr(detailOf(err))
	case hasConstraint:
		return conErr
	}
	return meaningOf(code, stageOf(err)).error(code, constraint)
}

// stageOf tells how far the caller had come.
func stageOf(err error) stage {
	var connect *pgconn.ConnectError
	var begin *beginError
	switch {
	case errors.As(err, &connect):
		return atConnect
	case errors.As(err, &begin):
		return atBegin
	default:
		return anywhere
	}
}

// ruleOf gives the part of a constraint's name that says what it guards.
func ruleOf(constraint, suffix string) string {
	if constraint == "" {
		return "row"
	}
	return strings.TrimSuffix(constraint, suffix)
}

func detailOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Detail
	}
	return ""
}

// NotFoundIfNoRows turns "no rows" into the not-found error of the entity.
func NotFoundIfNoRows(err error, entity string, id fmt.Stringer) error {
	if errors.Is(err, sql.ErrNoRows) {
		return hmstype.NotFound(entity, id)
	}
	return err
}
