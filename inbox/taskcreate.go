package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// CreateTaskInput describes a task.
type CreateTaskInput struct {
	To             Recipient         // required: the user who is asked, or the role of which one shall take it
	Title          string            // required, up to 200 characters
	Description    string            // up to 10,000 characters
	Priority       Priority          // empty means routine
	Patient        hmstype.PatientID // whom it is about; zero means nobody
	Focus          Link              // what else it is about; optional
	DueAt          time.Time         // when it should be done; zero means that it has no date and is never escalated
	EscalationRole string            // the name of the role that hears of it when it is overdue; optional
	Draft          bool              // it is still being written: nobody else sees it until [Service.RequestTask]
	IdempotencyKey string
}

// Validate implements the rules above.
func (in CreateTaskInput) Validate() error {
	var v hmstype.Validator
	in.To.validate(&v, "to")
	v.Text(in.Title, "title", 1, MaxTitle)
	v.Text(in.Description, "description", 0, MaxText)
	in.Priority.validate(&v)
	in.Focus.validate(&v)
	v.Check(in.DueAt.Before(noDate), "dueAt", "must lie before the year 9999 ends")
	names.CheckOptional(&v, names.NameKey, in.EscalationRole, "escalationRole", 50)
	v.Check(in.EscalationRole == "" || !in.DueAt.IsZero(), "escalationRole", "needs dueAt")
	return v.Err()
}

// CreateTask asks a user, or somebody of a role, to do something. A date in the past is
// allowed: what should have been done yesterday is overdue at once. An unknown user, role or
// patient is not found; [ErrUserInactive] where the user cannot answer.
func (s *Service) CreateTask(ctx context.Context, in CreateTaskInput) (Task, error) {
	op := usecase.Op{Name: "inbox.create_task", Permission: hmstype.PermTaskWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.createTask)
}

func (s *Service) createTask(ctx context.Context, db dbx.DB, in CreateTaskInput) (Task, error) {
	if err := s.requireKnown(ctx, db, in.Patient); err != nil {
		return Task{}, err
	}
	row := taskRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.TaskID](), Status: TaskRequested,
		Priority: in.Priority.orRoutine(), Title: in.Title, Description: in.Description,
		PatientID: in.Patient, SealedFor: sealedFor(db, in.Patient), Entity: in.Focus.Entity, EntityID: in.Focus.entityID(),
		CreatedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
	}
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
	if err := s.seal(ctx, db, row.SealedFor, row.ID, fieldcrypt.Part{Field: fieldTaskTitle, Text: &row.Title}, fieldcrypt.Part{Field: fieldTaskDescription, Text: &row.Description}); err != nil {
		return Task{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Task{}, err
	}
	if err := s.noteStep(ctx, db, row, "", ""); err != nil {
		return Task{}, err
	}
	roles, err := roleNames(ctx, db, []hmstype.RoleID{row.RoleID, row.EscalationRoleID})
	if err != nil {
		return Task{}, err
	}
	task := row.task() // its author may see what he wrote
	task.Title, task.Description, task.Role, task.EscalationRole = in.Title, in.Description, roles[row.RoleID], roles[row.EscalationRoleID]
	return task, db.Emit(ctx, taskEvent("created", row))
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
