package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Task gives a task that the actor may see, and records the read of its patient's data: one
// that is his, of a role that he holds, that he asked for, or that was escalated to a role that
// he holds; with task.read_all everybody's. To others it is not found. One about a restricted
// patient needs patient.restricted or a break-glass grant.
func (s *Service) Task(ctx context.Context, id hmstype.TaskID) (Task, error) {
	op := usecase.Op{Name: "inbox.task", Permission: hmstype.PermTaskRead}
	return widened(ctx, s, op, hmstype.PermTaskReadAll, usecase.ByID[hmstype.TaskID]{ID: id}, s.task)
}

func (s *Service) task(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID], seesAll bool) (Task, error) {
	row, _, err := taskFor(ctx, db, in.ID, seesAll)
	if err != nil {
		return Task{}, err
	}
	err = db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "task", ID: in.ID.String(), Patient: row.PatientID})
	if err != nil {
		return Task{}, err
	}
	list, err := s.showTasks(ctx, db, true, row)
	return list[0], err
}

// MyTasksInput selects from what the actor is to do.
type MyTasksInput struct {
	// Requested lists what the actor has asked others for instead, drafts and what has ended
	// among it.
	Requested bool
	Page      hmstype.Page
}

// Validate checks the page.
func (in MyTasksInput) Validate() error {
	var v hmstype.Validator
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// MyTasks lists the open tasks that are the actor's own and those that wait for somebody of a
// role that he holds; what is due first comes first, what has no date last.
func (s *Service) MyTasks(ctx context.Context, in MyTasksInput) (hmstype.List[Task], error) {
	op := usecase.Op{Name: "inbox.my_tasks", Permission: hmstype.PermTaskRead}
	return usecase.Read(ctx, &s.base, op, in, s.myTasks)
}

func (s *Service) myTasks(ctx context.Context, db dbx.DB, in MyTasksInput) (hmstype.List[Task], error) {
	if err := requireUser(db); err != nil {
		return hmstype.List[Task]{}, err
	}
	where := func(condition string, args ...any) dbx.Apply {
		return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(condition, args...) }
	}
	if in.Requested {
		return s.listTasks(ctx, db, in.Page, where("t.created_by = ?", db.ActorName()))
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return hmstype.List[Task]{}, err
	}
	sources := []dbx.Apply{where("t.owner_id = ? AND t.ended_at IS NULL AND t.status <> 'draft'", db.Actor.User)}
	for _, role := range roles {
		sources = append(sources, where("t.role_id = ? AND t.owner_id IS NULL AND t.ended_at IS NULL AND t.status <> 'draft'", role))
	}
	return s.listTasks(ctx, db, in.Page, sources...)
}

// TasksInput selects from all tasks. Empty fields select everything; set ones must all hold.
type TasksInput struct {
	Patient hmstype.PatientID
	Status  TaskStatus
	Owner   hmstype.UserID
	Role    string // the name of the role that they were given to
	Page    hmstype.Page
}

// Validate implements the rules above.
func (in TasksInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", append(TaskTransitions.States(), "")...)
	names.CheckOptional(&v, names.NameKey, in.Role, "role", 50)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Tasks lists everybody's tasks, but for drafts of others; what is due first comes first, what
// has no date last.
func (s *Service) Tasks(ctx context.Context, in TasksInput) (hmstype.List[Task], error) {
	op := usecase.Op{Name: "inbox.tasks", Permission: hmstype.PermTaskReadAll}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in TasksInput) (hmstype.List[Task], error) {
		role, err := roleNamed(ctx, db, in.Role)
		if err != nil {
			return hmstype.List[Task]{}, err
		}
		return s.listTasks(ctx, db, in.Page, func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("(t.status <> 'draft' OR t.created_by = ?)", db.ActorName())
			if !in.Patient.IsZero() {
				q = q.Where("t.patient_id = ?", in.Patient)
			}
			if in.Status != "" {
				q = q.Where("t.status = ?", in.Status)
			}
			if !in.Owner.IsZero() {
				q = q.Where("t.owner_id = ?", in.Owner)
			}
			if !role.IsZero() {
				q = q.Where("t.role_id = ?", role)
			}
			return q
		})
	})
}

// listTasks gives one page and records whose tasks were seen.
func (s *Service) listTasks(ctx context.Context, db dbx.DB, page hmstype.Page, sources ...dbx.Apply) (hmstype.List[Task], error) {
	rows, next, err := mergedPage[taskRow](ctx, db, page, dbx.Order{At: "sort_at"}, sources)
	if err != nil {
		return hmstype.List[Task]{}, err
	}
	list := hmstype.List[Task]{Next: next}
	if list.Items, err = s.showTasks(ctx, db, false, rows...); err != nil {
		return list, err
	}
	patients := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		patients[i] = r.PatientID
	}
	return list, db.RecordSearch(ctx, "task", patients...)
}
