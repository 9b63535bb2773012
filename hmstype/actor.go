package hmstype

import (
	"context"
	"time"
)

// ActorKind tells what sort of being acts.
type ActorKind string

// The kinds of actor.
const (
	// ActorHuman is a person with a user account.
	ActorHuman ActorKind = "human"
	// ActorService is a program with a user account of its own (an instrument, an interface).
	ActorService ActorKind = "service"
	// ActorSystem is the host itself: its scheduler, its set-up. It holds every permission
	// and is named in the audit trail by its Name. Only the host's own code may make one.
	ActorSystem ActorKind = "system"
	// ActorDatabase is a session of the database's own: SQL that came from outside the library. It
	// stands on the audit trail, by the Name of its login, and is never an [Actor].
	ActorDatabase ActorKind = "database"
)

// PurposeOfUse says why data are touched; codes of HL7 v3 ActReason (PurposeOfUse).
type PurposeOfUse string

// Purposes that the library names itself; a host may use any other ActReason code.
const (
	PurposeTreatment  PurposeOfUse = "TREAT"
	PurposePayment    PurposeOfUse = "HPAYMT"
	PurposeOperations PurposeOfUse = "HOPERAT"
	PurposeEmergency  PurposeOfUse = "BTG" // break the glass

	PurposeEmergencyTreatment PurposeOfUse = "ETREAT"
)

// Actor says who acts, in which tenant, and why. A host puts one into the context once,
// in its middleware; services read it from there and write it into the audit trail.
type Actor struct {
	Tenant TenantID  `json:"tenant"` // the tenant whose data are visible; required
	User   UserID    `json:"user"`   // required for humans and services, zero for the system
	Kind   ActorKind `json:"kind"`   // zero means ActorHuman
	Name   string    `json:"name"`   // name of a system actor, such as "scheduler"; at most 60 characters
	// the host's request or trace id, for the audit trail; optional, at most 100 characters
	RequestID string       `json:"requestId"`
	Purpose   PurposeOfUse `json:"purpose"` // zero means PurposeTreatment
	// Person is who answers for what is done: the owner of a program or key, or whose second account it is. Zero
	// means User; of an account that the library knows as a further one of somebody, its record decides.
	Person UserID `json:"person"`

	// AuthenticatedAt is when the person last gave a password or a second factor; zero means
	// unknown. What is dangerous (break-glass) wants it to be minutes ago.
	AuthenticatedAt time.Time `json:"authenticatedAt,omitzero"`
	// Session is the session under which the actor acts; zero for none.
	Session SessionID `json:"session"`
	// APIKey is the key by which a program proved itself; zero for none. The audit trail names
	// it, or the session, with each event.
	APIKey APIKeyID `json:"apiKey"`
	// Scopes restricts what the actor may do to these permissions, whatever his roles say:
	// those of an API key. Nil restricts nothing; an empty list allows nothing.
	Scopes []Permission `json:"scopes"`
}

// SystemActor is the host's own actor in a tenant; name says which part of the host acts.
func SystemActor(tenant TenantID, name string) Actor {
	return Actor{Tenant: tenant, Kind: ActorSystem, Name: name, Purpose: PurposeOperations}
}

// HumanActor is a person who acts to treat patients.
func HumanActor(tenant TenantID, user UserID) Actor {
	return Actor{Tenant: tenant, User: user, Kind: ActorHuman, Purpose: PurposeTreatment}
}

// WithDefaults fills in the kind and the purpose.
func (a Actor) WithDefaults() Actor {
	if a.Kind == "" {
		a.Kind = ActorHuman
	}
	if a.Purpose == "" {
		a.Purpose = PurposeTreatment
	}
	return a
}

// Validate checks that the actor is complete; errors are of kind [ErrUnauthenticated],
// for an incomplete actor is no actor.
func (a Actor) Validate() error {
	ok := !a.Tenant.IsZero() && len(a.RequestID) <= 100 && len(a.Name) <= 60 && len(a.Purpose) <= 20
	switch a.Kind {
	case ActorHuman, ActorService:
		ok = ok && !a.User.IsZero()
	case ActorSystem:
		ok = ok && a.User.IsZero() && a.Name != ""
	default:
		ok = false
	}
	if !ok {
		return &Error{Entity: "actor", Err: ErrUnauthenticated}
	}
	return nil
}

type actorKey struct{}

// WithActor puts the actor into the context.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorFrom gives the context's actor with its defaults filled in;
// [ErrUnauthenticated] where there is none or an incomplete one.
func ActorFrom(ctx context.Context) (Actor, error) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	if !ok {
		return Actor{}, ErrUnauthenticated
	}
	a = a.WithDefaults()
	return a, a.Validate()
}
