package audit

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
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
	// a registration was refused because of the patient: somebody learnt that he is one here
	ActionMatched Action = "matched"
	ActionExport  Action = "export" // data left the system
	ActionImport  Action = "import" // the tenant came from another database, its trail with it
	ActionVerify  Action = "verify" // somebody held the trail against the data, or its log against what was signed
	// a month of the trail was archived and dropped; Changes tells the month, the archive and its digest
	ActionPurge Action = "purge"
	// somebody was refused; EntityID names the permission, the pair of duties, or the patient
	ActionDenied Action = "denied"

	ActionLogin       Action = "login"        // a session began; EntityID is the user's
	ActionLogout      Action = "logout"       // it was ended by its user
	ActionLoginFailed Action = "login_failed" // EntityID is the user's; empty for a name that nobody has
)

// Event is one entry of the trail. It holds what FHIR R4 wants of an AuditEvent:
//
//	type, subtype   Action: create, update, read and delete of a patient's data are DCM 110110
//	                (Patient Record), search is 110112 (Query), export 110106 (Export), login
//	                and logout 110114 (User Authentication) with 110122 and 110123, denied
//	                110113 (Security Alert); what concerns an audit_event is 110101 (Audit Log
//	                Used). Operation is the subtype within the library
//	action          [Event.Code]
//	recorded        RecordedAt
//	outcome         [Event.Outcome]
//	purposeOfEvent  Purpose, of the v3 ActReason code system; BTG where BreakGlass is set
//	agent           Actor is agent.who, and the one agent that is the requestor; Session or
//	                APIKey belongs into agent.policy or agent.network as the host keeps them
//	source          the host: source.observer is the tenant's system, RequestID its reference
//	entity          Patient as entity.what with role 1 (Patient), Entity and EntityID as another
//	                with role 4 (Domain Resource), Changes by [Event.Fields] as entity.detail
type Event struct {
	ID         hmstype.AuditEventID `json:"id"`
	RecordedAt time.Time            `json:"recordedAt,omitzero"` // UTC, the database's clock
	// "human:<id>", "service:<id>", "system:<name>", "database:<login>"
	Actor   hmstype.ActorRef  `json:"actor"`
	Session hmstype.SessionID `json:"session"` // under which the actor acted; zero where the host did not say
	APIKey  hmstype.APIKeyID  `json:"apiKey"`  // by which a program proved itself; zero for everybody else
	Action  Action            `json:"action"`
	// name of the table, such as "patient"; "permission" for a refusal
	Entity     string               `json:"entity"`
	EntityID   string               `json:"entityId"`  // the row's id
	Patient    hmstype.PatientID    `json:"patient"`   // whose data; zero where nobody's
	Operation  string               `json:"operation"` // such as "pharmacy.dispense"; empty for SQL outside the library
	RequestID  string               `json:"requestId"` // the host's
	Purpose    hmstype.PurposeOfUse `json:"purpose"`
	BreakGlass hmstype.BreakGlassID `json:"breakGlass"` // the grant under which a restricted record was read, or zero
	// Changes: create, delete: the row; update: {"column": [before, after]}; purge: what was purged;
	// null for the rest; see [Event.Fields].
	Changes json.RawMessage `json:"changes"`
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left tells that somebody did something, and Changes are not shown.
	Withheld bool `json:"withheld,omitempty"`
}

// Outcome tells how a use case ended (FHIR AuditEvent.outcome).
type Outcome int

// The outcomes. A use case that fails leaves no event, for it did not happen: so the trail knows
// success and refusal, and never the two serious failures.
const (
	OutcomeSuccess Outcome = 0  // it was done
	OutcomeDenied  Outcome = 4  // minor failure: the actor was refused, or failed to log in
	OutcomeSerious Outcome = 8  // serious failure; never on the trail
	OutcomeMajor   Outcome = 12 // the system died; never on the trail
)

// Outcome gives how the use case ended.
func (e Event) Outcome() Outcome { return e.Action.outcome() }

func (a Action) outcome() Outcome {
	if a == ActionDenied || a == ActionLoginFailed {
		return OutcomeDenied
	}
	return OutcomeSuccess
}

// Code gives the letter of FHIR AuditEvent.action: C, R, U, D, or E for whatever executes
// something, searches and logins among it.
func (e Event) Code() string {
	switch e.Action {
	case ActionCreate:
		return "C"
	case ActionRead, ActionExport:
		return "R"
	case ActionUpdate:
		return "U"
	case ActionDelete:
		return "D"
	default:
		return "E"
	}
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
	Credential   string
}

func (r eventRow) Position() hmstype.Position {
	return hmstype.Position{At: r.RecordedAt, ID: r.ID.UUID()}
}

func (r eventRow) event() Event {
	session, key := credential(r.Credential)
	return Event{
		ID: r.ID, RecordedAt: r.RecordedAt.UTC(), Actor: actorOf(r.Actor), Session: session, APIKey: key, Action: r.Action,
		Entity: r.Entity, EntityID: r.EntityID, Patient: r.PatientID, Operation: r.Operation, RequestID: r.RequestID,
		Purpose: r.Purpose, Changes: r.Changes, BreakGlass: r.BreakGlassID,
	}
}

// trailEvents is what every use case that shows events shows of whom. Of a restricted patient the
// trail still tells who did what to which row, how and why: all of it is of the actor.
var trailEvents = usecase.Entity[Event]{
	Table:   "audit_event",
	Patient: func(e *Event) hmstype.PatientID { return e.Patient },
	ID:      func(e *Event) string { return e.ID.String() },
	Keep: func(e, whole *Event) {
		e.Action, e.Entity, e.EntityID = whole.Action, whole.Entity, whole.EntityID
		e.Operation, e.RequestID, e.Purpose = whole.Operation, whole.RequestID, whole.Purpose
	},
}

// actorOf reads who acted. Whoever writes SQL may call himself anything, and the trail is shown all
// the same: a name that is none of the library's is the database's word.
func actorOf(text string) hmstype.ActorRef {
	ref, err := hmstype.ParseActorRef(text)
	if err != nil {
		return hmstype.ActorRef{Kind: hmstype.ActorDatabase, Name: text}
	}
	return ref
}

const (
	sessionPrefix = "session:"
	keyPrefix     = "key:"
)

// credential reads what the actor proved himself by; both are zero for anything else.
func credential(text string) (session hmstype.SessionID, key hmstype.APIKeyID) {
	if id, ok := strings.CutPrefix(text, sessionPrefix); ok {
		session, _ = hmstype.ParseID[hmstype.SessionID](id) // zero for what is none
	}
	if id, ok := strings.CutPrefix(text, keyPrefix); ok {
		key, _ = hmstype.ParseID[hmstype.APIKeyID](id)
	}
	return session, key
}
