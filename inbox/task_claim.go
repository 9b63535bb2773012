package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opClaimTask = usecase.Command[usecase.ByID[hmstype.TaskID], Task]{
	Name: "inbox.claim_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
}.Declare()

// ClaimTask takes a task that waits: one that the actor was asked for by name, or one of a role
// that he holds. Of many who try at once exactly one gets it; the others get a
// [TaskClaimedError] that says who. Whoever has it already gets it as it is.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ClaimTask(ctx context.Context, id hmstype.TaskID) (Task, error) {
	return opClaimTask.Run(ctx, &s.base, usecase.ID(id), widened(ctx, s, hmstype.PermTaskManage, s.claimTask))
}

func (s *Service) claimTask(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID], manages bool,
) (Task, error) {
	if err := requireUser(db); err != nil {
		return Task{}, err
	}
	// The row's lock lets the claimers through one by one, each seeing what the one before did.
	row, st, err := taskFor(ctx, db, in.ID, manages, dbx.ForUpdate)
	if err != nil {
		return Task{}, err
	}
	switch {
	case row.Status.Ended(): // the step refuses
	case !row.OwnerID.IsZero() && !st.owns:
		return Task{}, &TaskClaimedError{Task: row.ID, Owner: row.OwnerID, At: row.ClaimedAt.UTC()}
	case st.owns && !row.ClaimedAt.IsZero(): // nothing changes, so nothing but this is on the trail
		err := db.RecordAccess(ctx, dbx.Access{Action: "search", Entity: "task", ID: row.ID.String(), Patient: row.PatientID})
		if err != nil {
			return Task{}, err
		}
		return taskOf(ctx, db, row)
	case !st.addressed:
		return Task{}, ErrNotYours
	}
	row.OwnerID, row.ClaimedAt = db.Actor.User, db.Now
	return s.step(ctx, db, row, taskStep{to: TaskAccepted, event: eventTaskClaimed})
}

var opReleaseTask = usecase.Command[ReleaseTaskInput, Task]{
	Name: "inbox.release_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: ReleaseTaskInput{Version: 1, Reason: "it is done so"},
}.Declare()

// ReleaseTask gives a task back to its role, so that another may take it: by its owner, or by
// whoever steers it (who asked for it, or holds task.manage). [ErrNoRole] where it was given to
// a user.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ReleaseTask(ctx context.Context, in ReleaseTaskInput) (Task, error) {
	return opReleaseTask.Run(ctx, &s.base, in, stepping[ReleaseTaskInput](ctx, s, taskStep{
		to: TaskRequested, event: eventTaskReleased, by: ownersAndSteerers,
		change: func(_ context.Context, _ dbx.DB, row *taskRow) error {
			if row.RoleID.IsZero() {
				return ErrNoRole
			}
			row.OwnerID, row.ClaimedAt = hmstype.UserID{}, time.Time{}
			return nil
		},
	}))
}

// ReassignTaskInput gives a task to somebody else.
type ReassignTaskInput struct {
	ID      hmstype.TaskID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	To      Recipient      `json:"to"`      // required
	Reason  string         `json:"reason"`  // up to 500 characters
}

// Validate implements the rules above.
func (in ReassignTaskInput) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	in.To.validate(&v, "to")
	v.Text(in.Reason, "reason", 0, MaxReason)
	return v.Err()
}

var opReassignTask = usecase.Command[ReassignTaskInput, Task]{
	Name: "inbox.reassign_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: ReassignTaskInput{Version: 1, Reason: "goes home"},
}.Declare()

// ReassignTask gives an open task to another user or role, who are asked anew: it is requested
// again, whatever was done. Its owner may, and whoever steers it. Errors as of
// [Service.CreateTask]; [hmstype.ErrStale] where somebody else was faster.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) ReassignTask(ctx context.Context, in ReassignTaskInput) (Task, error) {
	return opReassignTask.Run(ctx, &s.base, in, stepping[ReassignTaskInput](ctx, s, taskStep{
		to: TaskRequested, event: eventTaskReassigned, by: ownersAndSteerers, anew: true,
		change: func(ctx context.Context, db dbx.DB, row *taskRow) error { return row.assign(ctx, db, in.To) },
	}))
}
