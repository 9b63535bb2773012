package lab

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// CriticalAlert is the case of a critical value: somebody who treats the patient must be told, say
// it back, and deal with it. There is one per version of a result whose value was not told
// before; verifying an unchanged value opens none.
type CriticalAlert struct {
	ID              hmstype.CriticalAlertID
	ResultID        hmstype.LabResultID // the version that opened it
	ItemID          hmstype.LabOrderItemID
	AnalyteID       hmstype.LabAnalyteID
	PatientID       hmstype.PatientID
	Flag            Flag // of that version; L, H or none where a censored value may be critical
	Status          AlertStatus
	OpenedAt        time.Time           // UTC
	EscalationLevel int64               // how often the time to acknowledge has run out
	EscalateAt      time.Time           // UTC; when it runs out next
	SupersededBy    hmstype.LabResultID // a later version that says otherwise; zero means none
	AcknowledgedBy  hmstype.UserID      // who was told; zero while open
	AcknowledgedAt  time.Time           // UTC
	Comment         string              // what was said and done
	ReadBack        bool                // who was told has read the value back
	ClosedBy        hmstype.UserID      // zero until closed
	ClosedAt        time.Time           // UTC
	ClosingComment  string
	Version         int64 // counts changes, from 1
}

// TimeToAcknowledge tells how long nobody knew; zero while the case is open.
func (a CriticalAlert) TimeToAcknowledge() time.Duration {
	if a.AcknowledgedAt.IsZero() {
		return 0
	}
	return a.AcknowledgedAt.Sub(a.OpenedAt)
}

type alertRow struct {
	bun.BaseModel `bun:"table:hms.lab_critical_alert,alias:ca"`
	dbx.Tenanted
	ID              hmstype.CriticalAlertID `bun:"id,pk"`
	ResultID        hmstype.LabResultID
	OrderItemID     hmstype.LabOrderItemID
	AnalyteID       hmstype.LabAnalyteID
	PatientID       hmstype.PatientID
	Flag            Flag
	Status          AlertStatus
	OpenedAt        time.Time
	EscalationLevel int64
	EscalateAt      time.Time
	EscalatedAt     time.Time           `bun:",nullzero"`
	SupersededBy    hmstype.LabResultID `bun:"superseded_by"`
	AcknowledgedBy  hmstype.UserID
	AcknowledgedAt  time.Time `bun:",nullzero"`
	Comment         string
	ReadBack        bool
	ClosedBy        hmstype.UserID
	ClosedAt        time.Time `bun:",nullzero"`
	ClosingComment  string
	Version         int64
}

func (r alertRow) Position() hmstype.Position {
	return hmstype.Position{At: r.OpenedAt, ID: r.ID.UUID()}
}

func (r alertRow) alert() CriticalAlert {
	return CriticalAlert{
		ID: r.ID, ResultID: r.ResultID, ItemID: r.OrderItemID, AnalyteID: r.AnalyteID, PatientID: r.PatientID,
		Flag: r.Flag, Status: r.Status, OpenedAt: r.OpenedAt.UTC(), EscalationLevel: r.EscalationLevel,
		EscalateAt: r.EscalateAt.UTC(), SupersededBy: r.SupersededBy, AcknowledgedBy: r.AcknowledgedBy,
		AcknowledgedAt: r.AcknowledgedAt.UTC(), Comment: r.Comment, ReadBack: r.ReadBack, ClosedBy: r.ClosedBy,
		ClosedAt: r.ClosedAt.UTC(), ClosingComment: r.ClosingComment, Version: r.Version,
	}
}

// alertEvent is what others learn of a case.
func alertEvent(kind string, row alertRow) dbx.Event {
	return dbx.Event{Type: kind, Entity: "lab_critical_alert", ID: row.ID, Data: map[string]any{
		"patientId": row.PatientID, "itemId": row.OrderItemID, "resultId": row.ResultID, "flag": row.Flag,
		"escalationLevel": row.EscalationLevel, "supersededBy": row.SupersededBy,
	}}
}

