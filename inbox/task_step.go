package inbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// TaskStep takes a task one step on.
type TaskStep struct {
	ID      hmstype.TaskID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	Reason  string         `json:"reason"`  // up to 500 characters
}

// Validate implements the rules above.
func (in TaskStep) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Text(in.Reason, "reason", 0, MaxReason)
	return v.Err()
}

// ReleaseTaskInput is the input of [Service.ReleaseTask]; see [TaskStep].
type ReleaseTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in ReleaseTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in ReleaseTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// RequestTaskInput is the input of [Service.RequestTask]; see [TaskStep].
type RequestTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in RequestTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in RequestTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// ReceiveTaskInput is the input of [Service.ReceiveTask]; see [TaskStep].
type ReceiveTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in ReceiveTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in ReceiveTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// ReadyTaskInput is the input of [Service.ReadyTask]; see [TaskStep].
type ReadyTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in ReadyTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in ReadyTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// StartTaskInput is the input of [Service.StartTask]; see [TaskStep].
type StartTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in StartTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in StartTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// HoldTaskInput is the input of [Service.HoldTask]; see [TaskStep].
type HoldTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in HoldTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in HoldTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// ResumeTaskInput is the input of [Service.ResumeTask]; see [TaskStep].
type ResumeTaskInput TaskStep

// Validate implements the rules of [TaskStep].
func (in ResumeTaskInput) Validate() error { return TaskStep(in).Validate() }

func (in ResumeTaskInput) step() (hmstype.TaskID, int64, string) { return TaskStep(in).step() }

// TaskEnding ends a task without its being done.
type TaskEnding struct {
	ID      hmstype.TaskID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	Reason  string         `json:"reason"`  // required, up to 500 characters
}

// Validate implements the rules above.
func (in TaskEnding) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Text(in.Reason, "reason", 1, MaxReason)
	return v.Err()
}

// FailTaskInput is the input of [Service.FailTask]; see [TaskEnding].
type FailTaskInput TaskEnding

// Validate implements the rules of [TaskEnding].
func (in FailTaskInput) Validate() error { return TaskEnding(in).Validate() }

func (in FailTaskInput) step() (hmstype.TaskID, int64, string) { return TaskEnding(in).step() }

// RejectTaskInput is the input of [Service.RejectTask]; see [TaskEnding].
type RejectTaskInput TaskEnding

// Validate implements the rules of [TaskEnding].
func (in RejectTaskInput) Validate() error { return TaskEnding(in).Validate() }

func (in RejectTaskInput) step() (hmstype.TaskID, int64, string) { return TaskEnding(in).step() }

// CancelTaskInput is the input of [Service.CancelTask]; see [TaskEnding].
type CancelTaskInput TaskEnding

// Validate implements the rules of [TaskEnding].
func (in CancelTaskInput) Validate() error { return TaskEnding(in).Validate() }

func (in CancelTaskInput) step() (hmstype.TaskID, int64, string) { return TaskEnding(in).step() }

// EnterTaskInErrorInput is the input of [Service.EnterTaskInError]; see [TaskEnding].
type EnterTaskInErrorInput TaskEnding

// Validate implements the rules of [TaskEnding].
func (in EnterTaskInErrorInput) Validate() error { return TaskEnding(in).Validate() }

func (in EnterTaskInErrorInput) step() (hmstype.TaskID, int64, string) { return TaskEnding(in).step() }

// CompleteTaskInput says what came of a task.
type CompleteTaskInput struct {
	ID      hmstype.TaskID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	Outcome string         `json:"outcome"` // required, up to 2000 characters
}

// Validate implements the rules above.
func (in CompleteTaskInput) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Text(in.Outcome, "outcome", 1, MaxOutcome)
	return v.Err()
}

func validateStep(v *hmstype.Validator, id hmstype.TaskID, version int64) {
	v.Required(!id.IsZero(), "id")
	v.Check(version >= 1, "version", "required")
}

// stepInput is what every input of a step tells.
type stepInput interface {
	usecase.Validator
	step() (id hmstype.TaskID, version int64, reason string)
}

func (in TaskStep) step() (hmstype.TaskID, int64, string)          { return in.ID, in.Version, in.Reason }
func (in TaskEnding) step() (hmstype.TaskID, int64, string)        { return in.ID, in.Version, in.Reason }
func (in CompleteTaskInput) step() (hmstype.TaskID, int64, string) { return in.ID, in.Version, "" }
func (in ReassignTaskInput) step() (hmstype.TaskID, int64, string) {
	return in.ID, in.Version, in.Reason
}

// taskStep is one step of a task.
type taskStep struct {
	to     TaskStatus                                    // empty: it stays in its state, which must be an open one
	from   []TaskStatus                                  // from these states only; nil: from wherever the table allows
	event  *dbx.EventType                                // what is told; nil means what is told of the state
	by     func(standing) bool                           // who may take it
	anew   bool                                          // a task that is in the state already may take it as well
	reason string                                        // why; kept in the history
	change func(context.Context, dbx.DB, *taskRow) error // what changes beside the state; nil where that is set
}

