package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// CreateTaskInput describes a task.
type CreateTaskInput struct {
	To Recipient `json:"to"` // required: the user who is asked, or the role of which one shall take it
	TaskDetails
	Patient hmstype.PatientID `json:"patient"` // whom it is about; zero means nobody
	Focus   Link              `json:"focus"`   // what else it is about; optional
	// when it should be done; zero means that it has no date and is never escalated
	DueAt time.Time `json:"dueAt,omitzero"`
	// the name of the role that hears of it when it is overdue; optional
	EscalationRole string `json:"escalationRole"`
	Draft          bool   `json:"draft"` // it is still being written: nobody else sees it until [Service.RequestTask]
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CreateTaskInput) Validate() error {
	var v hmstype.Validator
	in.To.validate(&v, "to")
	in.TaskDetails.validate(&v)
	in.Focus.validate(&v)
	v.Check(in.DueAt.Before(noDate), "dueAt", "must lie before the year 9999 ends")
	names.CheckOptional(&v, names.NameKey, in.EscalationRole, "escalationRole", 50)
	v.Check(in.EscalationRole == "" || !in.DueAt.IsZero(), "escalationRole", "needs dueAt")
	return v.Err()
}

var opCreateTask = usecase.Command[CreateTaskInput, Task]{
	Name: "inbox.create_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Key:   func(in CreateTaskInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(t Task) hmstype.TaskID { return t.ID }, getAskedTask),
	Sample: CreateTaskInput{
		TaskDetails: TaskDetails{Title: "Take blood", Description: "two tubes", Priority: PriorityUrgent},
		DueAt:       usecase.SampleAt,
	},
}.Declare()

// CreateTask asks a user, or somebody of a role, to do something. A date in the past is
// allowed: what should have been done yesterday is overdue at once. An unknown user, role or
// patient is not found; [ErrUserInactive] where the user cannot answer.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) CreateTask(ctx context.Context, in CreateTaskInput) (Task, error) {
	return opCreateTask.Run(ctx, &s.base, in, s.createTask)
}

// getAskedTask gives a task that the actor asked for.
func getAskedTask(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID]) (Task, error) {
	return getTask(ctx, db, in, false)
}

func (s *Service) createTask(ctx context.Context, db dbx.DB, in CreateTaskInput) (Task, error) {
	if err := s.requireKnown(ctx, db, in.Patient); err != nil {
		return Task{}, err
	}
	row := taskRow{
		Header: dbx.NewHeader[hmstype.TaskID](db), Status: TaskRequested, TaskDetails: in.TaskDetails,
		PatientID: in.Patient, SealedFor: sealedFor(db, in.Patient), Entity: in.Focus.Entity, EntityID: in.Focus.entityID(),
	}
	row.Priority = row.Priority.orRoutine()
	if in.Draft {
		row.Status = TaskDraft
	}
	row.setDue(in.DueAt)
	err := row.assign(ctx, db, in.To)
	if err != nil {
		return Task{}, err
	}
	if row.EscalationRoleID, err = roleNamed(ctx, db, in.EscalationRole); err != nil {
		return Task{}, err
	}
	if err := taskTexts.Seal(ctx, s.base.Crypt, db, row.SealedFor, row.ID, &row.TaskDetails); err != nil {
		return Task{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Task{}, err
	}
	if err := s.noteStep(ctx, db, &row, "", ""); err != nil {
		return Task{}, err
	}
	if err := db.Emit(ctx, taskEvent(eventTaskCreated, row)); err != nil {
		return Task{}, err
	}
	return taskOf(ctx, db, row)
}

// assign gives the task to a user who can answer, or to a role.
func (r *taskRow) assign(ctx context.Context, db dbx.DB, to Recipient) (err error) {
	if !to.User.IsZero() {
		if err := requireActive(ctx, db, to.User); err != nil {
			return err
		}
	}
	r.OwnerID, r.ClaimedAt = to.User, time.Time{}
	r.RoleID, err = roleNamed(ctx, db, to.Role)
	return err
}