// settleAlerts opens a case for each new version with a critical value that was not told
// yet, and marks the case of a version that said otherwise as superseded, for whoever was told
// must hear of that too.
func (s *Service) settleAlerts(ctx context.Context, db dbx.DB, before map[hmstype.LabAnalyteID]resultRow, rows []resultRow) error {
	opened := []alertRow{}
	for _, row := range rows {
		old, known := before[row.AnalyteID]
		wasCritical := known && old.Critical && !old.withdrawn()
		isCritical := row.Critical && !row.withdrawn()
		if wasCritical && isCritical && old.sameAlarm(row) {
			continue
		}
		if wasCritical {
			if err := supersedeAlert(ctx, db, row); err != nil {
				return err
			}
		}
		if isCritical {
			opened = append(opened, s.newAlert(db, row))
		}
	}
	if err := dbx.Insert(ctx, db, opened...); err != nil {
		return err
	}
	for _, row := range opened {
		if err := db.Emit(ctx, alertEvent("lab.critical", row)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) newAlert(db dbx.DB, row resultRow) alertRow {
	return alertRow{
		Tenanted: row.Tenanted, ID: hmstype.NewID[hmstype.CriticalAlertID](), ResultID: row.ID,
		OrderItemID: row.OrderItemID, AnalyteID: row.AnalyteID, PatientID: row.PatientID, Flag: row.Flag,
		Status: AlertOpen, OpenedAt: db.Now, EscalateAt: db.Now.Add(s.ports.EscalateCriticalAfter), Version: 1,
	}
}

// supersedeAlert marks the live case of a result as superseded by the new version.
func supersedeAlert(ctx context.Context, db dbx.DB, row resultRow) error {
	alerts, err := dbx.All[alertRow](ctx, db, dbx.ForUpdate, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("ca.order_item_id = ?", row.OrderItemID).Where("ca.analyte_id = ?", row.AnalyteID).
			Where("ca.superseded_by IS NULL").Order("ca.id")
	})
	if err != nil {
		return err
	}
	for _, alert := range alerts {
		alert.SupersededBy = row.ID
		if err := dbx.UpdateVersioned(ctx, db, &alert, alert.Version, "superseded_by"); err != nil {
			return err
		}
		if err := db.Emit(ctx, alertEvent("lab.critical_corrected", alert)); err != nil {
			return err
		}
	}
	return nil
}

// AcknowledgeCriticalInput says that somebody knows of a critical value.
type AcknowledgeCriticalInput struct {
	ID       hmstype.CriticalAlertID // required
	Comment  string                  // required, up to 2000 characters: who was told, how, what is done
	ReadBack bool                    // the value was read back
}

// Validate implements the rules above.
func (in AcknowledgeCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

// AcknowledgeCritical stops the clock of a case. The actor is who was told, and must be a
// person: [ErrPersonRequired]. A case is acknowledged once: [hmstype.ErrInvalidTransition].
func (s *Service) AcknowledgeCritical(ctx context.Context, in AcknowledgeCriticalInput) (CriticalAlert, error) {
	op := usecase.Op{Name: "lab.acknowledge_critical", Permission: hmstype.PermLabReview}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, alertText, func(ctx context.Context, db dbx.DB, in AcknowledgeCriticalInput) (CriticalAlert, error) {
		return stepAlert(ctx, db, in.ID, AlertAcknowledged, func(row *alertRow) ([]string, error) {
			row.AcknowledgedBy, row.AcknowledgedAt = db.Actor.User, db.Now
			row.Comment, row.ReadBack = in.Comment, in.ReadBack
			err := s.seal(ctx, db, row.PatientID, row.ID, fieldAlertComment, &row.Comment)
			return []string{"acknowledged_by", "acknowledged_at", "comment", "read_back"}, err
		})
	}))
}

// CloseCriticalInput ends a case.
type CloseCriticalInput struct {
	ID       hmstype.CriticalAlertID // required
	Comment  string                  // required, up to 2000 characters
	ReadBack bool                    // the value was read back since it was acknowledged
}

// Validate implements the rules above.
func (in CloseCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

// CloseCritical ends a case that is acknowledged and read back, then or now: [ErrReadBack].
// The actor must be a person: [ErrPersonRequired].
func (s *Service) CloseCritical(ctx context.Context, in CloseCriticalInput) (CriticalAlert, error) {
	op := usecase.Op{Name: "lab.close_critical", Permission: hmstype.PermLabReview}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, alertText, func(ctx context.Context, db dbx.DB, in CloseCriticalInput) (CriticalAlert, error) {
		return stepAlert(ctx, db, in.ID, AlertClosed, func(row *alertRow) ([]string, error) {
			row.ReadBack = row.ReadBack || in.ReadBack
			if !row.ReadBack {
				return nil, ErrReadBack
			}
			row.ClosedBy, row.ClosedAt, row.ClosingComment = db.Actor.User, db.Now, in.Comment
			err := s.seal(ctx, db, row.PatientID, row.ID, fieldClosingComment, &row.ClosingComment)
			return []string{"read_back", "closed_by", "closed_at", "closing_comment"}, err
		})
	}))
}

