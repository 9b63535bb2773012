package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// AlertComments are what people write on the case of a critical value.
type AlertComments struct {
	Comment        string `json:"comment,omitempty"`        // who was told, how, what is done; up to 2000 characters
	ClosingComment string `json:"closingComment,omitempty"` // how it ended; up to 2000 characters
}

// CriticalAlert is the case of a critical value: somebody who treats the patient must be told, say
// it back, and deal with it. There is one per version of a result whose value was not told
// before; verifying an unchanged value opens none.
type CriticalAlert struct {
	ID      hmstype.CriticalAlertID `json:"id"`
	Result  hmstype.LabResultID     `json:"result"` // the version that opened it
	Item    hmstype.LabOrderItemID  `json:"item"`
	Analyte hmstype.LabAnalyteID    `json:"analyte"`
	Patient hmstype.PatientID       `json:"patient"`
	// Flag: of that version; L, H or none where a censored value may be critical.
	Flag            Flag        `json:"flag,omitempty"`
	Status          AlertStatus `json:"status"`
	EscalationLevel int64       `json:"escalationLevel"`     // how often the time to acknowledge has run out
	EscalateAt      time.Time   `json:"escalateAt,omitzero"` // UTC; when it runs out next
	// SupersededBy: a later version that says otherwise; zero means none.
	SupersededBy   hmstype.LabResultID `json:"supersededBy"`
	AcknowledgedBy hmstype.ActorRef    `json:"acknowledgedBy"`          // who was told; zero while open
	AcknowledgedAt time.Time           `json:"acknowledgedAt,omitzero"` // UTC
	ReadBack       bool                `json:"readBack"`                // who was told has read the value back
	ClosedBy       hmstype.ActorRef    `json:"closedBy"`                // zero until closed
	ClosedAt       time.Time           `json:"closedAt,omitzero"`       // UTC
	AlertComments
	CreatedBy hmstype.ActorRef `json:"createdBy"`          // who entered the value
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC; when the case was opened
	Version   int64            `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants, how urgent it is and whether the value was read back.
	Withheld bool `json:"withheld,omitempty"`
}

// TimeToAcknowledge tells how long nobody knew; zero while the case is open.
func (a CriticalAlert) TimeToAcknowledge() time.Duration {
	if a.AcknowledgedAt.IsZero() {
		return 0
	}
	return a.AcknowledgedAt.Sub(a.CreatedAt)
}

type alertRow struct {
	bun.BaseModel `bun:"table:hms.lab_critical_alert,alias:ca"`
	dbx.Header[hmstype.CriticalAlertID]
	ResultID        hmstype.LabResultID
	OrderItemID     hmstype.LabOrderItemID
	AnalyteID       hmstype.LabAnalyteID
	PatientID       hmstype.PatientID
	Flag            Flag
	Status          AlertStatus
	EscalationLevel int64
	EscalateAt      time.Time
	EscalatedAt     time.Time           `bun:",nullzero"`
	SupersededBy    hmstype.LabResultID `bun:"superseded_by"`
	AcknowledgedBy  hmstype.ActorRef
	AcknowledgedAt  time.Time `bun:",nullzero"`
	ReadBack        bool
	ClosedBy        hmstype.ActorRef
	ClosedAt        time.Time `bun:",nullzero"`
	AlertComments
}

func (r alertRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r alertRow) alert() CriticalAlert {
	return CriticalAlert{
		ID: r.ID, Result: r.ResultID, Item: r.OrderItemID, Analyte: r.AnalyteID, Patient: r.PatientID,
		Flag: r.Flag, Status: r.Status, EscalationLevel: r.EscalationLevel,
		EscalateAt: r.EscalateAt.UTC(), SupersededBy: r.SupersededBy, AcknowledgedBy: r.AcknowledgedBy,
		AcknowledgedAt: r.AcknowledgedAt.UTC(), ReadBack: r.ReadBack, ClosedBy: r.ClosedBy, ClosedAt: r.ClosedAt.UTC(),
		AlertComments: r.AlertComments, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// alertTexts are what of a case is sealed.
var alertTexts = fieldcrypt.Table[AlertComments]{
	Name: "lab_critical_alert", Subject: "patient_id", Narrative: true,
	Texts: func(d *AlertComments) []fieldcrypt.Text {
		return []fieldcrypt.Text{
			{Column: "comment", Text: &d.Comment}, {Column: "closing_comment", Text: &d.ClosingComment},
		}
	},
}.Declare()

// alerts is what every use case that shows cases shows of whom. No critical value goes unheard
// because a record is restricted: who is told sees that there is one, and breaks the glass.
var alerts = usecase.Entity[CriticalAlert]{
	Table:   "lab_critical_alert",
	Patient: func(a *CriticalAlert) hmstype.PatientID { return a.Patient },
	ID:      func(a *CriticalAlert) string { return a.ID.String() },
	Texts: func(a *CriticalAlert) []fieldcrypt.Record {
		return []fieldcrypt.Record{alertTexts.Of(a.Patient.UUID(), a.ID, &a.AlertComments)}
	},
	Keep: func(withheld, whole *CriticalAlert) {
		withheld.EscalationLevel, withheld.ReadBack = whole.EscalationLevel, whole.ReadBack
	},
}

// alertSteps is how the case of a critical value changes its state.
var alertSteps = dbx.Machine[alertRow, AlertStatus]{
	Table: "lab_critical_alert", Transitions: AlertTransitions,
	State: func(r *alertRow) *AlertStatus { return &r.Status },
	Columns: []string{
		"acknowledged_by", "acknowledged_at", "comment", "read_back", "closed_by", "closed_at", "closing_comment",
	},
	Event: func(r *alertRow, _ AlertStatus) dbx.Event { return alertEvent(alertEvents[r.Status], *r) },
}

// alertEvent is what others learn of a case.
func alertEvent(kind *dbx.EventType, row alertRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.ID, Data: map[string]any{
		"patient": row.PatientID, "item": row.OrderItemID, "result": row.ResultID, "flag": row.Flag,
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
		wasCritical := known && old.Critical && !old.Status.withdrawn()
		isCritical := row.Critical && !row.Status.withdrawn()
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
		if err := db.Emit(ctx, alertEvent(eventCriticalFound, row)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) newAlert(db dbx.DB, row resultRow) alertRow {
	return alertRow{
		Header: dbx.NewHeader[hmstype.CriticalAlertID](db), ResultID: row.ID,
		OrderItemID: row.OrderItemID, AnalyteID: row.AnalyteID, PatientID: row.PatientID, Flag: row.Flag,
		Status: AlertOpen, EscalateAt: db.Now.Add(s.ports.EscalateCriticalAfter),
	}
}

// supersedeAlert marks the live case of a result as superseded by the new version.
func supersedeAlert(ctx context.Context, db dbx.DB, row resultRow) error {
	live, err := dbx.All[alertRow](ctx, db, dbx.ForUpdate, dbx.Equal("order_item_id", row.OrderItemID),
		dbx.Equal("analyte_id", row.AnalyteID), dbx.Where("ca.superseded_by IS NULL"), dbx.OrderBy("ca.id"))
	if err != nil {
		return err
	}
	for _, alert := range live {
		alert.SupersededBy = row.ID
		if err := dbx.Update(ctx, db, &alert, "superseded_by"); err != nil {
			return err
		}
		if err := db.Emit(ctx, alertEvent(eventCriticalCorrected, alert)); err != nil {
			return err
		}
	}
	return nil
}

// AcknowledgeCriticalInput says that somebody knows of a critical value.
type AcknowledgeCriticalInput struct {
	ID hmstype.CriticalAlertID `json:"id"` // required
	// required, up to 2000 characters: who was told, how, what is done
	Comment  string `json:"comment"`
	ReadBack bool   `json:"readBack"` // the value was read back
}

// Validate implements the rules above.
func (in AcknowledgeCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

var opAcknowledgeCritical = usecase.Command[AcknowledgeCriticalInput, CriticalAlert]{
	Name: "lab.acknowledge_critical", Permission: hmstype.PermLabReview, Shows: alerts.One(),
	Sample: AcknowledgeCriticalInput{Comment: "told Dr A by telephone, calcium given", ReadBack: true},
}.Declare()

// AcknowledgeCritical stops the clock of a case. The actor is who was told, and must be a
// person: [ErrPersonRequired]. A case is acknowledged once: [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabReview].
func (s *Service) AcknowledgeCritical(ctx context.Context, in AcknowledgeCriticalInput) (CriticalAlert, error) {
	return opAcknowledgeCritical.Run(ctx, &s.base, in, s.acknowledgeCritical)
}

func (s *Service) acknowledgeCritical(
	ctx context.Context, db dbx.DB, in AcknowledgeCriticalInput,
) (CriticalAlert, error) {
	said := AlertComments{Comment: in.Comment}
	return s.stepAlert(ctx, db, in.ID, AlertAcknowledged, &said, func(row *alertRow) error {
		row.AcknowledgedBy, row.AcknowledgedAt = db.By(), db.Now
		row.Comment, row.ReadBack = said.Comment, in.ReadBack
		return nil
	})
}

// CloseCriticalInput ends a case.
type CloseCriticalInput struct {
	ID       hmstype.CriticalAlertID `json:"id"`       // required
	Comment  string                  `json:"comment"`  // required, up to 2000 characters
	ReadBack bool                    `json:"readBack"` // the value was read back since it was acknowledged
}

// Validate implements the rules above.
func (in CloseCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

var opCloseCritical = usecase.Command[CloseCriticalInput, CriticalAlert]{
	Name: "lab.close_critical", Permission: hmstype.PermLabReview, Shows: alerts.One(),
	Sample: CloseCriticalInput{Comment: "potassium 5.0 on repeat", ReadBack: true},
}.Declare()

// CloseCritical ends a case that is acknowledged and read back, then or now: [ErrReadBack].
// The actor must be a person: [ErrPersonRequired].
// Permission: [hmstype.PermLabReview].
func (s *Service) CloseCritical(ctx context.Context, in CloseCriticalInput) (CriticalAlert, error) {
	return opCloseCritical.Run(ctx, &s.base, in, s.closeCritical)
}

func (s *Service) closeCritical(ctx context.Context, db dbx.DB, in CloseCriticalInput) (CriticalAlert, error) {
	said := AlertComments{ClosingComment: in.Comment}
	return s.stepAlert(ctx, db, in.ID, AlertClosed, &said, func(row *alertRow) error {
		row.ReadBack = row.ReadBack || in.ReadBack
		if !row.ReadBack {
			return ErrReadBack
		}
		row.ClosedBy, row.ClosedAt, row.ClosingComment = db.By(), db.Now, said.ClosingComment
		return nil
	})
}

// stepAlert takes a step of a case by a person; what he said is sealed before apply.
func (s *Service) stepAlert(
	ctx context.Context, db dbx.DB, id hmstype.CriticalAlertID, to AlertStatus,
	said *AlertComments, apply func(*alertRow) error,
) (CriticalAlert, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return CriticalAlert{}, ErrPersonRequired
	}
	step := dbx.Change[alertRow, AlertStatus]{To: to, Apply: func(row *alertRow) error {
		if err := alertTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, said); err != nil {
			return err
		}
		return apply(row)
	}}
	row, err := dbx.Step(ctx, db, alertSteps, id, step)
	return row.alert(), err
}

// escalateInput says as of when.
type escalateInput struct{ AsOf time.Time }

// Validate requires the instant.
func (in escalateInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

// Given gives the instant, for a hook.
func (in escalateInput) Given() any { return in.AsOf }

// escalateBatch bounds the cases that one call escalates, and so its transaction.
const escalateBatch = 500

var opEscalateCritical = usecase.Command[escalateInput, []CriticalAlert]{
	Name: "lab.escalate_critical", Permission: hmstype.PermLabReview, Shows: alerts.FoundAll(),
	MayBeIdle: "all alerts may have been acknowledged",
	Sample:    escalateInput{AsOf: usecase.SampleAt},
}.Declare()

// EscalateCritical raises the level of the open cases whose time to acknowledge has run out as of
// the instant, emits eventCriticalEscalated for each and gives them, at most 500, the most
// overdue first. Call it every minute or so, and again at once while it gives 500. A second call
// as of the same instant escalates nothing again; several callers take different cases.
// Permission: [hmstype.PermLabReview].
func (s *Service) EscalateCritical(ctx context.Context, asOf time.Time) ([]CriticalAlert, error) {
	return opEscalateCritical.Run(ctx, &s.base, escalateInput{hmstype.Instant(asOf)}, s.escalateCritical)
}

func (s *Service) escalateCritical(ctx context.Context, db dbx.DB, in escalateInput) ([]CriticalAlert, error) {
	rows, err := dbx.All[alertRow](ctx, db, dbx.Equal("status", AlertOpen), dbx.Where("ca.escalate_at <= ?", in.AsOf),
		dbx.OrderBy("ca.escalate_at", "ca.id"), dbx.Limit(escalateBatch), dbx.SkipLocked)
	if err != nil {
		return nil, err
	}
	escalated := make([]CriticalAlert, 0, len(rows))
	for _, row := range rows {
		missed := int64(in.AsOf.Sub(row.EscalateAt)/s.ports.EscalateCriticalAfter) + 1
		row.EscalationLevel += missed
		row.EscalateAt = row.EscalateAt.Add(time.Duration(missed) * s.ports.EscalateCriticalAfter)
		row.EscalatedAt = in.AsOf
		if err := dbx.Update(ctx, db, &row, "escalation_level", "escalate_at", "escalated_at"); err != nil {
			return nil, err
		}
		if err := db.Emit(ctx, alertEvent(eventCriticalEscalated, row)); err != nil {
			return nil, err
		}
		escalated = append(escalated, row.alert())
	}
	return escalated, nil
}

// ListCriticalAlertsInput asks for cases that are not closed.
type ListCriticalAlertsInput struct {
	Page     hmstype.Page `json:"page"`
	OnlyOpen bool         `json:"onlyOpen"` // leave out those that are acknowledged
}

// Validate checks the page.
func (in ListCriticalAlertsInput) Validate() error {
	return in.Page.Validate()
}

var opListCriticalAlerts = usecase.Query[ListCriticalAlertsInput, hmstype.List[CriticalAlert]]{
	Name: "lab.list_critical_alerts", Permission: hmstype.PermLabRead, Shows: alerts.Found(),
	Sample: ListCriticalAlertsInput{},
}.Declare()

// ListCriticalAlerts lists the cases that are not closed, oldest first, and records for each
// patient that it was seen.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListCriticalAlerts(ctx context.Context, in ListCriticalAlertsInput) (hmstype.List[CriticalAlert], error) {
	return opListCriticalAlerts.Run(ctx, &s.base, in, criticalAlerts)
}

func criticalAlerts(ctx context.Context, db dbx.DB, in ListCriticalAlertsInput) (hmstype.List[CriticalAlert], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, alertRow.alert,
		dbx.Where("ca.status <> 'closed'"), dbx.When(in.OnlyOpen, dbx.Equal("status", AlertOpen)))
}

var opGetCriticalAlertHistory = usecase.Query[usecase.ByID[hmstype.CriticalAlertID], hmstype.History]{
	Name: "lab.get_critical_alert_history", Permission: hmstype.PermLabRead, Shows: usecase.Histories("lab_critical_alert").One(),
}.Declare()

// GetCriticalAlertHistory gives the steps of the case of a critical value from state to state, the
// oldest first. Escalation is no step: the case tells its level.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetCriticalAlertHistory(ctx context.Context, id hmstype.CriticalAlertID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.CriticalAlertID]("lab_critical_alert", alertRow.subject)
	return opGetCriticalAlertHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r alertRow) subject() hmstype.PatientID { return r.PatientID }