// check refuses a step that the use case does not take from the task's state, and tells whether
// the task stays in that.
func (t taskStep) check(from TaskStatus) (stays bool, err error) {
	switch {
	case t.to == "" && !from.Ended(), t.anew && t.to == from:
		return true, nil
	case t.from != nil && !slices.Contains(t.from, from):
		return false, &hmstype.TransitionError{Entity: "task", From: string(from), To: string(t.to)}
	default:
		return false, TaskTransitions.Check("task", from, t.to)
	}
}

func owners(st standing) bool            { return st.owns }
func addressees(st standing) bool        { return st.addressed }
func steerers(st standing) bool          { return st.steers }
func ownersAndSteerers(st standing) bool { return st.owns || st.steers }

// stepping is the rule of every use case that takes a task a step on.
func stepping[In stepInput](
	ctx context.Context, s *Service, step taskStep,
) func(context.Context, dbx.DB, In) (Task, error) {
	return widened(ctx, s, hmstype.PermTaskManage, func(
		ctx context.Context, db dbx.DB, in In, manages bool,
	) (Task, error) {
		id, version, reason := in.step()
		row, st, err := taskFor(ctx, db, id, manages, dbx.ForUpdate)
		if err != nil {
			return Task{}, err
		}
		if err := dbx.CheckVersion(&row, version); err != nil {
			return Task{}, err
		}
		if !step.by(st) && db.Actor.Kind != hmstype.ActorSystem {
			return Task{}, ErrNotYours
		}
		step.reason = reason
		return s.step(ctx, db, row, step)
	})
}

// taskColumns are what a step of a task may write beside its state.
var taskColumns = []string{
	"owner_id", "role_id", "claimed_at", "started_at", "ended_at", "due_at", "sort_at", "escalate_at", "priority",
	"outcome",
}

// taskSteps is how a task changes its state. Its history tells who had it, too, and seals why.
func (s *Service) taskSteps() dbx.Machine[taskRow, TaskStatus] {
	return dbx.Machine[taskRow, TaskStatus]{
		Table: "task", Transitions: TaskTransitions,
		State:   func(r *taskRow) *TaskStatus { return &r.Status },
		Columns: taskColumns, Note: s.noteStep,
	}
}

// step takes a locked task to another state, notes it in the history and tells the host's bus.
func (s *Service) step(ctx context.Context, db dbx.DB, row taskRow, step taskStep) (Task, error) {
	stays, err := step.check(row.Status)
	if err != nil {
		return Task{}, err
	}
	if step.change != nil {
		if err := step.change(ctx, db, &row); err != nil {
			return Task{}, err
		}
	}
	if step.to == TaskInProgress && row.StartedAt.IsZero() {
		row.StartedAt = db.Now
	}
	if step.to.Ended() && row.EndedAt.IsZero() {
		row.EndedAt, row.EscalateAt = db.Now, time.Time{}
	}
	if stays {
		err = s.stay(ctx, db, &row, step.reason)
	} else {
		err = dbx.Move(ctx, db, s.taskSteps(), &row, dbx.Change[taskRow, TaskStatus]{To: step.to, Reason: step.reason})
	}
	if err != nil {
		return Task{}, err
	}
	if err := db.Emit(ctx, taskEvent(cmp.Or(step.event, taskEvents[step.to]), row)); err != nil {
		return Task{}, err
	}
	return taskOf(ctx, db, row)
}

// stay changes a task that stays in its state, and notes that like a step.
func (s *Service) stay(ctx context.Context, db dbx.DB, row *taskRow, reason string) error {
	if err := dbx.Update(ctx, db, row, taskColumns...); err != nil {
		return err
	}
	return s.noteStep(ctx, db, row, row.Status, reason)
}

var opRequestTask = usecase.Command[RequestTaskInput, Task]{
	Name: "inbox.request_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: RequestTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// RequestTask hands out a draft: from now on those who are to do it see it.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) RequestTask(ctx context.Context, in RequestTaskInput) (Task, error) {
	return opRequestTask.Run(
		ctx, &s.base, in, stepping[RequestTaskInput](ctx, s, taskStep{to: TaskRequested, by: steerers}),
	)
}

var opReceiveTask = usecase.Command[ReceiveTaskInput, Task]{
	Name: "inbox.receive_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: ReceiveTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// ReceiveTask notes that somebody who may take the task has seen it.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ReceiveTask(ctx context.Context, in ReceiveTaskInput) (Task, error) {
	return opReceiveTask.Run(
		ctx, &s.base, in, stepping[ReceiveTaskInput](ctx, s, taskStep{to: TaskReceived, by: addressees}),
	)
}

