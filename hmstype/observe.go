package hmstype

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// UseCase is what an [Observer] and a [Hook] are told of a use case: names and ids of the
// installation, never a value of the input nor anything of a patient.
type UseCase struct {
	Operation string   `json:"operation"` // such as "pharmacy.dispense"
	Tenant    TenantID `json:"tenant"`    // zero where the caller proved nothing yet
	RequestID string   `json:"requestId"` // [Actor.RequestID]
}

// Outcome is how a use case ended.
type Outcome struct {
	Kind       Kind          `json:"kind"`       // KindNone where it succeeded
	RoundTrips int64         `json:"roundTrips"` // how often it waited for the database's answer
	Duration   time.Duration `json:"duration"`   // from the call to the return
}

// Observer brackets every use case, for spans, metrics and logs. Begin gives the context that the
// use case goes on with and what is called when it ended; it must be quick, must not fail, and is
// called by many goroutines. A use case that is tried again after a deadlock is one use case.
type Observer interface {
	Begin(ctx context.Context, of UseCase) (context.Context, func(Outcome))
}

// Conn is a connection inside the transaction of a use case. It has the method set of bun.IConn.
type Conn interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// HookCall is a use case that a [Hook] is asked about.
type HookCall struct {
	UseCase
	Actor Actor `json:"actor"`
	// the argument of the public method, such as a scheduling.BookInput or an AppointmentID; nil for none.
	// Not to be changed
	Input  any `json:"input"`
	Result any `json:"result"` // what the caller will get, where the hook runs after the rule; nil before it
	// in the use case's transaction, in the host's own role and settings; good until the hook returns
	Conn Conn `json:"-"`
}

// Hook is a host's own rule before or after a use case, in its transaction. An error of a hook
// ends the use case, of which nothing remains; [Veto] makes one that says why. Any other error is
// of kind internal, unless it wraps one of another kind. A use case that is
// tried again after a deadlock asks again, so a hook must have no effect but on the database. A
// repeated idempotency key asks no hook: nothing is done anew.
type Hook struct {
	// before the rule, after permission and validation; nil for none
	Before func(ctx context.Context, call HookCall) error `json:"-"`
	After  func(ctx context.Context, call HookCall) error `json:"-"` // after the rule, before COMMIT; nil for none
}

// VetoError says that a rule of the host's refused a use case; its kind is [ErrPrecondition].
type VetoError struct {
	Rule  string `json:"rule"` // the host's name of the rule; never a patient's data
	Cause error  `json:"-"`    // the host's own error, for errors.As; its text is not told. Nil for none
}

// Veto makes the error by which a [Hook] refuses. Causes are errors of the host's own, which errors.As
// finds in what the use case returns.
func Veto(rule string, causes ...error) error {
	return &VetoError{Rule: rule, Cause: errors.Join(causes...)}
}

// Error implements error.
func (e *VetoError) Error() string {
	return fmt.Sprintf("%v: refused by the host's rule %s", ErrPrecondition, e.Rule)
}

// Unwrap gives [ErrPrecondition] and the cause.
func (e *VetoError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrPrecondition}
	}
	return []error{ErrPrecondition, e.Cause}
}
