package audit

import (
	"context"
	"iter"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Export streams the events that the query selects, newest first, however many they are. It
// reads a page at a time, each in a transaction of its own that is over before the page's
// first event is handed out, so that a slow consumer holds nothing; Page.Limit is the size of
// one step, zero means 500, and Page.Cursor where to begin. The stream ends with its first
// error, and when the consumer breaks.
//
// The export is recorded as it begins, before anything is shown, and with each page every
// patient whom it shows. Changes of restricted patients are withheld as by [Service.Trail].
func (s *Service) Export(ctx context.Context, query Query) iter.Seq2[Event, error] {
	if query.Page.Limit == 0 {
		query.Page.Limit = hmstype.MaxPageSize
	}
	return func(yield func(Event, error) bool) {
		op, fn := "audit.export", exportFirst
		stream(query.Page, func(page hmstype.Page) (hmstype.List[Event], error) {
			query := query
			query.Page = page
			list, err := usecase.Read(ctx, &s.base, usecase.Op{Name: op, Permission: hmstype.PermAuditRead}, query, fn)
			op, fn = "audit.export_page", exportPage
			return list, err
		})(yield)
	}
}

// exportFirst records the export and reads its first page.
func exportFirst(ctx context.Context, db dbx.DB, query Query) (hmstype.List[Event], error) {
	err := db.RecordAccess(ctx, dbx.Access{Action: string(ActionExport), Entity: "audit_event", Patient: query.Patient})
	if err != nil {
		return hmstype.List[Event]{}, err
	}
	return exportPage(ctx, db, query)
}

func exportPage(ctx context.Context, db dbx.DB, query Query) (hmstype.List[Event], error) {
	list, err := events(ctx, db, query)
	if err != nil || !query.Patient.IsZero() { // that patient is recorded
		return list, err
	}
	open, closed, err := withhold(ctx, db, list.Items)
	if err != nil || len(open)+len(closed) == 0 {
		return list, err
	}
	accesses := make([]dbx.Access, 0, len(open)+len(closed))
	for _, p := range open {
		accesses = append(accesses, dbx.Access{Action: string(ActionExport), Entity: "audit_event", Patient: p})
	}
	for _, p := range closed { // of whom nothing is shown but that there are events
		accesses = append(accesses, dbx.Access{Action: string(ActionSearch), Entity: "audit_event", Patient: p})
	}
	return list, db.RecordAccess(ctx, accesses...)
}

// stream gives the items of every page from one on.
func stream[T any](page hmstype.Page, read func(hmstype.Page) (hmstype.List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page := page; ; {
			list, err := read(page)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range list.Items {
				if !yield(item, nil) {
					return
				}
			}
			if list.Next == "" {
				return
			}
			page.Cursor = list.Next
		}
	}
}
