package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RescheduleTaskInput says anew when a task is due and how urgent it is.
type RescheduleTaskInput struct {
	ID       hmstype.TaskID `json:"id"`             // required
	Version  int64          `json:"version"`        // the version that the caller read; required
	DueAt    time.Time      `json:"dueAt,omitzero"` // zero takes the date away, and with it the escalation
	Priority Priority       `json:"priority"`       // empty means routine
	Reason   string         `json:"reason"`         // up to 500 characters
}

// Validate implements the rules above.
func (in RescheduleTaskInput) Validate() error {
	var v hmstype.Validator
	validateStep(&v, in.ID, in.Version)
	v.Check(in.DueAt.Before(noDate), "dueAt", "must lie before the year 9999 ends")
	in.Priority.validate(&v)
	v.Text(in.Reason, "reason", 0, MaxReason)
	return v.Err()
}

func (in RescheduleTaskInput) step() (hmstype.TaskID, int64, string) {
	return in.ID, in.Version, in.Reason
}

var opRescheduleTask = usecase.Command[RescheduleTaskInput, Task]{
	Name: "inbox.reschedule_task", Permission: hmstype.PermTaskWrite, Shows: tasks.One(),
	Sample: RescheduleTaskInput{Version: 1, DueAt: usecase.SampleAt, Reason: "the patient eats first"},
}.Declare()

// RescheduleTask changes when an open task is due and how urgent it is, by whoever steers it.
// How often it was escalated stays.
// Permission: [hmstype.PermTaskWrite].
func (s *Service) RescheduleTask(ctx context.Context, in RescheduleTaskInput) (Task, error) {
	return opRescheduleTask.Run(ctx, &s.base, in,
		stepping[RescheduleTaskInput](ctx, s, taskStep{event: eventTaskRescheduled, by: steerers,
			change: func(_ context.Context, _ dbx.DB, row *taskRow) error {
				row.setDue(in.DueAt)
				row.Priority = in.Priority.orRoutine()
				return nil
			},
		}))
}
