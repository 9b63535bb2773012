package dbx

import (
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// The conditions and orders of which most queries are made. "?TableAlias" stands for the row's
// own table; columns without a table are its own where only one is read.

// Where is a condition with Bun's placeholders.
func Where(condition string, args ...any) Apply {
	args = numbered(args)
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(condition, args...) }
}

// Equal selects the rows whose column has the value.
func Equal(column string, value any) Apply {
	return Where("?TableAlias.? = ?", bun.Ident(column), value)
}

// OneOf selects the rows whose column has one of the values; none of them where there are none.
func OneOf[T any](column string, values []T) Apply {
	return Where("?TableAlias.? = ANY(?)", bun.Ident(column), Array(values))
}

// During selects the rows whose instant lies in the half-open period; zero bounds are open.
func During(column string, period hmstype.Period) Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if !period.Start.IsZero() {
			q = q.Where("?TableAlias.? >= ?", bun.Ident(column), period.Start)
		}
		if !period.End.IsZero() {
			q = q.Where("?TableAlias.? < ?", bun.Ident(column), period.End)
		}
		return q
	}
}

// When applies the rest where ok holds.
func When(ok bool, more ...Apply) Apply {
	if !ok {
		return func(q *bun.SelectQuery) *bun.SelectQuery { return q }
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, apply := range more {
			q = apply(q)
		}
		return q
	}
}

// OrderBy orders by columns, each with "DESC" behind it where the greatest comes first.
func OrderBy(columns ...string) Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order(columns...) }
}

// Limit gives the first n rows.
func Limit(n int) Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Limit(int64(n)) }
}

// SkipLocked locks the rows that nobody else has locked, and passes the others over.
func SkipLocked(q *bun.SelectQuery) *bun.SelectQuery {
	return q.For("UPDATE OF ?TableAlias SKIP LOCKED")
}
