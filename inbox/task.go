package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Task is something that a person is to do (FHIR R4 Task, without an intent: it is an order to
// act, and no clinical order).
type Task struct {
	ID              hmstype.TaskID
	Status          TaskStatus
	Priority        Priority
	Title           string            // empty where Withheld says why
	Description     string            // may be empty
	Outcome         string            // what came of it; empty until it is completed
	Withheld        Withheld          // why title, description and outcome are not shown
	Patient         hmstype.PatientID // whom it is about; zero means nobody
	Focus           Link              // what else it is about (FHIR Task.focus)
	Role            string            // the role that it was given to; empty means that it was given to a user
	Owner           hmstype.UserID    // who does it or is asked to; zero until somebody of the role takes it
	DueAt           time.Time         // UTC; zero means that it has no date
	EscalationRole  string            // who hears of it when it is overdue; empty means who EscalateTasks says
	EscalationLevel int64             // how often it was escalated
	EscalatedAt     time.Time         // UTC; when it was last; zero means never
	CreatedBy       string            // an actor, as on the audit trail
	CreatedAt       time.Time         // UTC
	ClaimedAt       time.Time         // UTC; when the owner took it; zero until then
	StartedAt       time.Time         // UTC; when work began first; zero until then
	EndedAt         time.Time         // UTC; zero while it is open
	Version         int64             // counts changes, from 1
}

type taskRow struct {
	bun.BaseModel `bun:"table:hms.task,alias:t"`
	dbx.Tenanted
	ID               hmstype.TaskID `bun:"id,pk"`
	Status           TaskStatus
	Priority         Priority
	Title            string
	Description      string
	Outcome          string
	PatientID        hmstype.PatientID `bun:",nullzero"`
	SealedFor        uuid.UUID         `bun:"type:uuid"`
	Entity           string
	EntityID         uuid.NullUUID  `bun:"type:uuid"`
	RoleID           hmstype.RoleID `bun:",nullzero"`
	OwnerID          hmstype.UserID `bun:",nullzero"`
	DueAt            time.Time      `bun:",nullzero"`
	SortAt           time.Time
	EscalationRoleID hmstype.RoleID `bun:",nullzero"`
	EscalateAt       time.Time      `bun:",nullzero"`
	EscalatedAt      time.Time      `bun:",nullzero"`
	EscalationLevel  int64
	CreatedBy        string
	CreatedAt        time.Time
	ClaimedAt        time.Time `bun:",nullzero"`
	StartedAt        time.Time `bun:",nullzero"`
	EndedAt          time.Time `bun:",nullzero"`
	Version          int64
}

// Position is the place in a list of tasks, which is ordered by what is due first.
func (r taskRow) Position() hmstype.Position {
	return hmstype.Position{At: r.SortAt, ID: r.ID.UUID()}
}

// noDate is where a task without a date is put: after all others.
var noDate = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// setDue sets when the task is due, and with it when it is escalated.
func (r *taskRow) setDue(at time.Time) {
	r.DueAt, r.EscalateAt, r.SortAt = hmstype.Instant(at), hmstype.Instant(at), hmstype.Instant(at)
	if at.IsZero() {
		r.SortAt = noDate
	}
}

// task gives the row with its texts as they are stored, and without the roles' names.
func (r taskRow) task() Task {
	return Task{
		ID: r.ID, Status: r.Status, Priority: r.Priority, Title: r.Title, Description: r.Description, Outcome: r.Outcome,
		Patient: r.PatientID, Focus: Link{Entity: r.Entity, ID: r.EntityID.UUID}, Owner: r.OwnerID, DueAt: r.DueAt.UTC(),
		EscalationLevel: r.EscalationLevel, EscalatedAt: r.EscalatedAt.UTC(), CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		ClaimedAt: r.ClaimedAt.UTC(), StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Version: r.Version,
	}
}

// showTasks gives rows as people read them.
func (s *Service) showTasks(ctx context.Context, db dbx.DB, allowed bool, rows ...taskRow) ([]Task, error) {
	list, entries := make([]Task, len(rows)), make([]shown, len(rows))
	roles := make([]hmstype.RoleID, 0, 2*len(rows))
	for i, r := range rows {
		list[i] = r.task()
		roles = append(roles, r.RoleID, r.EscalationRoleID)
		entries[i] = shown{patient: r.PatientID, subject: r.SealedFor, row: r.ID, withheld: &list[i].Withheld, texts: []fieldcrypt.Part{
			{Field: fieldTaskTitle, Text: &list[i].Title}, {Field: fieldTaskDescription, Text: &list[i].Description}, {Field: fieldTaskOutcome, Text: &list[i].Outcome},
		}}
	}
	names, err := roleNames(ctx, db, roles)
	if err != nil {
		return list, err
	}
	for i, r := range rows {
		list[i].Role, list[i].EscalationRole = names[r.RoleID], names[r.EscalationRoleID]
	}
	return list, s.show(ctx, db, allowed, entries...)
}

// showTask is showTasks for one row, after a deed: its answer withholds what a list would.
func (s *Service) showTask(ctx context.Context, db dbx.DB, row taskRow) (Task, error) {
	list, err := s.showTasks(ctx, db, false, row)
	return list[0], err
}

// taskEvent is what others learn of a task: ids and codes.
func taskEvent(kind string, row taskRow) dbx.Event {
	return dbx.Event{Type: "inbox.task_" + kind, Entity: "task", ID: row.ID, Data: map[string]any{
		"id": row.ID, "status": row.Status, "priority": row.Priority, "owner": row.OwnerID, "role": row.RoleID,
		"patient": row.PatientID, "escalationLevel": row.EscalationLevel,
	}}
}
