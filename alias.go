package hms

import (
	"context"

	"github.com/chelal/hms/hmstype"
)

// The types that a host needs at its edge, so that it imports one path.
type (
	// Actor says who acts, in which tenant, and why.
	Actor = hmstype.Actor
	// TenantID names a hospital or clinic.
	TenantID = hmstype.TenantID
	// UserID names a user.
	UserID = hmstype.UserID
	// Page asks for one page of a list.
	Page = hmstype.Page
	// Kind is the coarse class of an error.
	Kind = hmstype.Kind
	// FieldError names a field of an input and the rule that it breaks.
	FieldError = hmstype.FieldError
	// Money is an exact amount of one currency.
	Money = hmstype.Money
	// Date is a calendar day.
	Date = hmstype.Date
	// Period is a half-open interval of time.
	Period = hmstype.Period
	// Permission names what a role may allow.
	Permission = hmstype.Permission
)

// The kinds of error; see package hmstype.
var (
	ErrNotFound            = hmstype.ErrNotFound
	ErrAlreadyExists       = hmstype.ErrAlreadyExists
	ErrInvalid             = hmstype.ErrInvalid
	ErrPermissionDenied    = hmstype.ErrPermissionDenied
	ErrUnauthenticated     = hmstype.ErrUnauthenticated
	ErrPrecondition        = hmstype.ErrPrecondition
	ErrStale               = hmstype.ErrStale
	ErrUnavailable         = hmstype.ErrUnavailable
	ErrOutcomeUnknown      = hmstype.ErrOutcomeUnknown
	ErrIdempotencyMismatch = hmstype.ErrIdempotencyMismatch
)

// WithActor puts the actor into the context; see hmstype.WithActor.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return hmstype.WithActor(ctx, actor)
}

// SystemActor is the host's own actor in a tenant; see hmstype.SystemActor.
func SystemActor(tenant TenantID, name string) Actor { return hmstype.SystemActor(tenant, name) }

// HumanActor is a person who acts to treat patients; see hmstype.HumanActor.
func HumanActor(tenant TenantID, user UserID) Actor { return hmstype.HumanActor(tenant, user) }

// NewTenantID makes the id of a new tenant.
func NewTenantID() TenantID { return hmstype.NewID[TenantID]() }

// KindOf gives the kind of an error; see hmstype.KindOf.
func KindOf(err error) Kind { return hmstype.KindOf(err) }

// Fields gives the fields that an error complains about; see hmstype.Fields.
func Fields(err error) []FieldError { return hmstype.Fields(err) }
