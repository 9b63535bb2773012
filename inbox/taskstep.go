package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// TaskStepInput takes a task one step on.
type TaskStepInput struct {
	ID      hmstype.TaskID // required
	Version int64          // the version that the caller read; required
	Reason  string         // up to 500 characters
}

// Validate implements the rules above.
func (in TaskStepInput) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Text(in.Reason, "reason", 0, MaxReason)
	return v.Err()
}

// EndTaskInput ends a task without its being done.
type EndTaskInput struct {
	ID      hmstype.TaskID // required
	Version int64          // the version that the caller read; required
	Reason  string         // required, up to 500 characters
}

// Validate implements the rules above.
func (in EndTaskInput) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Text(in.Reason, "reason", 1, MaxReason)
	return v.Err()
}

// CompleteTaskInput says what came of a task.
type CompleteTaskInput struct {
	ID      hmstype.TaskID // required
	Version int64          // the version that the caller read; required
	Outcome string         // required, up to 2000 characters
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

func (in TaskStepInput) step() (hmstype.TaskID, int64, string)     { return in.ID, in.Version, in.Reason }
func (in EndTaskInput) step() (hmstype.TaskID, int64, string)      { return in.ID, in.Version, in.Reason }
func (in CompleteTaskInput) step() (hmstype.TaskID, int64, string) { return in.ID, in.Version, "" }
func (in ReassignTaskInput) step() (hmstype.TaskID, int64, string) {
	return in.ID, in.Version, in.Reason
}

// taskStep is one step of a task.
type taskStep struct {
	to      TaskStatus                                    // empty: it stays in its state, which must be an open one
	from    []TaskStatus                                  // from these states only; nil: from wherever the table allows
	event   string                                        // "claimed" of "inbox.task_claimed"; empty means the state's name
	by      func(standing) bool                           // who may take it
	anew    bool                                          // a task that is in the state already may take it as well
	reason  string                                        // why; kept in the history
	columns []string                                      // what changes beside the state
	change  func(context.Context, dbx.DB, *taskRow) error // sets them; nil where they are set
}

// check refuses a step that the task's state does not allow.
func (t taskStep) check(from TaskStatus) error {
	switch {
	case t.to == "" && !from.Ended(), t.anew && t.to == from:
		return nil
	case t.from != nil && !slices.Contains(t.from, from):
		return &hmstype.TransitionError{Entity: "task", From: string(from), To: string(t.to)}
	default:
		return TaskTransitions.Check("task", from, t.to)
	}
}

func owners(st standing) bool            { return st.owns }
func addressees(st standing) bool        { return st.addressed }
func steerers(st standing) bool          { return st.steers }
func ownersAndSteerers(st standing) bool { return st.owns || st.steers }

// stepTask is the one way by which a use case takes a task a step on.
func (s *Service) stepTask(ctx context.Context, op usecase.Op, in stepInput, step taskStep) (Task, error) {
	return widened(ctx, s, op, hmstype.PermTaskManage, in, func(ctx context.Context, db dbx.DB, in stepInput, manages bool) (Task, error) {
		id, version, reason := in.step()
		row, st, err := taskFor(ctx, db, id, manages, dbx.ForUpdate)
		switch {
		case err != nil:
			return Task{}, err
		case row.Version != version:
			return Task{}, hmstype.ErrStale
		case !step.by(st) && db.Actor.Kind != hmstype.ActorSystem:
			return Task{}, ErrNotYours
		}
		step.reason = reason
		return s.step(ctx, db, row, step)
	})
}

// step takes a locked task to another state, notes it in the history and tells the host's bus.
func (s *Service) step(ctx context.Context, db dbx.DB, row taskRow, step taskStep) (Task, error) {
	from := row.Status
	if err := step.check(from); err != nil {
		return Task{}, err
	}
	if step.change != nil {
		if err := step.change(ctx, db, &row); err != nil {
			return Task{}, err
		}
	}
	if step.to != "" {
		row.Status = step.to
	}
	if step.to == TaskInProgress && row.StartedAt.IsZero() {
		row.StartedAt = db.Now
	}
	if step.to.Ended() && row.EndedAt.IsZero() {
		row.EndedAt, row.EscalateAt = db.Now, time.Time{}
	}
	columns := append([]string{"status", "started_at", "ended_at", "escalate_at"}, step.columns...)
	if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, columns...); err != nil {
		return Task{}, err
	}
	row.Version++
	if err := s.noteStep(ctx, db, row, from, step.reason); err != nil {
		return Task{}, err
	}
	if step.event == "" {
		step.event = string(step.to)
	}
	if err := db.Emit(ctx, taskEvent(step.event, row)); err != nil {
		return Task{}, err
	}
	return s.showTask(ctx, db, row)
}

// RequestTask hands out a draft: from now on those who are to do it see it.
func (s *Service) RequestTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.request_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskRequested, by: steerers})
}

// ReceiveTask notes that somebody who may take the task has seen it.
func (s *Service) ReceiveTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.receive_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskReceived, by: addressees})
}

// ReadyTask notes that nothing stands in the way of the owner's work.
func (s *Service) ReadyTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.ready_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskReady, by: owners})
}

// StartTask begins the owner's work on a task that he has claimed.
func (s *Service) StartTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.start_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskInProgress, from: []TaskStatus{TaskAccepted, TaskReady}, event: "started", by: owners})
}

// HoldTask pauses the owner's work. What is on hold is escalated like everything else.
func (s *Service) HoldTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.hold_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskOnHold, event: "held", by: owners})
}

// ResumeTask goes on with the owner's work on a task that is on hold.
func (s *Service) ResumeTask(ctx context.Context, in TaskStepInput) (Task, error) {
	op := usecase.Op{Name: "inbox.resume_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskInProgress, from: []TaskStatus{TaskOnHold}, event: "resumed", by: owners})
}

// CompleteTask ends a task that its owner has begun, with what came of it.
func (s *Service) CompleteTask(ctx context.Context, in CompleteTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.complete_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskCompleted, by: owners, columns: []string{"outcome"},
		change: func(ctx context.Context, db dbx.DB, row *taskRow) error {
			row.Outcome = in.Outcome
			return s.seal(ctx, db, row.SealedFor, row.ID, fieldcrypt.Part{Field: fieldTaskOutcome, Text: &row.Outcome})
		},
	})
}

// FailTask ends a task that its owner has begun and could not do.
func (s *Service) FailTask(ctx context.Context, in EndTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.fail_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskFailed, by: owners})
}

// RejectTask turns down a task that nobody has taken, for everybody: by the user who was asked,
// or by somebody of the role that was.
func (s *Service) RejectTask(ctx context.Context, in EndTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.reject_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskRejected, by: addressees})
}

// CancelTask takes back an open task: by who asked for it, who was alerted that it is overdue,
// or who manages all tasks.
func (s *Service) CancelTask(ctx context.Context, in EndTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.cancel_task", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskCancelled, by: steerers})
}

// EnterTaskInError marks a task, in whatever state, as one that should never have been; by the
// same as [Service.CancelTask]. It stays, with its history.
func (s *Service) EnterTaskInError(ctx context.Context, in EndTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.enter_task_in_error", Permission: hmstype.PermTaskWrite}
	return s.stepTask(ctx, op, in, taskStep{to: TaskEnteredInError, event: "entered_in_error", by: steerers})
}
