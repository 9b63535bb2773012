package inbox

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

var opGetTask = usecase.Query[usecase.ByID[hmstype.TaskID], Task]{
	Name: "inbox.get_task", Permission: hmstype.PermTaskRead, Shows: tasks.One(),
}.Declare()

// GetTask gives a task that the actor may see, and records the read of its patient's data: one
// that is his, of a role that he holds, that he asked for, or that was escalated to a role that
// he holds; with task.read_all everybody's. To others it is not found. One about a restricted
// patient needs patient.restricted or a break-glass grant.
// Permission: [hmstype.PermTaskRead].
func (s *Service) GetTask(ctx context.Context, id hmstype.TaskID) (Task, error) {
	return opGetTask.Run(ctx, &s.base, usecase.ID(id), widened(ctx, s, hmstype.PermTaskReadAll, getTask))
}

func getTask(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID], seesAll bool) (Task, error) {
	row, _, err := taskFor(ctx, db, in.ID, seesAll)
	if err != nil {
		return Task{}, err
	}
	return taskOf(ctx, db, row)
}

// ListMyTasksInput selects from what the actor is to do.
type ListMyTasksInput struct {
	// Requested lists what the actor has asked others for instead, drafts and what has ended
	// among it.
	Requested bool         `json:"requested"`
	Page      hmstype.Page `json:"page"`
}

// Validate checks the page.
func (in ListMyTasksInput) Validate() error {
	var v hmstype.Validator
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListMyTasks = usecase.Query[ListMyTasksInput, hmstype.List[Task]]{
	Name: "inbox.list_my_tasks", Permission: hmstype.PermTaskRead, Shows: tasks.Found(), Sample: ListMyTasksInput{},
}.Declare()

// ListMyTasks lists the open tasks that are the actor's own and those that wait for somebody of a
// role that he holds; what is due first comes first, what has no date last.
// Permission: [hmstype.PermTaskRead].
func (s *Service) ListMyTasks(ctx context.Context, in ListMyTasksInput) (hmstype.List[Task], error) {
	return opListMyTasks.Run(ctx, &s.base, in, myTasks)
}

func myTasks(ctx context.Context, db dbx.DB, in ListMyTasksInput) (hmstype.List[Task], error) {
	if err := requireUser(db); err != nil {
		return hmstype.List[Task]{}, err
	}
	if in.Requested {
		return listTasks(ctx, db, in.Page, []dbx.Apply{dbx.Equal("created_by", db.By())})
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return hmstype.List[Task]{}, err
	}
	sources := []dbx.Apply{dbx.Equal("owner_id", db.Actor.User)}
	for _, role := range roles {
		sources = append(sources, dbx.Where("t.role_id = ? AND t.owner_id IS NULL", role))
	}
	return listTasks(ctx, db, in.Page, sources, dbx.Where("t.ended_at IS NULL AND t.status <> 'draft'"))
}

// ListTasksInput selects from all tasks. Empty fields select everything; set ones must all hold.
type ListTasksInput struct {
	Patient hmstype.PatientID `json:"patient"`
	Status  TaskStatus        `json:"status"`
	Owner   hmstype.UserID    `json:"owner"`
	Role    string            `json:"role"` // the name of the role that they were given to
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (in ListTasksInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", append(TaskTransitions.States(), "")...)
	names.CheckOptional(&v, names.NameKey, in.Role, "role", 50)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListTasks = usecase.Query[ListTasksInput, hmstype.List[Task]]{
	Name: "inbox.list_tasks", Permission: hmstype.PermTaskReadAll, Shows: tasks.Found(),
	Sample: ListTasksInput{Status: TaskRequested},
}.Declare()

// ListTasks lists everybody's tasks, but for drafts of others; what is due first comes first, what
// has no date last.
// Permission: [hmstype.PermTaskReadAll].
func (s *Service) ListTasks(ctx context.Context, in ListTasksInput) (hmstype.List[Task], error) {
	return opListTasks.Run(ctx, &s.base, in, allTasks)
}

func allTasks(ctx context.Context, db dbx.DB, in ListTasksInput) (hmstype.List[Task], error) {
	role, err := roleNamed(ctx, db, in.Role)
	if err != nil {
		return hmstype.List[Task]{}, err
	}
	db.About(in.Patient)
	return listTasks(ctx, db, in.Page, []dbx.Apply{dbx.Where("(t.status <> 'draft' OR t.created_by = ?)", db.By())},
		dbx.When(!in.Patient.IsZero(), dbx.Equal("patient_id", in.Patient)),
		dbx.When(in.Status != "", dbx.Equal("status", in.Status)),
		dbx.When(!in.Owner.IsZero(), dbx.Equal("owner_id", in.Owner)),
		dbx.When(!role.IsZero(), dbx.Equal("role_id", role)))
}

// listTasks gives one page of what the sources select, each row by one of them.
func listTasks(
	ctx context.Context, db dbx.DB, page hmstype.Page, sources []dbx.Apply, more ...dbx.Apply,
) (hmstype.List[Task], error) {
	rows, next, err := mergedPage[taskRow](ctx, db, page, dbx.Order{At: "sort_at"}, sources, more...)
	if err != nil {
		return hmstype.List[Task]{}, err
	}
	list, err := tasksOf(ctx, db, rows...)
	return hmstype.List[Task]{Items: list, Next: next}, err
}
