package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbx"
)

// Report is what [Require] did and found.
type Report struct {
	Tables     int // of the schema, partitions not counted
	Partitions int
	Filled     int      // tables in which the victim had rows
	Empty      []string // the others: there was nothing to aim at
	Views      int
	Functions  int // that the application's role may call
	Checks     int // attacks and rules of the catalogue, together
	// Answered counts the attacks on unique and foreign keys that got as far as the key itself;
	// the others were turned away before, by a grant, a trigger or a check of the row.
	Answered int
	Leaks    []string // each names its object and the attack, and holds no row; empty is the aim
}

// String gives the figures in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d tables (%d with rows of the victim), %d partitions, %d views, %d functions; "+
		"%d checks, %d of them answered by a key; leaks %d",
		r.Tables, r.Filled, r.Partitions, r.Views, r.Functions, r.Checks, r.Answered, len(r.Leaks))
}

// Require plays a hostile tenant against everything that the catalogue of the
// schema hms lists, and fails where anything of victim's comes through. victim and hostile are
// tenants of one database (see [hmstest.Env.Neighbour]); both should have rows in the tables that
// matter, for an attack has to have something to aim at, and a row of its own to copy. A host
// runs it in its own tests, on its own database, after its own migrations: the connection
// must be allowed to switch to the roles hms_app and hms_sealer. It leaves nothing behind.
//
// What it tries, as the application's role in transactions that are rolled back:
//
//   - on each table, partition and view: to read, lock, copy, write, change, steal, remove and
//     truncate the victim's rows, to write rows in the victim's name and to overwrite his by
//     ON CONFLICT; as the hostile tenant, with no tenant set, an empty one, one that is no id,
//     and the nil id; and, as the hostile tenant, as the sealer of the audit trail too
//   - to find out by an error that the victim has a row: each unique key of his used again,
//     each foreign key pointed to his row, filters that fail on his values, planner statistics
//   - each function, with the victim's tenant and ids as arguments: the answer must be that for
//     a tenant that does not exist, and the victim's rows must stay as they are
//   - to loosen the guards: row-level security, policies, triggers, grants, ownership, the
//     functions that the policies lean on, other roles, objects of its own in the schema
//   - to find a tenant's setting that outlived its transaction, savepoint or error
//
// And it holds the catalogue against the rules that those attacks cannot prove alone, such as
// that each key begins with the tenant and that no function runs as its owner without a fixed
// search_path.
//
// LOCK TABLE is tried only where the role may not write: PostgreSQL allows it to whoever may
// UPDATE or DELETE. It shows nothing.
func Require(tb testing.TB, victim, hostile *hmstest.Env) Report {
	tb.Helper()
	conn, err := victim.DB.DB.Conn(tb.Context())
	require.NoError(tb, err)
	defer func() { require.NoError(tb, conn.Close()) }()
	key := dbx.AssumedContextKey
	if victim.ContextKey != "" {
		key, err = dbx.ParseContextKey(victim.ContextKey)
		require.NoError(tb, err)
	}
	var found Report
	err = conn.Raw(func(driverConn any) error {
		pgxConn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		siege := &siege{
			ctx: tb.Context(), conn: pgxConn.Conn(), found: &found, dsn: victim.DSN, key: key,
			victim: victim.Tenant.String(), hostile: hostile.Tenant.String(),
		}
		return siege.run()
	})
	require.NoError(tb, err)
	tb.Logf("tenant isolation: %s", found)
	for _, leak := range found.Leaks {
		tb.Errorf("tenant isolation: %s", leak)
	}
	return found
}

var (
	errNotPgx    = errors.New("the driver is not pgx")
	errUndecided = errors.New("the server was busy, so that nothing was proved")
)

// siege is all that is done to one database, on one connection.
type siege struct {
	ctx             context.Context //nolint:containedctx // a test's
	conn            *pgx.Conn
	key             *dbx.ContextKey // nil in the ordinary mode
	dsn             string          // empty where the host did not say
	victim, hostile string          // tenants

	tables []*table
	before string // a fingerprint of the victim's rows
	found  *Report
}

func (s *siege) run() error {
	if err := s.readTables(); err != nil {
		return err
	}
	var err error
	if s.before, err = s.fingerprint(); err != nil {
		return err
	}
	for _, step := range []func() error{
		s.checkCatalogue, s.attackTables, s.attackKeys, s.attackViews, s.attackFunctions, s.attackGuards, s.attackRoles,
		s.attackSettings,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	after, err := s.fingerprint()
	s.check(after == s.before, "the database", "the victim's rows are not what they were before: %s",
		changedLines(s.before, after))
	return err
}

// changedLines gives the lines of a fingerprint, each a table's, that are not in another: which
// tables changed.
func changedLines(before, after string) string {
	old := strings.Split(before, "\n")
	changed := slices.DeleteFunc(strings.Split(after, "\n"), func(line string) bool { return slices.Contains(old, line) })
	return strings.Join(changed, ", ")
}

// check counts a check, and notes a leak where it did not hold.
func (s *siege) check(ok bool, object, format string, args ...any) {
	s.found.Checks++
	if !ok {
		leak := object + ": " + fmt.Sprintf(format, args...)
		if !slices.Contains(s.found.Leaks, leak) {
			s.found.Leaks = append(s.found.Leaks, leak)
		}
	}
}

// badTenants are settings that name no tenant, and what to call them.
var badTenants = []struct{ name, setting string }{
	{"an empty tenant", ""}, {"a tenant that is no id", "no-uuid"}, {"the nil tenant", uuid.Nil.String()},
}

// app and sealer are the roles in which the hostile tenant acts.
const (
	app    = dbx.AppRole
	sealer = dbx.SealerRole
)

// quote makes an SQL literal of a text without NUL.
func quote(text string) string {
	text = strings.ReplaceAll(text, "'", "''")
	if strings.Contains(text, `\`) {
		return " E'" + strings.ReplaceAll(text, `\`, `\\`) + "'"
	}
	return "'" + text + "'"
}