func stepAlert(ctx context.Context, db dbx.DB, id hmstype.CriticalAlertID, to AlertStatus, change func(*alertRow) ([]string, error)) (CriticalAlert, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return CriticalAlert{}, ErrPersonRequired
	}
	row, err := dbx.Get[alertRow](ctx, db, "lab_critical_alert", id, dbx.ForUpdate)
	if err != nil {
		return CriticalAlert{}, err
	}
	if err := AlertTransitions.Check("lab_critical_alert", row.Status, to); err != nil {
		return CriticalAlert{}, err
	}
	columns, err := change(&row)
	if err != nil {
		return CriticalAlert{}, err
	}
	row.Status = to
	if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, append(columns, "status")...); err != nil {
		return CriticalAlert{}, err
	}
	row.Version++
	return row.alert(), db.Emit(ctx, alertEvent("lab.critical_"+string(to), row))
}

// escalateInput says as of when.
type escalateInput struct{ AsOf time.Time }

// Validate requires the instant.
func (in escalateInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

// escalateBatch bounds the cases that one call escalates, and so its transaction.
const escalateBatch = 500

// EscalateCritical raises the level of the open cases whose time to acknowledge has run out as of
// the instant, emits "lab.critical_escalated" for each and gives them, at most 500, the most
// overdue first. Call it every minute or so, and again at once while it gives 500. A second call
// as of the same instant escalates nothing again; several callers take different cases.
func (s *Service) EscalateCritical(ctx context.Context, asOf time.Time) ([]CriticalAlert, error) {
	op := usecase.Op{Name: "lab.escalate_critical", Permission: hmstype.PermLabReview}
	return usecase.Write(ctx, &s.base, op, escalateInput{hmstype.Instant(asOf)}, fieldcrypt.OpenedAll(s.base.Crypt, alertText, s.escalate))
}

func (s *Service) escalate(ctx context.Context, db dbx.DB, in escalateInput) ([]CriticalAlert, error) {
	rows, err := dbx.All[alertRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("ca.status = 'open'").Where("ca.escalate_at <= ?", in.AsOf).
			Order("ca.escalate_at", "ca.id").Limit(escalateBatch).For("UPDATE OF ca SKIP LOCKED")
	})
	if err != nil {
		return nil, err
	}
	alerts := make([]CriticalAlert, 0, len(rows))
	for _, row := range rows {
		missed := int64(in.AsOf.Sub(row.EscalateAt)/s.ports.EscalateCriticalAfter) + 1
		row.EscalationLevel += missed
		row.EscalateAt = row.EscalateAt.Add(time.Duration(missed) * s.ports.EscalateCriticalAfter)
		row.EscalatedAt = in.AsOf
		err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "escalation_level", "escalate_at", "escalated_at")
		if err != nil {
			return nil, err
		}
		row.Version++
		if err := db.Emit(ctx, alertEvent("lab.critical_escalated", row)); err != nil {
			return nil, err
		}
		alerts = append(alerts, row.alert())
	}
	return alerts, nil
}

// CriticalAlertsInput asks for cases that are not closed.
type CriticalAlertsInput struct {
	Page     hmstype.Page
	OnlyOpen bool // leave out those that are acknowledged
}

// Validate checks the page.
func (in CriticalAlertsInput) Validate() error {
	return in.Page.Validate()
}

// CriticalAlerts lists the cases that are not closed, oldest first, and records for each
// patient that it was seen.
func (s *Service) CriticalAlerts(ctx context.Context, in CriticalAlertsInput) (hmstype.List[CriticalAlert], error) {
	op := usecase.Op{Name: "lab.critical_alerts", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, fieldcrypt.OpenedList(s.base.Crypt, alertText, func(ctx context.Context, db dbx.DB, in CriticalAlertsInput) (hmstype.List[CriticalAlert], error) {
		list := hmstype.List[CriticalAlert]{Items: []CriticalAlert{}}
		rows, next, err := dbx.Page[alertRow](ctx, db, in.Page, dbx.Order{At: "opened_at"}, func(q *bun.SelectQuery) *bun.SelectQuery {
			if in.OnlyOpen {
				return q.Where("ca.status = 'open'")
			}
			return q.Where("ca.status <> 'closed'")
		})
		if err != nil {
			return list, err
		}
		seen := map[hmstype.PatientID]bool{}
		for _, row := range rows {
			list.Items = append(list.Items, row.alert())
			seen[row.PatientID] = true
		}
		list.Next = next
		return list, db.RecordSearch(ctx, "lab_critical_alert", slices.Collect(maps.Keys(seen))...)
	}))
}
