package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// TaskDetails are what is asked for.
type TaskDetails struct {
	Title       string   `bun:"title"       json:"title"`       // required, up to 200 characters
	Description string   `bun:"description" json:"description"` // up to 10,000 characters
	Priority    Priority `bun:"priority"    json:"priority"`    // empty means routine
}

func (d *TaskDetails) validate(v *hmstype.Validator) {
	v.Text(d.Title, "title", 1, MaxTitle)
	v.Text(d.Description, "description", 0, MaxText)
	d.Priority.validate(v)
}

// Task is something that a person is to do (FHIR R4 Task, without an intent: it is an order to
// act, and no clinical order).
type Task struct {
	ID     hmstype.TaskID `json:"id"`
	Status TaskStatus     `json:"status"`
	TaskDetails
	Outcome string            `json:"outcome"` // what came of it; empty until it is completed
	Patient hmstype.PatientID `json:"patient"` // whom it is about; zero means nobody
	// whose key seals its texts: the patient's, or the tenant's
	SealedFor uuid.UUID `json:"sealedFor"`
	Focus     Link      `json:"focus"` // what else it is about (FHIR Task.focus)
	// the role that it was given to; empty: it was given to a user
	Role string `json:"role"`
	// who does it or is asked to; zero until somebody of the role takes it
	Owner hmstype.UserID `json:"owner"`
	DueAt time.Time      `json:"dueAt,omitzero"` // UTC; zero means that it has no date
	// who hears of it when it is overdue; empty: who EscalateTasks says
	EscalationRole  string           `json:"escalationRole"`
	EscalationLevel int64            `json:"escalationLevel"`      // how often it was escalated
	EscalatedAt     time.Time        `json:"escalatedAt,omitzero"` // UTC; when it was last; zero means never
	CreatedBy       hmstype.ActorRef `json:"createdBy"`
	CreatedAt       time.Time        `json:"createdAt,omitzero"` // UTC
	ClaimedAt       time.Time        `json:"claimedAt,omitzero"` // UTC; when the owner took it; zero until then
	StartedAt       time.Time        `json:"startedAt,omitzero"` // UTC; when work began first; zero until then
	EndedAt         time.Time        `json:"endedAt,omitzero"`   // UTC; zero while it is open
	Version         int64            `json:"version"`            // counts changes, from 1
	// Erased says that the key that sealed its texts was destroyed, and with it the texts.
	Erased bool `json:"erased,omitempty"`
	// Withheld says that the patient's record is restricted and the actor may not see it: title,
	// description and outcome are left out. To read it by itself honours a break-glass grant.
	Withheld bool `json:"withheld,omitempty"`
}

type taskRow struct {
	bun.BaseModel `bun:"table:hms.task,alias:t"`
	dbx.Header[hmstype.TaskID]
	Status TaskStatus
	TaskDetails
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
	ClaimedAt        time.Time `bun:",nullzero"`
	StartedAt        time.Time `bun:",nullzero"`
	EndedAt          time.Time `bun:",nullzero"`
}

// tasks is what every use case that shows tasks shows of whom.
var tasks = usecase.Entity[Task]{
	Table:   "task",
	Patient: func(t *Task) hmstype.PatientID { return t.Patient },
	ID:      func(t *Task) string { return t.ID.String() },
	Texts: func(t *Task) []fieldcrypt.Record {
		return []fieldcrypt.Record{
			erasable(taskTexts.Of(t.SealedFor, t.ID, &t.TaskDetails), &t.Erased),
			erasable(taskOutcomes.Of(t.SealedFor, t.ID, &t.Outcome), &t.Erased),
		}
	},
	// What it is about, whose it is, and how urgent it is, is always shown: work must not wait.
	Keep: func(withheld, whole *Task) {
		withheld.Priority, withheld.Focus, withheld.Role = whole.Priority, whole.Focus, whole.Role
		withheld.EscalationRole, withheld.EscalationLevel = whole.EscalationRole, whole.EscalationLevel
	},
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
		ID: r.ID, Status: r.Status, TaskDetails: r.TaskDetails, Outcome: r.Outcome,
		Patient: r.PatientID, SealedFor: r.SealedFor, Focus: Link{Entity: r.Entity, ID: r.EntityID.UUID}, Owner: r.OwnerID,
		DueAt:           r.DueAt.UTC(),
		EscalationLevel: r.EscalationLevel, EscalatedAt: r.EscalatedAt.UTC(), CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(),
		ClaimedAt: r.ClaimedAt.UTC(), StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Version: r.Version,
	}
}

// tasksOf gives rows with the names of their roles, and their texts as they are stored.
func tasksOf(ctx context.Context, db dbx.DB, rows ...taskRow) ([]Task, error) {
	list, roles := make([]Task, len(rows)), make([]hmstype.RoleID, 0, 2*len(rows))
	for i, r := range rows {
		list[i] = r.task()
		roles = append(roles, r.RoleID, r.EscalationRoleID)
	}
	names, err := roleNames(ctx, db, roles)
	if err != nil {
		return list, err
	}
	for i, r := range rows {
		list[i].Role, list[i].EscalationRole = names[r.RoleID], names[r.EscalationRoleID]
	}
	return list, nil
}

// taskOf is tasksOf for one row.
func taskOf(ctx context.Context, db dbx.DB, row taskRow) (Task, error) {
	list, err := tasksOf(ctx, db, row)
	return list[0], err
}

// taskEvent is what others learn of a task: ids and codes.
func taskEvent(kind *dbx.EventType, row taskRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.ID, Data: map[string]any{
		"id": row.ID, "status": row.Status, "priority": row.Priority, "owner": row.OwnerID, "role": row.RoleID,
		"patient": row.PatientID, "escalationLevel": row.EscalationLevel,
	}}
}
