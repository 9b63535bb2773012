package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// DefaultEscalateAgain is how long after an escalation a task that is still open is escalated
// again.
const DefaultEscalateAgain = 24 * time.Hour

// escalateBatch bounds the tasks that one call escalates, and so its transaction.
const escalateBatch = 500

// EscalateTasksInput says as of when tasks are overdue, and who hears of it.
type EscalateTasksInput struct {
	AsOf time.Time `json:"asOf,omitzero"` // required
	// the name of the role that hears of tasks that name none; empty means nobody does
	Role string `json:"role"`
	// until a task is escalated again, at least a minute; zero means [DefaultEscalateAgain]
	Again time.Duration `json:"again"`
}

// Validate implements the rules above.
func (in EscalateTasksInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	v.Check(in.AsOf.Before(noDate.AddDate(-1, 0, 0)), "asOf", "must lie before the year 9998 ends")
	names.CheckOptional(&v, names.NameKey, in.Role, "role", 50)
	v.Check(
		in.Again == 0 || (in.Again >= time.Minute && in.Again <= 366*24*time.Hour), "again",
		"must lie between 1 minute and 366 days",
	)
	return v.Err()
}

var opEscalateTasks = usecase.Command[EscalateTasksInput, []hmstype.TaskID]{
	Name: "inbox.escalate_tasks", Permission: hmstype.PermTaskManage,
	Shows: usecase.Nobody[[]hmstype.TaskID]("ids of tasks only"), MayBeIdle: "nothing may be overdue",
	Sample: EscalateTasksInput{AsOf: usecase.SampleAt},
}.Declare()

// EscalateTasks raises the level of the open tasks that are overdue as of the instant: it
// notifies the task's escalation role, or the input's, in the category "task.escalated", and
// emits "inbox.task_escalated" for each. It gives their ids, at most 500, the most overdue first.
// Of the role, those are notified who are on duty or on call then; where the roster names nobody,
// everybody who holds it.
// From then on those who hold the role see the task and may reassign or cancel it.
//
// Call it every few minutes, and again at once while it gives 500. A second call as of the same
// instant escalates nothing again; several callers take different tasks.
// Permission: [hmstype.PermTaskManage].
func (s *Service) EscalateTasks(ctx context.Context, in EscalateTasksInput) ([]hmstype.TaskID, error) {
	return opEscalateTasks.Run(ctx, &s.base, in, s.escalateTasks)
}

func (s *Service) escalateTasks(ctx context.Context, db dbx.DB, in EscalateTasksInput) ([]hmstype.TaskID, error) {
	role, err := roleNamed(ctx, db, in.Role)
	if err != nil {
		return nil, err
	}
	if in.Again == 0 {
		in.Again = DefaultEscalateAgain
	}
	in.AsOf = hmstype.Instant(in.AsOf)
	rows, err := dbx.All[taskRow](ctx, db, dbx.Where("t.escalate_at <= ?", in.AsOf), dbx.Where("t.ended_at IS NULL"),
		dbx.Where("t.status <> 'draft'"), dbx.OrderBy("t.escalate_at", "t.id"), dbx.Limit(escalateBatch), dbx.SkipLocked)
	if err != nil {
		return nil, err
	}
	ids, roles := make([]hmstype.TaskID, len(rows)), make([]hmstype.RoleID, len(rows))
	for i := range rows {
		if rows[i].EscalationRoleID.IsZero() {
			rows[i].EscalationRoleID = role
		}
		ids[i], roles[i] = rows[i].ID, rows[i].EscalationRoleID
	}
	hearers, err := s.hearersOf(ctx, db, roles, in.AsOf)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		row.EscalationLevel++
		row.EscalatedAt, row.EscalateAt = in.AsOf, in.AsOf.Add(in.Again)
		if err := s.escalate(ctx, db, row, hearers[row.EscalationRoleID]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// hearer is who is notified: a user, or everybody of a role.
type hearer struct {
	user hmstype.UserID
	role hmstype.RoleID
}

// hearersOf gives by role who hears of what is overdue: who of it is there, or else all who hold it.
func (s *Service) hearersOf(
	ctx context.Context, db dbx.DB, roles []hmstype.RoleID, at time.Time,
) (map[hmstype.RoleID][]hearer, error) {
	named, err := roleNames(ctx, db, roles)
	if err != nil {
		return nil, err
	}
	hearers := make(map[hmstype.RoleID][]hearer, len(named))
	for role, name := range named {
		users, err := s.ports.Staff.OnDuty(ctx, db.Conn(), hmstype.WardID{}, "", name, at)
		if err != nil {
			return nil, err
		}
		for _, user := range users {
			hearers[role] = append(hearers[role], hearer{user: user})
		}
		if len(users) == 0 {
			hearers[role] = []hearer{{role: role}}
		}
	}
	return hearers, nil
}

func (s *Service) escalate(ctx context.Context, db dbx.DB, row taskRow, hearers []hearer) error {
	err := dbx.Update(ctx, db, &row, "escalation_level", "escalated_at", "escalate_at", "escalation_role_id")
	if err != nil {
		return err
	}
	if err := s.noteStep(ctx, db, &row, row.Status, "overdue"); err != nil {
		return err
	}
	if err := db.Emit(ctx, taskEvent(eventTaskEscalated, row)); err != nil {
		return err
	}
	for _, h := range hearers {
		_, err := s.insertNotification(ctx, db, NotifyInput{
			NotificationDetails: NotificationDetails{
				Category: "task.escalated", Priority: row.Priority.atLeastUrgent(), Title: "A task is overdue",
			},
			To: Recipient{User: h.user}, Patient: row.PatientID, Link: Link{Entity: "task", ID: row.ID.UUID()},
		}, h.role)
		if err != nil {
			return err
		}
	}
	return nil
}
