package audit

import (
	"context"
	"iter"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opExportEvents = usecase.Query[ListEventsInput, hmstype.List[Event]]{
	Name: "audit.export_events", List: "audit.list_events", Permission: hmstype.PermAuditRead,
	Shows:  trailEvents.Found().As(string(ActionExport)),
	Sample: ListEventsInput{Entity: "patient", Actions: []Action{ActionRead}, Page: hmstype.Page{Limit: 10}},
}.Declare()

// opExportPage goes on with an export.
var opExportPage = usecase.Query[ListEventsInput, hmstype.List[Event]]{
	Name: "audit.export_page", List: "audit.list_events", Permission: hmstype.PermAuditRead,
	Shows:  trailEvents.Found().As(string(ActionExport)),
	Sample: opExportEvents.Sample,
}.Declare()

// opExportOfPatient is a page of an export of one patient's events, which is refused where his
// record is restricted.
var opExportOfPatient = usecase.Query[ListEventsInput, hmstype.List[Event]]{
	Name: "audit.export_of_patient", List: "audit.list_events_of_patient", Permission: hmstype.PermAuditRead,
	Shows:  trailEvents.Page().As(string(ActionExport)),
	Sample: ListEventsInput{Page: hmstype.Page{Limit: 10}},
}.Declare()

// ExportEvents streams the events that the query selects, newest first, however many they are. It
// reads a page at a time, each in a transaction of its own that is over before the page's
// first event is handed out, so that a slow consumer holds nothing; Page.Limit is the size of
// one step, zero means 500, and Page.Cursor where to begin. The stream ends with its first
// error, and when the consumer breaks.
//
// The export is recorded as it begins, before anything is shown, and with each page every
// patient whom it shows. Changes of restricted patients are withheld as by [Service.ListEvents], and an
// export of one such patient's events is refused.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ExportEvents(ctx context.Context, in ExportEventsInput) iter.Seq2[Event, error] {
	query := ListEventsInput(in)
	if query.Page.Limit == 0 {
		query.Page.Limit = hmstype.MaxPageSize
	}
	return func(yield func(Event, error) bool) {
		begun := false
		stream(query.Page, func(page hmstype.Page) (hmstype.List[Event], error) {
			query := query
			query.Page = page
			goesOn := begun
			begun = true
			switch {
			case !query.Patient.IsZero():
				return opExportOfPatient.Run(ctx, &s.base, query, trail)
			case goesOn:
				return opExportPage.Run(ctx, &s.base, query, trail)
			default:
				return opExportEvents.Run(ctx, &s.base, query, exportFirst)
			}
		})(yield)
	}
}

// exportFirst records the export as such and reads its first page. A page without events is
// recorded by what shows it.
func exportFirst(ctx context.Context, db dbx.DB, query ListEventsInput) (hmstype.List[Event], error) {
	list, err := events(ctx, db, query)
	if err != nil || len(list.Items) == 0 {
		return list, err
	}
	return list, db.RecordAccess(ctx, dbx.Access{Action: string(ActionExport), Entity: "audit_event"})
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
