package inbox

import (
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrUserRequired: only somebody with a user account may do this.
	ErrUserRequired = fmt.Errorf("%w: somebody with a user account must do this", hmstype.ErrPrecondition)
	// ErrUserInactive: the user is invited, locked or deactivated, and cannot answer.
	ErrUserInactive = fmt.Errorf("%w: the user is not active", hmstype.ErrPrecondition)
	// ErrTaskClaimed: somebody else has taken the task; see [TaskClaimedError].
	ErrTaskClaimed = fmt.Errorf("%w: the task is taken", hmstype.ErrPrecondition)
	// ErrNotYours: the actor sees the task, but this step is another's.
	ErrNotYours = fmt.Errorf("%w: the task is another's", hmstype.ErrPermissionDenied)
	// ErrNoRole: the task was given to a user and not to a role, so it cannot go back to one.
	ErrNoRole = fmt.Errorf("%w: the task has no role to go back to; reassign it", hmstype.ErrPrecondition)
)

// TaskClaimedError says who was faster; it is an [ErrTaskClaimed].
type TaskClaimedError struct {
	Task  hmstype.TaskID
	Owner hmstype.UserID // who has it; zero where the database alone refused
	At    time.Time      // since when, UTC; zero where it was given to him and he has not taken it yet
}

// Error implements error.
func (e *TaskClaimedError) Error() string {
	return fmt.Sprintf("task %s: %v", e.Task, ErrTaskClaimed)
}

// Unwrap gives [ErrTaskClaimed].
func (e *TaskClaimedError) Unwrap() error { return ErrTaskClaimed }

var _ = dbx.Declare(dbx.Constraints{
	"task_patient_key":          hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"task_sealed_key":           hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"task_history_version_key":  hmstype.ErrStale,
	"message_thread_person_key": hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"message_thread_sealed_key": hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"message_order_key":         hmstype.ErrStale,         // the thread's row makes it impossible
})

var _ = dbx.DeclareStates(dbx.States{
	"HM701": func(string) error { return ErrTaskClaimed },
})
