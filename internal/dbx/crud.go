package dbx

import (
	"context"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// Entity is an id of any kind.
type Entity interface {
	fmt.Stringer
	comparable
	IsZero() bool
}

// Tenanted is embedded by every row: the tenant comes first in every key.
type Tenanted struct {
	TenantID hmstype.TenantID `bun:"tenant_id,pk,type:uuid"`
}

// Apply changes a select: a further condition, a lock, a relation.
type Apply func(*bun.SelectQuery) *bun.SelectQuery

// ForUpdate locks the rows until the transaction ends, as an update of them would. Rows that refer to them may be added
// meanwhile: keys never change.
func ForUpdate(q *bun.SelectQuery) *bun.SelectQuery { return q.For("NO KEY UPDATE OF ?TableAlias") }

// ForShare keeps others from changing the rows until the transaction ends, but not from
// reading them the same way.
func ForShare(q *bun.SelectQuery) *bun.SelectQuery { return q.For("SHARE OF ?TableAlias") }

// Get reads the tenant's row with this id, or gives the entity's not-found error.
func Get[R any, I Entity](ctx context.Context, db DB, entity string, id I, more ...Apply) (R, error) {
	var row R
	q := db.NewSelect().Model(&row).Where("?TableAlias.tenant_id = ?", db.Tenant()).Where("?TableAlias.id = ?", id)
	for _, apply := range more {
		q = apply(q)
	}
	if err := q.Scan(ctx); err != nil {
		return row, NotFoundIfNoRows(err, entity, id)
	}
	return row, nil
}

// All reads the tenant's rows that the conditions select, in their order.
func All[R any](ctx context.Context, db DB, more ...Apply) ([]R, error) {
	rows := []R{}
	q := db.NewSelect().Model(&rows).Where("?TableAlias.tenant_id = ?", db.Tenant())
	for _, apply := range more {
		q = apply(q)
	}
	return rows, q.Scan(ctx)
}

// Exists tells whether the tenant has a row that the conditions select.
func Exists[R any](ctx context.Context, db DB, more ...Apply) (bool, error) {
	q := db.NewSelect().Model((*R)(nil)).Where("?TableAlias.tenant_id = ?", db.Tenant())
	for _, apply := range more {
		q = apply(q)
	}
	return q.Exists(ctx)
}

// bulkSize is the number of rows of one INSERT: multi-row VALUES reach nine tenths of
// COPY's speed, and row-level security refuses COPY.
const bulkSize = 1000

// Insert writes new rows, a thousand per statement.
func Insert[R any](ctx context.Context, db DB, rows ...R) error {
	for start := 0; start < len(rows); start += bulkSize {
		part := rows[start:min(start+bulkSize, len(rows))]
		if _, err := db.insertOf(&part, len(part)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// InsertFree writes those of the rows, a thousand at most, in whose way no unique key and no exclusion
// constraint stands, and tells how many those were.
func InsertFree[R any](ctx context.Context, db DB, rows []R) (int64, error) {
	res, err := db.insertOf(&rows, len(rows)).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (db DB) insertOf(rows any, n int) *bun.InsertQuery {
	if n > 1 {
		return db.newInsert(useOnce).Model(rows)
	}
	return db.NewInsert().Model(rows)
}

// InsertIfFree writes one row unless a unique key or an exclusion constraint stands in
// the way, and tells whether it did. Under contention this never deadlocks, unlike an
// insert that lets the constraint raise, and leaves the transaction usable.
func InsertIfFree[R any](ctx context.Context, db DB, row *R) (bool, error) {
	res, err := db.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// UpdateVersioned writes the named columns of a row whose version is still the one that
// was read, and adds one to it in the database. The row's "version" column is not to be
// named. No row: [hmstype.ErrStale].
func UpdateVersioned[R any](ctx context.Context, db DB, row *R, version int64, columns ...string) error {
	q := db.NewUpdate().Model(row).Column(columns...).
		Set("version = ?", Number(version+1)).
		WherePK().Where("?TableAlias.version = ?", Number(version))
	res, err := q.Exec(ctx)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = hmstype.ErrStale
	}
	return err
}

// Positioned is a row that knows its place in a list.
type Positioned interface {
	Position() hmstype.Position
}

// Order names the columns that a list is ordered by; a Position holds their values.
type Order struct {
	At   string // a timestamptz column; empty where the list is ordered by id alone
	ID   string // the id column; empty means "id"
	Desc bool   // newest first
}

// Page reads one page of the tenant's rows by keyset and the cursor of the next.
func Page[R Positioned](
	ctx context.Context, db DB, page hmstype.Page, order Order, more ...Apply,
) ([]R, string, error) {
	size, err := page.Size()
	if err != nil {
		return nil, "", err
	}
	q := db.NewSelect().Where("?TableAlias.tenant_id = ?", db.Tenant())
	rows := []R{}
	q = q.Model(&rows)
	if q, err = order.after(q, page, ListOf[R](order)); err != nil {
		return nil, "", err
	}
	for _, apply := range more {
		q = apply(q)
	}
	if err := q.Limit(int64(size) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) <= size {
		return rows, "", nil
	}
	rows = rows[:size]
	return rows, rows[size-1].Position().Cursor(ListOf[R](order)), nil
}

// ListOf names a list by its rows and their order, for the cursors.
func ListOf[R any](o Order) string { return reflect.TypeFor[R]().String() + " " + o.At }

func (o Order) after(q *bun.SelectQuery, page hmstype.Page, list string) (*bun.SelectQuery, error) {
	id := o.ID
	if id == "" {
		id = "id"
	}
	direction, compare := bun.Safe("ASC"), bun.Safe(">")
	if o.Desc {
		direction, compare = bun.Safe("DESC"), bun.Safe("<")
	}
	pos, ok, err := page.Position(list)
	if err != nil {
		return nil, err
	}
	if o.At == "" {
		if ok {
			q = q.Where("?TableAlias.? ? ?", bun.Ident(id), compare, pos.ID)
		}
		return q.OrderExpr("?TableAlias.? ?", bun.Ident(id), direction), nil
	}
	if ok {
		q = q.Where("(?TableAlias.?, ?TableAlias.?) ? (?, ?)", bun.Ident(o.At), bun.Ident(id), compare, pos.At, pos.ID)
	}
	return q.OrderExpr("?TableAlias.? ?, ?TableAlias.? ?", bun.Ident(o.At), direction, bun.Ident(id), direction), nil
}

// List is [Page] with each row turned into what is given out.
func List[R Positioned, T any](
	ctx context.Context, db DB, page hmstype.Page, order Order, show func(R) T, more ...Apply,
) (hmstype.List[T], error) {
	rows, next, err := Page[R](ctx, db, page, order, more...)
	if err != nil {
		return hmstype.List[T]{}, err
	}
	list := hmstype.List[T]{Items: make([]T, len(rows)), Next: next}
	for i, r := range rows {
		list.Items[i] = show(r)
	}
	return list, nil
}
