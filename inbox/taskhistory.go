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

// TaskHistoryEntry is one step of a task. A task that is given to somebody else before anybody
// took it stays in its state.
type TaskHistoryEntry struct {
	Version int64      // the task's after the step, from 1
	From    TaskStatus // empty for the first
	To      TaskStatus
	Owner   hmstype.UserID // after the step; zero means nobody
	Role    string         // after the step; empty means none
	Reason  string         // empty where none was given, or the key that sealed it was destroyed
	By      string         // an actor, as on the audit trail
	At      time.Time      // UTC
}

type taskHistoryRow struct {
	bun.BaseModel `bun:"table:hms.task_history,alias:th"`
	dbx.Tenanted
	ID         uuid.UUID `bun:"id,pk,type:uuid"`
	TaskID     hmstype.TaskID
	Version    int64
	PatientID  hmstype.PatientID `bun:",nullzero"`
	SealedFor  uuid.UUID         `bun:"type:uuid"`
	FromStatus TaskStatus
	ToStatus   TaskStatus
	OwnerID    hmstype.UserID `bun:",nullzero"`
	RoleID     hmstype.RoleID `bun:",nullzero"`
	Reason     string
	Actor      string
	At         time.Time
}

// noteStep adds the step that brought the row to its version.
func (s *Service) noteStep(ctx context.Context, db dbx.DB, row taskRow, from TaskStatus, reason string) error {
	entry := taskHistoryRow{
		Tenanted: row.Tenanted, ID: hmstype.NewID[uuid.UUID](), TaskID: row.ID, Version: row.Version,
		PatientID: row.PatientID, SealedFor: row.SealedFor, FromStatus: from, ToStatus: row.Status,
		OwnerID: row.OwnerID, RoleID: row.RoleID, Reason: reason, Actor: db.ActorName(), At: db.Now,
	}
	if reason != "" {
		if err := s.seal(ctx, db, row.SealedFor, entry.ID, fieldcrypt.Part{Field: fieldTaskReason, Text: &entry.Reason}); err != nil {
			return err
		}
	}
	return dbx.Insert(ctx, db, entry)
}

// TaskHistory gives the steps of a task that the actor may see, the first first, and records
// the read of its patient's data like [Service.Task].
func (s *Service) TaskHistory(ctx context.Context, id hmstype.TaskID) ([]TaskHistoryEntry, error) {
	op := usecase.Op{Name: "inbox.task_history", Permission: hmstype.PermTaskRead}
	return widened(ctx, s, op, hmstype.PermTaskReadAll, usecase.ByID[hmstype.TaskID]{ID: id}, s.taskHistory)
}

func (s *Service) taskHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID], seesAll bool) ([]TaskHistoryEntry, error) {
	task, _, err := taskFor(ctx, db, in.ID, seesAll)
	if err != nil {
		return nil, err
	}
	err = db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "task", ID: in.ID.String(), Patient: task.PatientID})
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[taskHistoryRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("th.task_id = ?", in.ID).Order("th.version")
	})
	if err != nil {
		return nil, err
	}
	list, entries := make([]TaskHistoryEntry, len(rows)), make([]shown, len(rows))
	roles, withheld := make([]hmstype.RoleID, len(rows)), make([]Withheld, len(rows))
	for i, r := range rows {
		list[i] = TaskHistoryEntry{
			Version: r.Version, From: r.FromStatus, To: r.ToStatus, Owner: r.OwnerID, Reason: r.Reason, By: r.Actor, At: r.At.UTC(),
		}
		roles[i] = r.RoleID
		entries[i] = shown{patient: r.PatientID, subject: r.SealedFor, row: r.ID, withheld: &withheld[i], texts: []fieldcrypt.Part{{Field: fieldTaskReason, Text: &list[i].Reason}}}
	}
	names, err := roleNames(ctx, db, roles)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		list[i].Role = names[r.RoleID]
	}
	return list, s.show(ctx, db, true, entries...)
}
