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
	ID        uuid.UUID         `json:"id"`
	Patient   hmstype.PatientID `json:"patient"`   // the task's; zero means nobody
	SealedFor uuid.UUID         `json:"sealedFor"` // whose key seals the reason: the patient's, or the tenant's
	Version   int64             `json:"version"`   // the task's after the step, from 1
	From      TaskStatus        `json:"from"`      // empty for the first
	To        TaskStatus        `json:"to"`
	Owner     hmstype.UserID    `json:"owner"`  // after the step; zero means nobody
	Role      string            `json:"role"`   // after the step; empty means none
	Reason    string            `json:"reason"` // empty where none was given, or the key that sealed it was destroyed
	By        hmstype.ActorRef  `json:"by"`
	At        time.Time         `json:"at,omitzero"` // UTC
	// Withheld says that the patient's record is restricted and the actor may not see it.
	Withheld bool `json:"withheld,omitempty"`
}

// taskHistories is what every use case that shows steps of tasks shows of whom.
var taskHistories = usecase.Entity[TaskHistoryEntry]{
	Table:   "task_history",
	Patient: func(e *TaskHistoryEntry) hmstype.PatientID { return e.Patient },
	ID:      func(e *TaskHistoryEntry) string { return e.ID.String() },
	Texts: func(e *TaskHistoryEntry) []fieldcrypt.Record {
		return []fieldcrypt.Record{taskReasons.Of(e.SealedFor, e.ID, &e.Reason)}
	},
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
	Actor      hmstype.ActorRef
	At         time.Time
}

// noteStep adds the step that brought the row to its version.
func (s *Service) noteStep(ctx context.Context, db dbx.DB, row *taskRow, from TaskStatus, reason string) error {
	entry := taskHistoryRow{
		Tenanted: row.Tenanted, ID: hmstype.NewID[uuid.UUID](), TaskID: row.ID, Version: row.Version,
		PatientID: row.PatientID, SealedFor: row.SealedFor, FromStatus: from, ToStatus: row.Status,
		OwnerID: row.OwnerID, RoleID: row.RoleID, Reason: reason, Actor: db.By(), At: db.Now,
	}
	if err := taskReasons.Seal(ctx, s.base.Crypt, db, row.SealedFor, entry.ID, &entry.Reason); err != nil {
		return err
	}
	return dbx.Insert(ctx, db, entry)
}

var opGetTaskHistory = usecase.Query[usecase.ByID[hmstype.TaskID], []TaskHistoryEntry]{
	Name: "inbox.get_task_history", Permission: hmstype.PermTaskRead, Shows: taskHistories.All(),
}.Declare()

// GetTaskHistory gives the steps of a task that the actor may see, the first first, and records
// the read of its patient's data like [Service.GetTask].
// Permission: [hmstype.PermTaskRead].
func (s *Service) GetTaskHistory(ctx context.Context, id hmstype.TaskID) ([]TaskHistoryEntry, error) {
	return opGetTaskHistory.Run(ctx, &s.base, usecase.ID(id), widened(ctx, s, hmstype.PermTaskReadAll, taskHistory))
}

func taskHistory(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.TaskID], seesAll bool,
) ([]TaskHistoryEntry, error) {
	if _, _, err := taskFor(ctx, db, in.ID, seesAll); err != nil {
		return nil, err
	}
	rows, err := dbx.All[taskHistoryRow](ctx, db, dbx.Equal("task_id", in.ID), dbx.OrderBy("th.version"))
	if err != nil {
		return nil, err
	}
	list, roles := make([]TaskHistoryEntry, len(rows)), make([]hmstype.RoleID, len(rows))
	for i, r := range rows {
		list[i], roles[i] = TaskHistoryEntry{
			ID: r.ID, Patient: r.PatientID, SealedFor: r.SealedFor, Version: r.Version, From: r.FromStatus, To: r.ToStatus,
			Owner: r.OwnerID, Reason: r.Reason, By: r.Actor, At: r.At.UTC(),
		}, r.RoleID
	}
	names, err := roleNames(ctx, db, roles)
	for i, r := range rows {
		list[i].Role = names[r.RoleID]
	}
	return list, err
}
