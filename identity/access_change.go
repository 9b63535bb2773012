package identity

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ApprovalWithin is how long a request can be approved.
const ApprovalWithin = 7 * 24 * time.Hour

// maxAccessReason bounds why something is asked for, and why it was decided so, in characters.
const maxAccessReason = 500

// AccessChangeKind says what a request asks for.
type AccessChangeKind string

// The kinds of requests.
const (
	AccessAdministrator AccessChangeKind = "administrator" // give a user roles that make him an administrator
	AccessRole          AccessChangeKind = "role"          // change what a role allows
	AccessSecondFactor  AccessChangeKind = "second-factor" // take a user's lost second factor away
)

// AccessChangeStatus is the state of a request.
type AccessChangeStatus string

// The states of a request. That it expired is no state: ExpiresAt tells.
const (
	AccessRequested AccessChangeStatus = "requested" // waits for another person
	AccessApproved  AccessChangeStatus = "approved"  // and done; terminal
	AccessRejected  AccessChangeStatus = "rejected"  // terminal
	AccessWithdrawn AccessChangeStatus = "withdrawn" // by who asked; terminal
)

// AccessChangeTransitions are the allowed steps between the states.
var AccessChangeTransitions = hmstype.Transitions[AccessChangeStatus]{
	AccessRequested: {AccessApproved, AccessRejected, AccessWithdrawn},
}

// RoleVersion is a role as somebody read it.
type RoleVersion struct {
	ID      hmstype.RoleID `json:"id"`
	Version int64          `json:"version"` // from 1
}

// AccessChange is a request to change who may do what. Another person than who asks approves it, and with that it
// is done. What it asks of is kept with its version: an account, or a role, that changed since is judged anew.
type AccessChange struct {
	ID      hmstype.AccessChangeID `json:"id"`
	Kind    AccessChangeKind       `json:"kind"`
	User    hmstype.UserID         `json:"user"`            // whom it is about; zero for a role's change
	Roles   []RoleVersion          `json:"roles,omitempty"` // to be given to the user, beside those that he has
	Role    RoleVersion            `json:"role"`            // which is to change; zero for the other kinds
	Details RoleDetails            `json:"details"`         // what the role is to be; empty for the other kinds
	Reason  string                 `json:"reason"`          // why it is asked for; 3 to 500 characters
	Status  AccessChangeStatus     `json:"status"`
	// CreatedAt and CreatedBy are when it was asked for (UTC), and by whom.
	CreatedAt    time.Time        `json:"createdAt,omitzero"`
	CreatedBy    hmstype.ActorRef `json:"createdBy"`
	ExpiresAt    time.Time        `json:"expiresAt,omitzero"` // UTC; from then on nobody approves it
	DecidedAt    time.Time        `json:"decidedAt,omitzero"` // UTC; zero while it waits
	DecidedBy    hmstype.ActorRef `json:"decidedBy"`          // zero while it waits
	DecisionText string           `json:"decisionText,omitempty"`
	Version      int64            `json:"version"` // counts changes, from 1
}

type accessChangeRow struct {
	bun.BaseModel `bun:"table:hms.access_change,alias:ac"`
	dbx.Header[hmstype.AccessChangeID]
	Kind        AccessChangeKind
	UserID      hmstype.UserID `bun:",nullzero"`
	UserVersion int64          `bun:",nullzero"`
	Roles       []RoleVersion  `bun:"type:jsonb"`
	RoleID      hmstype.RoleID `bun:",nullzero"`
	RoleVersion int64          `bun:",nullzero"`
	RoleDetails
	Reason       string
	Status       AccessChangeStatus
	ExpiresAt    time.Time
	DecidedBy    hmstype.ActorRef
	DecidedAt    time.Time `bun:",nullzero"`
	DecisionText string
}

func (r accessChangeRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r accessChangeRow) change() AccessChange {
	return AccessChange{
		ID: r.ID, Kind: r.Kind, User: r.UserID, Roles: r.Roles, Role: RoleVersion{ID: r.RoleID, Version: r.RoleVersion},
		Details: r.RoleDetails, Reason: r.Reason, Status: r.Status, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		ExpiresAt: r.ExpiresAt.UTC(), DecidedAt: r.DecidedAt.UTC(), DecidedBy: r.DecidedBy, DecisionText: r.DecisionText,
		Version: r.Version,
	}
}

// decide notes who decided, when and why.
func (r *accessChangeRow) decide(db dbx.DB, text string) {
	r.DecidedBy, r.DecidedAt, r.DecisionText = db.By(), db.Now, text
}

// newAccessChange begins a request of a kind.
func newAccessChange(db dbx.DB, kind AccessChangeKind, reason string) accessChangeRow {
	return accessChangeRow{
		Header: dbx.NewHeader[hmstype.AccessChangeID](db), Kind: kind, Roles: []RoleVersion{},
		RoleDetails: RoleDetails{Permissions: []hmstype.Permission{}},
		Reason:      reason, Status: AccessRequested, ExpiresAt: db.Now.Add(ApprovalWithin),
	}
}

// accessChangeSteps is how a request changes its state.
var accessChangeSteps = dbx.Machine[accessChangeRow, AccessChangeStatus]{
	Table: "access_change", Transitions: AccessChangeTransitions,
	State:   func(r *accessChangeRow) *AccessChangeStatus { return &r.Status },
	Columns: []string{"decided_by", "decided_at", "decision_text"},
	Event:   func(r *accessChangeRow, _ AccessChangeStatus) dbx.Event { return accessChangeEvent(r) },
}

func accessChangeEvent(r *accessChangeRow) dbx.Event {
	return dbx.Event{Type: accessEvents[r.Status], ID: r.ID, Data: map[string]any{
		"id": r.ID, "kind": r.Kind, "user": r.UserID, "role": r.RoleID,
	}}
}
