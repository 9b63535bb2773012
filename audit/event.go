package audit

import (
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Action is what was done (FHIR AuditEvent.action and its subtypes).
type Action string

// The actions.
const (
	ActionCreate Action = "create" // a row came into being; Changes holds it
	ActionUpdate Action = "update" // columns changed; Changes holds both values
	ActionDelete Action = "delete" // a row of a mechanism (a grant) went; Changes holds it
	ActionRead   Action = "read"   // a patient's data were shown
	ActionSearch Action = "search" // a patient was among the hits of a search
	ActionExport Action = "export" // data left the system
	ActionVerify Action = "verify" // somebody held the trail against the data, or its log against what was signed
	ActionPurge  Action = "purge"  // a month of the trail was archived and dropped; Changes tells the month, the archive and its digest
	ActionDenied Action = "denied" // somebody was refused; EntityID names the permission, the pair of duties, or the patient

	ActionLogin       Action = "login"        // a session began; EntityID is the user's
	ActionLogout      Action = "logout"       // it was ended by its user
	ActionLoginFailed Action = "login_failed" // EntityID is the user's; empty for a name that nobody has
)

// Event is one entry of the trail.
type Event struct {
	ID         hmstype.AuditEventID
	RecordedAt time.Time         // UTC, the database's clock
	Actor      string            // "human:<id>", "service:<id>", "system:<name>", "database:<login>"
	Action     Action            //
	Entity     string            // name of the table, such as "patient"; "permission" for a refusal
	EntityID   string            // the row's id
	Patient    hmstype.PatientID // whose data; zero where nobody's
	Operation  string            // such as "pharmacy.dispense"; empty for SQL outside the library
	RequestID  string            // the host's
	Purpose    hmstype.PurposeOfUse
	BreakGlass hmstype.BreakGlassID // the grant under which a restricted record was read; zero for everything else
	Changes    json.RawMessage      // create, delete: the row; update: {"column": [before, after]}; purge: what was purged; null for the rest
}

type eventRow struct {
	bun.BaseModel `bun:"table:hms.audit_event,alias:e"`
	dbx.Tenanted
	RecordedAt   time.Time            `bun:"recorded_at,pk"`
	ID           hmstype.AuditEventID `bun:"id,pk"`
	Actor        string
	Action       Action
	Entity       string
	EntityID     string
	PatientID    hmstype.PatientID `bun:",nullzero"`
	Operation    string
	RequestID    string
	Purpose      hmstype.PurposeOfUse
	Changes      json.RawMessage      `bun:"type:jsonb,nullzero"`
	BreakGlassID hmstype.BreakGlassID `bun:",nullzero"`
}

func (r eventRow) Position() hmstype.Position {
	return hmstype.Position{At: r.RecordedAt, ID: r.ID.UUID()}
}

func (r eventRow) event() Event {
	return Event{
		ID: r.ID, RecordedAt: r.RecordedAt.UTC(), Actor: r.Actor, Action: r.Action, Entity: r.Entity,
		EntityID: r.EntityID, Patient: r.PatientID, Operation: r.Operation, RequestID: r.RequestID,
		Purpose: r.Purpose, Changes: r.Changes, BreakGlass: r.BreakGlassID,
	}
}
