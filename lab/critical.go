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
	// Tell is whom to tell now, of those on duty and on call. Only [Service.EscalateCritical] gives it;
	// empty where the roster names nobody: then whoever holds the role is to be told.
	Tell []hmstype.UserID `json:"tell,omitempty"`
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
		withheld.Tell = whole.Tell
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
	return dbx.Event{Type: kind, ID: row.ID, Data: alertData(row)}
}

func alertData(row alertRow) map[string]any {
	return map[string]any{
		"patient": row.PatientID, "item": row.OrderItemID, "result": row.ResultID, "flag": row.Flag,
		"escalationLevel": row.EscalationLevel, "supersededBy": row.SupersededBy,
	}
}

// settleAlerts opens a case for each new version with a critical value that was not told
// yet, and marks the case of a version that said otherwise as superseded, for whoever was told
// must hear of that too.
func (s *Service) settleAlerts(
	ctx context.Context, db dbx.DB, before map[hmstype.LabAnalyteID]resultRow, rows []resultRow,
) error {
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
func (s *Service) ListCriticalAlerts(
	ctx context.Context, in ListCriticalAlertsInput,
) (hmstype.List[CriticalAlert], error) {
	return opListCriticalAlerts.Run(ctx, &s.base, in, criticalAlerts)
}

func criticalAlerts(ctx context.Context, db dbx.DB, in ListCriticalAlertsInput) (hmstype.List[CriticalAlert], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, alertRow.alert,
		dbx.Where("ca.status <> 'closed'"), dbx.When(in.OnlyOpen, dbx.Equal("status", AlertOpen)))
}

var opGetCriticalAlertHistory = usecase.Query[usecase.ByID[hmstype.CriticalAlertID], hmstype.History]{
	Name: "lab.get_critical_alert_history", Permission: hmstype.PermLabRead,
	Shows: usecase.Histories("lab_critical_alert").One(),
}.Declare()

// GetCriticalAlertHistory gives the steps of the case of a critical value from state to state, the
// oldest first. Escalation is no step: the case tells its level.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetCriticalAlertHistory(ctx context.Context, id hmstype.CriticalAlertID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.CriticalAlertID]("lab_critical_alert", alertRow.subject)
	return opGetCriticalAlertHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r alertRow) subject() hmstype.PatientID { return r.PatientID }
