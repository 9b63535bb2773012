package inbox

import "github.com/chelal/hms/hmstype"

// TaskStatus is the state of a task; FHIR R4 task-status.
type TaskStatus string

// The states of a task.
const (
	TaskDraft          TaskStatus = "draft"            // being written; only who writes it sees it
	TaskRequested      TaskStatus = "requested"        // waits for somebody to take it
	TaskReceived       TaskStatus = "received"         // seen by who may take it
	TaskAccepted       TaskStatus = "accepted"         // taken by its owner
	TaskReady          TaskStatus = "ready"            // taken, and nothing stands in its way
	TaskInProgress     TaskStatus = "in-progress"      // begun
	TaskOnHold         TaskStatus = "on-hold"          // begun and paused
	TaskCompleted      TaskStatus = "completed"        // done
	TaskFailed         TaskStatus = "failed"           // tried and not done
	TaskRejected       TaskStatus = "rejected"         // nobody will do it
	TaskCancelled      TaskStatus = "cancelled"        // nobody need do it
	TaskEnteredInError TaskStatus = "entered-in-error" // should never have been; terminal
)

// TaskTransitions are the allowed steps between the states of a task. The steps back to
// requested are those by which it is released or given to somebody else.
var TaskTransitions = hmstype.Transitions[TaskStatus]{
	TaskDraft:      {TaskRequested, TaskCancelled, TaskEnteredInError},
	TaskRequested:  {TaskReceived, TaskAccepted, TaskRejected, TaskCancelled, TaskEnteredInError},
	TaskReceived:   {TaskRequested, TaskAccepted, TaskRejected, TaskCancelled, TaskEnteredInError},
	TaskAccepted:   {TaskRequested, TaskReady, TaskInProgress, TaskCancelled, TaskEnteredInError},
	TaskReady:      {TaskRequested, TaskInProgress, TaskCancelled, TaskEnteredInError},
	TaskInProgress: {TaskRequested, TaskOnHold, TaskCompleted, TaskFailed, TaskCancelled, TaskEnteredInError},
	TaskOnHold:     {TaskRequested, TaskInProgress, TaskFailed, TaskCancelled, TaskEnteredInError},
	TaskRejected:   {TaskEnteredInError},
	TaskCancelled:  {TaskEnteredInError},
	TaskFailed:     {TaskEnteredInError},
	TaskCompleted:  {TaskEnteredInError},
}

// Ended tells whether nothing is left to be done.
func (s TaskStatus) Ended() bool {
	switch s {
	case TaskCompleted, TaskFailed, TaskRejected, TaskCancelled, TaskEnteredInError:
		return true
	default:
		return false
	}
}
