package isolation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chelal/hms/internal/dbx"
	"github.com/jackc/pgx/v5/pgconn"
)

// as runs fn in a transaction of a role under a tenant's setting, and rolls it back.
func (s *siege) as(role, tenant string, fn func() error) error {
	begin := []string{
		"BEGIN", "SET LOCAL lock_timeout = '10s'", "SET LOCAL client_min_messages = warning", s.enter(tenant),
		"SET LOCAL ROLE " + role, "SET CONSTRAINTS ALL IMMEDIATE", "SAVEPOINT attempt",
	}
	return s.inTx(begin, fn)
}

// enter gives the statement that makes a transaction a tenant's.
func (s *siege) enter(tenant string) string { return dbx.EnterStatement(s.key, tenant) }

// asks runs a query as the role of the connection, under the setting of a tenant whose rows
// it may see, and gives the first column.
func (s *siege) asks(tenant, query string) (column []string, err error) {
	begin := []string{"BEGIN", "SET LOCAL search_path = pg_catalog", s.enter(tenant)}
	err = s.inTx(begin, func() error {
		results, err := s.conn.PgConn().Exec(s.ctx, query).ReadAll()
		if err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		for _, row := range results[0].Rows {
			column = append(column, string(row[0]))
		}
		return nil
	})
	return column, err
}

func (s *siege) inTx(begin []string, fn func() error) (err error) {
	defer func() {
		_, endErr := s.conn.PgConn().Exec(context.WithoutCancel(s.ctx), "ROLLBACK").ReadAll()
		err = errors.Join(err, endErr)
	}()
	statements := strings.Join(begin, "; ") // one journey to the server, of thousands
	if _, err := s.conn.PgConn().Exec(s.ctx, statements).ReadAll(); err != nil {
		return fmt.Errorf("%s: %w", statements, err)
	}
	return fn()
}

// answer is what a statement brought: rows, or a refusal by the server.
type answer struct {
	rows    [][][]byte
	touched int64
	refusal *pgconn.PgError
}

func (a answer) refused() bool { return a.refusal != nil }

// state gives the refusal's SQLSTATE, empty where there was none.
func (a answer) state() string {
	if a.refusal == nil {
		return ""
	}
	return a.refusal.Code
}

// byKey tells whether a unique, foreign or exclusion key refused.
func (a answer) byKey() bool { return slices.Contains([]string{"23505", "23503", "23P01"}, a.state()) }

// text gives the first column of the rows, line by line.
func (a answer) text() string {
	lines := make([]string, len(a.rows))
	for i, row := range a.rows {
		lines[i] = string(row[0])
	}
	return strings.Join(lines, "\n")
}

// undecided are the SQLSTATEs that tell of the server's business and not of a guard: a lock
// that was not to be had, a deadlock, a cancelled statement, too many locks.
var undecided = []string{"55P03", "40P01", "40001", "57014", "53200", "53300"}

// try runs one statement inside [siege.as] and undoes what it did.
func (s *siege) try(statement string) (answer, error) {
	results, err := s.conn.PgConn().Exec(s.ctx, statement).ReadAll()
	a, err := refusalOf(err)
	if err != nil {
		return a, fmt.Errorf("%s: %w", statement, err)
	}
	if a.refusal == nil {
		last := results[len(results)-1]
		tag := last.CommandTag
		a.rows, a.touched = last.Rows, tag.RowsAffected()
		if a.touched == 0 && len(results) == 1 && (tag.Select() || tag.Insert() || tag.Update() || tag.Delete()) {
			return a, nil // there is nothing to undo, and most attacks end so
		}
	}
	return a, s.undo()
}

func (s *siege) undo() error {
	_, err := s.conn.PgConn().Exec(s.ctx, "ROLLBACK TO SAVEPOINT attempt").ReadAll()
	return err
}

// refusalOf keeps the server's refusals apart from what makes going on senseless.
func refusalOf(err error) (answer, error) {
	var refusal *pgconn.PgError
	switch {
	case err == nil:
		return answer{}, nil
	case !errors.As(err, &refusal):
		return answer{}, err
	case slices.Contains(undecided, refusal.Code):
		return answer{}, fmt.Errorf("%w: %w", errUndecided, err)
	default:
		return answer{refusal: refusal}, nil
	}
}

// nothing checks that a statement is refused or finds no row. A key's refusal is none: it
// comes only where a row was found.
func (s *siege) nothing(object, what, statement string) error {
	a, err := s.try(statement)
	s.check(a.refused() && !a.byKey() || !a.refused() && a.touched == 0, object, "%s", what)
	return err
}

// refused checks that a statement fails.
func (s *siege) refused(object, what, statement string) error {
	a, err := s.try(statement)
	s.check(a.refused(), object, "%s", what)
	return err
}

// blind checks that a statement in the victim's name is refused, and not by a key: that
// would tell whether the victim has the row.
func (s *siege) blind(object, what, statement string) error {
	a, err := s.try(statement)
	s.check(a.refused() && !a.byKey(), object, "%s", what)
	return err
}

// copyOut copies a query or table out and tells whether the text holds what must not come.
func (s *siege) copyOut(source, forbidden string) (bool, error) {
	var out bytes.Buffer
	_, err := s.conn.PgConn().CopyTo(s.ctx, &out, "COPY "+source+" TO STDOUT")
	if _, err = refusalOf(err); err != nil {
		return false, err
	}
	return bytes.Contains(out.Bytes(), []byte(forbidden)), s.undo()
}

// copyIn tells whether COPY into a table is allowed at all.
func (s *siege) copyIn(table string) (bool, error) {
	_, err := s.conn.PgConn().CopyFrom(s.ctx, strings.NewReader(""), "COPY "+table+" FROM STDIN")
	a, err := refusalOf(err)
	if err != nil {
		return false, err
	}
	return !a.refused(), s.undo()
}
