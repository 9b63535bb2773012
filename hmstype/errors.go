package hmstype

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of error. Every error that a service returns is one of them, found with
// errors.Is or [KindOf]; anything else is internal: a defect or a broken server.
// Domain errors wrap a kind, so that a host may catch coarse or fine.
var (
	// ErrNotFound: there is no such entity in the actor's tenant.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyExists: a unique value (a number, a name) is taken.
	ErrAlreadyExists = errors.New("already exists")
	// ErrInvalid: the input breaks a rule that does not depend on stored state.
	ErrInvalid = errors.New("invalid input")
	// ErrPermissionDenied: the actor is known and may not do this.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrUnauthenticated: the context carries no actor.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrPrecondition: the stored state does not allow this now.
	ErrPrecondition = errors.New("precondition failed")
	// ErrStale: the entity was changed since the caller read it; read again.
	ErrStale = errors.New("stale version")
	// ErrUnavailable: the database could not serve; the same call may succeed later.
	ErrUnavailable = errors.New("unavailable")
)

// ErrOutcomeUnknown: COMMIT was sent and its answer was lost, so the command may or may
// not have happened. Repeat it with the same idempotency key to find out.
var ErrOutcomeUnknown = fmt.Errorf("%w: outcome unknown", ErrUnavailable)

// ErrIdempotencyMismatch: the idempotency key was used before with another input.
var ErrIdempotencyMismatch = fmt.Errorf("%w: idempotency key used with another input", ErrPrecondition)

// ErrConcurrentUse: a bound HMS was used by two goroutines at once. One transaction has one
// connection, which serves one caller at a time: give each goroutine an unbound HMS.
var ErrConcurrentUse = fmt.Errorf("%w: a bound HMS serves one goroutine at a time", ErrPrecondition)

// ErrEnded: the services of an InTx, or of a use case, were used after it had ended.
var ErrEnded = fmt.Errorf("%w: what this HMS is bound to has ended", ErrPrecondition)

// ErrOutsideTransaction: services that are not bound to a transaction were given its context. What
// they did would stay where the transaction is undone: use those that InTx gave.
var ErrOutsideTransaction = fmt.Errorf(
	"%w: the context is a transaction's to which this HMS is not bound", ErrPrecondition,
)

// ErrInvalidTransition: the entity's status does not allow the step; see [TransitionError].
var ErrInvalidTransition = fmt.Errorf("%w: status does not allow this", ErrPrecondition)

// Kind is the coarse class of an error, for a host that maps errors to its protocol.
type Kind string

// The kinds, with the HTTP status that fits each.
const (
	KindNone             Kind = ""                  // no error
	KindNotFound         Kind = "not_found"         // 404
	KindAlreadyExists    Kind = "already_exists"    // 409
	KindInvalid          Kind = "invalid"           // 422
	KindPermissionDenied Kind = "permission_denied" // 403
	KindUnauthenticated  Kind = "unauthenticated"   // 401
	KindPrecondition     Kind = "precondition"      // 409
	KindStale            Kind = "stale"             // 412
	KindUnavailable      Kind = "unavailable"       // 503
	KindInternal         Kind = "internal"          // 500
)

var kinds = []struct {
	err  error
	kind Kind
}{
	{ErrNotFound, KindNotFound},
	{ErrAlreadyExists, KindAlreadyExists},
	{ErrInvalid, KindInvalid},
	{ErrPermissionDenied, KindPermissionDenied},
	{ErrUnauthenticated, KindUnauthenticated},
	{ErrPrecondition, KindPrecondition},
	{ErrStale, KindStale},
	{ErrUnavailable, KindUnavailable},
}

// KindOf gives the kind of err: [KindNone] for nil, [KindInternal] for an error of no kind.
func KindOf(err error) Kind {
	if err == nil {
		return KindNone
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return KindInternal
}

// Error adds to a kind or a domain error where it happened and to what. It holds no
// value of the input: ids and names of rules only.
type Error struct {
	Op     string `json:"op"`     // the operation, such as "pharmacy.dispense"; may be empty
	Entity string `json:"entity"` // the entity, such as "patient"; may be empty
	ID     string `json:"id"`     // the entity's id; may be empty
	Err    error  `json:"-"`      // the kind or domain error; never nil
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	if e.Entity != "" {
		b.WriteString(e.Entity)
		if e.ID != "" {
			b.WriteString(" " + e.ID)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap gives the kind or domain error.
func (e *Error) Unwrap() error { return e.Err }

// NotFound says that the entity with this id does not exist in the actor's tenant.
func NotFound(entity string, id fmt.Stringer) error {
	return &Error{Entity: entity, ID: id.String(), Err: ErrNotFound}
}

// Denied says which permission the actor lacks.
func Denied(permission string) error {
	return &Error{Entity: "permission", ID: permission, Err: ErrPermissionDenied}
}
