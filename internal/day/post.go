package day

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/inbox"
)

// post is what colleagues tell each other.
func (d *Day) post() {
	d.notifications()
	d.tasks()
	d.tasksThatEnd()
	d.threads()
}

// userOf gives the user behind a context.
func (d *Day) userOf(ctx context.Context) hmstype.UserID {
	actor, err := hmstype.ActorFrom(ctx)
	d.check(err, "the actor")
	return actor.User
}

func (d *Day) notifications() {
	s := d.H.Inbox
	to := inbox.Recipient{User: d.userOf(d.other)}
	about := run(d, d.Ctx, s.Notify,
		inbox.NotifyInput{To: to, NotificationDetails: inbox.NotificationDetails{Category: "test"}, Patient: d.Who.ID})
	run(d, d.Ctx, s.Notify, inbox.NotifyInput{To: to, NotificationDetails: inbox.NotificationDetails{Category: "test"}})
	run(d, d.other, s.GetNotification, about.ID)
	run(d, d.other, s.ListNotifications, inbox.ListNotificationsInput{})
	perform(d, d.other, s.CountUnreadNotifications)
	run(d, d.other, s.MarkRead, inbox.MarkReadInput{IDs: []hmstype.NotificationID{about.ID}})
	run(d, d.other, s.MarkAllRead, inbox.MarkAllReadInput{})
}

func (d *Day) task(to inbox.Recipient, draft bool) inbox.Task {
	return run(d, d.Ctx, d.H.Inbox.CreateTask, inbox.CreateTaskInput{
		To: to, Patient: d.Who.ID, DueAt: d.Clock.Now(), EscalationRole: d.Role, Draft: draft,
	})
}

// stepTask takes a task one step on.
func stepTask[In interface {
	~struct {
		ID      hmstype.TaskID `json:"id"`
		Version int64          `json:"version"`
		Reason  string         `json:"reason"`
	}
}](
	d *Day, step func(context.Context, In) (inbox.Task, error), t inbox.Task,
) inbox.Task {
	return run(d, d.other, step, In(inbox.TaskStep{ID: t.ID, Version: t.Version}))
}

func (d *Day) tasks() {
	s, me := d.H.Inbox, inbox.Recipient{User: d.userOf(d.other)}
	task := d.task(inbox.Recipient{Role: d.Role}, false)
	task = run(d, d.other, s.ClaimTask, task.ID)
	task = stepTask(d, s.ReleaseTask, task)
	task = run(d, d.Ctx, s.ReassignTask, inbox.ReassignTaskInput{ID: task.ID, Version: task.Version, To: me})
	task = stepTask(d, s.ReceiveTask, task)
	task = run(d, d.other, s.ClaimTask, task.ID)
	task = stepTask(d, s.ReadyTask, task)
	task = stepTask(d, s.StartTask, task)
	task = stepTask(d, s.HoldTask, task)
	task = stepTask(d, s.ResumeTask, task)
	run(d, d.other, s.CompleteTask, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version})
	run(d, d.other, s.GetTask, task.ID)
	run(d, d.other, s.GetTaskHistory, task.ID)
	run(d, d.other, s.ListMyTasks, inbox.ListMyTasksInput{})
	run(d, d.other, s.ListTasks, inbox.ListTasksInput{Patient: d.Who.ID, Role: d.Role})
}

func (d *Day) tasksThatEnd() {
	s, me := d.H.Inbox, inbox.Recipient{User: d.userOf(d.other)}
	draft := d.task(me, true)
	draft = run(d, d.Ctx, s.RequestTask, inbox.RequestTaskInput{ID: draft.ID, Version: draft.Version})
	draft = run(d, d.Ctx, s.RescheduleTask,
		inbox.RescheduleTaskInput{ID: draft.ID, Version: draft.Version, DueAt: d.Clock.Now()})
	run(d, d.other, s.RejectTask, inbox.RejectTaskInput{ID: draft.ID, Version: draft.Version})
	cancelled := d.task(me, false)
	cancelled = run(d, d.Ctx, s.CancelTask, inbox.CancelTaskInput{ID: cancelled.ID, Version: cancelled.Version})
	run(d, d.Ctx, s.EnterTaskInError, inbox.EnterTaskInErrorInput{ID: cancelled.ID, Version: cancelled.Version})
	failed := d.task(me, false)
	failed = run(d, d.other, s.ClaimTask, failed.ID)
	failed = run(d, d.other, s.StartTask, inbox.StartTaskInput{ID: failed.ID, Version: failed.Version})
	run(d, d.other, s.FailTask, inbox.FailTaskInput{ID: failed.ID, Version: failed.Version})
	overdue := d.task(me, false)
	escalated := run(d, d.Ctx, s.EscalateTasks, inbox.EscalateTasksInput{AsOf: d.Clock.Now(), Role: d.Role})
	d.require(slices.Equal(escalated, []hmstype.TaskID{overdue.ID}), "the overdue task alone escalates")
}

func (d *Day) threads() {
	s := d.H.Inbox
	colleague := d.Person(d.Role)
	for _, about := range []hmstype.PatientID{d.Who.ID, {}} {
		thread := run(d, d.other, s.StartThread, inbox.StartThreadInput{Patient: about})
		run(d, d.other, s.AddParticipant, inbox.AddParticipantInput{Thread: thread.ID, User: d.userOf(colleague)})
		message := run(d, d.other, s.SendMessage, inbox.SendMessageInput{Thread: thread.ID})
		perform(d, colleague, s.CountUnreadThreads)
		run(d, colleague, s.GetThread, thread.ID)
		run(d, colleague, s.ListThreads, inbox.ListThreadsInput{})
		run(d, colleague, s.ListMessages, inbox.ListMessagesInput{Thread: thread.ID})
		run(d, colleague, s.MarkThreadRead, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: message.SentAt})
		tell(d, colleague, s.LeaveThread, thread.ID)
	}
	run(d, d.other, s.ListPatientThreads, inbox.ListPatientThreadsInput{Patient: d.Who.ID})
}