var opReadyTask = usecase.Command[ReadyTaskInput, Task]{
	Name: "inbox.ready_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: ReadyTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// ReadyTask notes that nothing stands in the way of the owner's work.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ReadyTask(ctx context.Context, in ReadyTaskInput) (Task, error) {
	return opReadyTask.Run(ctx, &s.base, in, stepping[ReadyTaskInput](ctx, s, taskStep{to: TaskReady, by: owners}))
}

var opStartTask = usecase.Command[StartTaskInput, Task]{
	Name: "inbox.start_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: StartTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// StartTask begins the owner's work on a task that he has claimed.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) StartTask(ctx context.Context, in StartTaskInput) (Task, error) {
	return opStartTask.Run(
		ctx, &s.base, in,
		stepping[StartTaskInput](ctx, s, taskStep{
			to: TaskInProgress, from: []TaskStatus{TaskAccepted, TaskReady}, event: eventTaskStarted, by: owners,
		}),
	)
}

var opHoldTask = usecase.Command[HoldTaskInput, Task]{
	Name: "inbox.hold_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: HoldTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// HoldTask pauses the owner's work. What is on hold is escalated like everything else.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) HoldTask(ctx context.Context, in HoldTaskInput) (Task, error) {
	return opHoldTask.Run(
		ctx, &s.base, in, stepping[HoldTaskInput](ctx, s, taskStep{to: TaskOnHold, event: eventTaskHeld, by: owners}),
	)
}

var opResumeTask = usecase.Command[ResumeTaskInput, Task]{
	Name: "inbox.resume_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: ResumeTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// ResumeTask goes on with the owner's work on a task that is on hold.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ResumeTask(ctx context.Context, in ResumeTaskInput) (Task, error) {
	return opResumeTask.Run(
		ctx, &s.base, in,
		stepping[ResumeTaskInput](ctx, s, taskStep{
			to: TaskInProgress, from: []TaskStatus{TaskOnHold}, event: eventTaskResumed, by: owners,
		}),
	)
}

var opCompleteTask = usecase.Command[CompleteTaskInput, Task]{
	Name: "inbox.complete_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: CompleteTaskInput{Version: 1, Outcome: "two tubes in the laboratory"},
}.Declare()

// CompleteTask ends a task that its owner has begun, with what came of it.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) CompleteTask(ctx context.Context, in CompleteTaskInput) (Task, error) {
	return opCompleteTask.Run(ctx, &s.base, in, stepping[CompleteTaskInput](ctx, s, taskStep{to: TaskCompleted, by: owners,
		change: func(ctx context.Context, db dbx.DB, row *taskRow) error {
			row.Outcome = in.Outcome
			return taskOutcomes.Seal(ctx, s.base.Crypt, db, row.SealedFor, row.ID, &row.Outcome)
		},
	}))
}

var opFailTask = usecase.Command[FailTaskInput, Task]{
	Name: "inbox.fail_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: FailTaskInput{Version: 1, Reason: "it was not needed"},
}.Declare()

// FailTask ends a task that its owner has begun and could not do.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) FailTask(ctx context.Context, in FailTaskInput) (Task, error) {
	return opFailTask.Run(ctx, &s.base, in, stepping[FailTaskInput](ctx, s, taskStep{to: TaskFailed, by: owners}))
}

var opRejectTask = usecase.Command[RejectTaskInput, Task]{
	Name: "inbox.reject_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: RejectTaskInput{Version: 1, Reason: "it was not needed"},
}.Declare()

// RejectTask turns down a task that nobody has taken, for everybody: by the user who was asked,
// or by somebody of the role that was.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) RejectTask(ctx context.Context, in RejectTaskInput) (Task, error) {
	return opRejectTask.Run(
		ctx, &s.base, in, stepping[RejectTaskInput](ctx, s, taskStep{to: TaskRejected, by: addressees}),
	)
}

var opCancelTask = usecase.Command[CancelTaskInput, Task]{
	Name: "inbox.cancel_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: CancelTaskInput{Version: 1, Reason: "it was not needed"},
}.Declare()

// CancelTask takes back an open task: by who asked for it, who was alerted that it is overdue,
// or who manages all tasks.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) CancelTask(ctx context.Context, in CancelTaskInput) (Task, error) {
	return opCancelTask.Run(ctx, &s.base, in, stepping[CancelTaskInput](ctx, s, taskStep{to: TaskCancelled, by: steerers}))
}

var opEnterTaskInError = usecase.Command[EnterTaskInErrorInput, Task]{
	Name: "inbox.enter_task_in_error", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: EnterTaskInErrorInput{Version: 1, Reason: "it was not needed"},
}.Declare()

// EnterTaskInError marks a task, in whatever state, as one that should never have been; by the
// same as [Service.CancelTask]. It stays, with its history.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) EnterTaskInError(ctx context.Context, in EnterTaskInErrorInput) (Task, error) {
	return opEnterTaskInError.Run(
		ctx, &s.base, in, stepping[EnterTaskInErrorInput](ctx, s, taskStep{to: TaskEnteredInError, by: steerers}),
	)
}
