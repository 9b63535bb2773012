package lab

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ReaderSource tells who was shown something. Package audit implements it.
type ReaderSource interface {
	Readers(ctx context.Context, conn bun.IConn, of audit.ReadersOf) ([]hmstype.UserID, error)
}

// Notice tells users that what they saw of an item counts no more; it says no value.
type Notice struct {
	To        []hmstype.UserID
	Patient   hmstype.PatientID
	Order     hmstype.LabOrderID
	Withdrawn bool // there is no result any more; otherwise there is another
}

// Notifier sends a notice to each of its users. Package inbox is behind it.
type Notifier interface {
	Notify(ctx context.Context, conn bun.IConn, notice Notice) error
}

// tellReaders tells everybody who saw one of the item's versions that are wrong, but for the actor, who knows: whoever
// was shown result, order or case since the first of them came, entered or verified one, reviewed the item, or was told
// of a critical value.
func (s *Service) tellReaders(ctx context.Context, db dbx.DB, item itemRow, wrong []resultRow, withdrawn bool) error {
	if s.ports.Readers == nil || s.ports.Notices == nil || len(wrong) == 0 {
		return nil
	}
	cases, err := dbx.All[alertRow](ctx, db, dbx.Equal("order_item_id", item.ID), dbx.OrderBy("ca.id"))
	if err != nil {
		return err
	}
	of := audit.ReadersOf{
		Patient: item.PatientID, Read: []string{"lab_result", "lab_order_item", "lab_order", "lab_critical_alert"},
		Searched: []string{"lab_critical_alert"}, IDs: []string{item.ID.String(), item.OrderID.String()},
		Since: "lab_result", SinceID: wrong[0].ID.String(),
	}
	saw := []hmstype.ActorRef{item.ReviewedBy}
	for _, r := range wrong {
		of.IDs = append(of.IDs, r.ID.String())
		saw = append(saw, r.EnteredBy, r.VerifiedBy)
	}
	for _, c := range cases {
		of.IDs = append(of.IDs, c.ID.String())
		saw = append(saw, c.AcknowledgedBy, c.ClosedBy)
	}
	users, err := s.ports.Readers.Readers(ctx, db.Conn(), of)
	if err != nil {
		return err
	}
	for _, actor := range saw {
		if actor.Kind == hmstype.ActorHuman {
			users = append(users, actor.User)
		}
	}
	notice := Notice{Patient: item.PatientID, Order: item.OrderID, Withdrawn: withdrawn}
	seen := map[hmstype.UserID]bool{db.Actor.User: true, {}: true}
	for _, user := range users {
		if !seen[user] {
			seen[user] = true
			notice.To = append(notice.To, user)
		}
	}
	return s.ports.Notices.Notify(ctx, db.Conn(), notice)
}

// itemVersions gives all versions of an item's results, the oldest first.
func itemVersions(ctx context.Context, db dbx.DB, item hmstype.LabOrderItemID) ([]resultRow, error) {
	return dbx.All[resultRow](ctx, db, dbx.Equal("order_item_id", item), dbx.OrderBy("r.created_at", "r.version", "r.id"))
}

// saying gives those of an analyte's versions, the oldest first, that say what a version says in one run up to it.
func saying(all []resultRow, last resultRow) []resultRow {
	var run []resultRow
	for _, r := range all {
		switch {
		case r.AnalyteID != last.AnalyteID:
		case r.value() != last.value() || r.Comment != last.Comment || r.Status.withdrawn():
			run = nil
		default:
			run = append(run, r)
		}
	}
	return run
}
