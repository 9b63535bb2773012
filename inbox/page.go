package inbox

import (
	"bytes"
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// mergedPage reads one page of what several conditions select, each row by one of them: what
// was sent to a user, and what to each of his roles. One query per source walks that source's
// index in the list's order and reads a page at most; one query with OR would read and sort
// all that the user ever got.
func mergedPage[R dbx.Positioned](
	ctx context.Context, db dbx.DB, page hmstype.Page, order dbx.Order, sources []dbx.Apply, more ...dbx.Apply,
) ([]R, string, error) {
	size, err := page.Size()
	if err != nil {
		return nil, "", err
	}
	merged, goesOn := []R{}, false
	for _, source := range sources {
		rows, next, err := dbx.Page[R](ctx, db, page, order, append([]dbx.Apply{source}, more...)...)
		if err != nil {
			return nil, "", err
		}
		merged, goesOn = append(merged, rows...), goesOn || next != ""
	}
	slices.SortFunc(merged, func(a, b R) int {
		if order.Desc {
			a, b = b, a
		}
		return compare(a.Position(), b.Position())
	})
	if len(merged) > size {
		merged, goesOn = merged[:size], true
	}
	if !goesOn {
		return merged, "", nil
	}
	return merged, merged[len(merged)-1].Position().Cursor(dbx.ListOf[R](order)), nil
}

// compare orders positions as the database does.
func compare(a, b hmstype.Position) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}
