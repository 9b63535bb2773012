package inbox

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what the inbox needs of others.
type Ports struct {
	// Patients is required.
	Patients patient.Port
}

// Service keeps notifications, tasks and messages.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it. It does no I/O.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }

// widened gives a rule that shows or allows more to an actor who holds a wider permission than
// the one that its use case requires; fn is told whether he does. That is asked before the
// transaction, as [usecase.Base.Allows] says.
func widened[In, Out any](
	ctx context.Context, s *Service, wider hmstype.Permission, fn func(context.Context, dbx.DB, In, bool) (Out, error),
) func(context.Context, dbx.DB, In) (Out, error) {
	holds, err := s.base.Allows(ctx, wider)
	return func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		if err != nil {
			var none Out
			return none, err
		}
		return fn(ctx, db, in, holds)
	}
}

// requireUser refuses an actor who has no user account, such as the host's scheduler: nothing
// waits for it, and nobody can ask it anything.
func requireUser(db dbx.DB) error {
	if db.Actor.User.IsZero() {
		return ErrUserRequired
	}
	return nil
}

// requireKnown refuses a patient whom the tenant does not have, and a record that was merged
// into another. An inactive record may still be written about; zero means nobody.
func (s *Service) requireKnown(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	if id.IsZero() {
		return nil
	}
	_, err := s.ports.Patients.Require(ctx, db.Conn(), id)
	if errors.Is(err, patient.ErrInactive) {
		return nil
	}
	return err
}

// Link points to what something is about, beside a patient: a result, a bill, a bed. Nothing
// checks that it exists. The zero Link points to nothing.
type Link struct {
	Entity string    `json:"entity"` // a table's name, such as "lab_order": up to 50 letters a to z and "_"
	ID     uuid.UUID `json:"id"`     // the entity's id
}

func (l Link) validate(v *hmstype.Validator) {
	v.Check((l.Entity == "") == (l.ID == uuid.Nil), "link", "needs both an entity and an id, or neither")
	v.Check(len(l.Entity) <= 50 && lower(l.Entity), "link.entity", "must have at most 50 letters a to z and _")
}

func lower(text string) bool {
	for _, r := range text {
		if r != '_' && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

// Priority tells how soon something wants to be looked at; FHIR R4 request-priority.
type Priority string

// The priorities, the most urgent last: FHIR defines asap as higher than urgent.
const (
	PriorityRoutine Priority = "routine"
	PriorityUrgent  Priority = "urgent"
	PriorityASAP    Priority = "asap"
	PriorityStat    Priority = "stat"
)

// orRoutine is the priority where none was said.
func (p Priority) orRoutine() Priority {
	if p == "" {
		return PriorityRoutine
	}
	return p
}

func (p Priority) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, p, "priority", "", PriorityRoutine, PriorityUrgent, PriorityASAP, PriorityStat)
}
