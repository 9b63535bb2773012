package hms_test

import (
	"context"
	"iter"
	"reflect"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
)

// post is what colleagues tell each other.
func (d *canaryDay) post() {
	d.notifications()
	d.tasks()
	d.tasksThatEnd()
	d.threads()
}

// userOf gives the user behind a context.
func (d *canaryDay) userOf(ctx context.Context) hmstype.UserID {
	actor, err := hmstype.ActorFrom(ctx)
	require.NoError(d.t, err)
	return actor.User
}

func (d *canaryDay) notifications() {
	c, s := d.hospital, d.h.Inbox
	to := inbox.Recipient{User: d.userOf(d.other)}
	about := run(c, d.sys, s.Notify, inbox.NotifyInput{To: to, NotificationDetails: inbox.NotificationDetails{Category: "test"}, Patient: d.patient.ID})
	run(c, d.sys, s.Notify, inbox.NotifyInput{To: to, NotificationDetails: inbox.NotificationDetails{Category: "test"}})
	run(c, d.other, s.GetNotification, about.ID)
	run(c, d.other, s.ListNotifications, inbox.ListNotificationsInput{})
	perform(c, d.other, s.CountUnreadNotifications)
	run(c, d.other, s.MarkRead, inbox.MarkReadInput{IDs: []hmstype.NotificationID{about.ID}})
	run(c, d.other, s.MarkAllRead, inbox.MarkAllReadInput{})
}

func (d *canaryDay) task(to inbox.Recipient, draft bool) inbox.Task {
	return run(d.hospital, d.sys, d.h.Inbox.CreateTask, inbox.CreateTaskInput{
		To: to, Patient: d.patient.ID, DueAt: d.clock.Now(), EscalationRole: d.role, Draft: draft,
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
	d *canaryDay, step func(context.Context, In) (inbox.Task, error), t inbox.Task,
) inbox.Task {
	return run(d.hospital, d.other, step, In(inbox.TaskStep{ID: t.ID, Version: t.Version}))
}

func (d *canaryDay) tasks() {
	c, s, me := d.hospital, d.h.Inbox, inbox.Recipient{User: d.userOf(d.other)}
	task := d.task(inbox.Recipient{Role: d.role}, false)
	task = run(c, d.other, s.ClaimTask, task.ID)
	task = stepTask(d, s.ReleaseTask, task)
	task = run(c, d.sys, s.ReassignTask, inbox.ReassignTaskInput{ID: task.ID, Version: task.Version, To: me})
	task = stepTask(d, s.ReceiveTask, task)
	task = run(c, d.other, s.ClaimTask, task.ID)
	task = stepTask(d, s.ReadyTask, task)
	task = stepTask(d, s.StartTask, task)
	task = stepTask(d, s.HoldTask, task)
	task = stepTask(d, s.ResumeTask, task)
	run(c, d.other, s.CompleteTask, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version})
	run(c, d.other, s.GetTask, task.ID)
	run(c, d.other, s.GetTaskHistory, task.ID)
	run(c, d.other, s.ListMyTasks, inbox.ListMyTasksInput{})
	run(c, d.other, s.ListTasks, inbox.ListTasksInput{Patient: d.patient.ID, Role: d.role})
}

func (d *canaryDay) tasksThatEnd() {
	c, s, me := d.hospital, d.h.Inbox, inbox.Recipient{User: d.userOf(d.other)}
	draft := d.task(me, true)
	draft = run(c, d.sys, s.RequestTask, inbox.RequestTaskInput{ID: draft.ID, Version: draft.Version})
	draft = run(c, d.sys, s.RescheduleTask, inbox.RescheduleTaskInput{ID: draft.ID, Version: draft.Version, DueAt: d.clock.Now()})
	run(c, d.other, s.RejectTask, inbox.RejectTaskInput{ID: draft.ID, Version: draft.Version})
	cancelled := d.task(me, false)
	cancelled = run(c, d.sys, s.CancelTask, inbox.CancelTaskInput{ID: cancelled.ID, Version: cancelled.Version})
	run(c, d.sys, s.EnterTaskInError, inbox.EnterTaskInErrorInput{ID: cancelled.ID, Version: cancelled.Version})
	failed := d.task(me, false)
	failed = run(c, d.other, s.ClaimTask, failed.ID)
	failed = run(c, d.other, s.StartTask, inbox.StartTaskInput{ID: failed.ID, Version: failed.Version})
	run(c, d.other, s.FailTask, inbox.FailTaskInput{ID: failed.ID, Version: failed.Version})
	overdue := d.task(me, false)
	require.Equal(d.t, []hmstype.TaskID{overdue.ID}, run(c, d.sys, s.EscalateTasks, inbox.EscalateTasksInput{AsOf: d.clock.Now(), Role: d.role}))
}

func (d *canaryDay) threads() {
	c, s := d.hospital, d.h.Inbox
	colleague := d.person(d.role)
	for _, about := range []hmstype.PatientID{d.patient.ID, {}} {
		thread := run(c, d.other, s.StartThread, inbox.StartThreadInput{Patient: about})
		run(c, d.other, s.AddParticipant, inbox.AddParticipantInput{Thread: thread.ID, User: d.userOf(colleague)})
		message := run(c, d.other, s.SendMessage, inbox.SendMessageInput{Thread: thread.ID})
		perform(c, colleague, s.CountUnreadThreads)
		run(c, colleague, s.GetThread, thread.ID)
		run(c, colleague, s.ListThreads, inbox.ListThreadsInput{})
		run(c, colleague, s.ListMessages, inbox.ListMessagesInput{Thread: thread.ID})
		run(c, colleague, s.MarkThreadRead, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: message.SentAt})
		tell(c, colleague, s.LeaveThread, thread.ID)
	}
	run(c, d.other, s.ListPatientThreads, inbox.ListPatientThreadsInput{Patient: d.patient.ID})
}

// disclosures tells others about the patient, and the patient about it.
func (d *canaryDay) disclosures() {
	c, s := d.hospital, d.h.Audit
	given := run(c, d.sys, s.RecordDisclosure, audit.RecordDisclosureInput{
		Patient: d.patient.ID, DisclosureDetails: audit.DisclosureDetails{DisclosedAt: d.clock.Now(), Basis: audit.BasisLawEnforcement},
		Suspension: audit.Suspension{At: d.clock.Now(), Until: d.clock.Now().Add(time.Hour)},
	})
	given = run(c, d.sys, s.SuspendDisclosure, audit.SuspendDisclosureInput{
		ID: given.ID, Version: given.Version, Suspension: audit.Suspension{At: d.clock.Now(), Until: d.clock.Now().Add(2 * time.Hour)},
	})
	asked := audit.ListDisclosuresInput{Patient: d.patient.ID, ForStaff: true}
	run(c, d.sys, s.ListDisclosures, asked)
	run(c, d.sys, s.ListDisclosureSummaries, audit.ListDisclosureSummariesInput(asked))
	run(c, d.sys, d.h.AuditLog.ProveDisclosures, sealed.ProveDisclosuresInput{Patient: d.patient.ID, ForStaff: true})
	run(c, d.sys, s.EnterDisclosureInError, audit.EnterDisclosureInErrorInput{ID: given.ID, Version: given.Version})
	run(c, d.sys, s.GetDisclosureHistory, given.ID)
}

// office keeps the records' rules.
func (d *canaryDay) office() {
	c, s := d.hospital, d.h.Audit
	run(c, d.sys, s.SetRetentionPolicy, audit.SetRetentionPolicyInput{
		RetentionPolicyDetails: audit.RetentionPolicyDetails{Category: audit.CategoryAccess, Jurisdiction: "DE", KeepMonths: 120},
	})
	perform(c, d.sys, s.ListRetentionPolicies)
	hold := run(c, d.sys, s.PlaceLegalHold, audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: d.patient.ID}})
	run(c, d.sys, s.ListLegalHolds, audit.ListLegalHoldsInput{})
	run(c, d.sys, d.h.AuditLog.PlanRetention, sealed.PlanRetentionInput{})
	run(c, d.sys, s.ReleaseLegalHold, audit.ReleaseLegalHoldInput{ID: hold.ID})
	run(c, d.sys, d.h.Encryption.Erase, encryption.EraseInput{Patient: d.register().ID})
	run(c, d.sys, d.h.Encryption.ListErasures, hmstype.Page{})
}

// questions asks the trail.
func (d *canaryDay) questions() {
	c, s := d.hospital, d.h.Audit
	report := audit.ListAccessesInput{Patient: d.patient.ID}
	run(c, d.sys, s.ListAccesses, report)
	run(c, d.sys, s.ListAccessTotals, audit.ListAccessTotalsInput(report))
	drainAll(c, "audit.ExportAccesses", s.ExportAccesses(d.sys, audit.ExportAccessesInput(report)))
	drainAll(c, "audit.ExportEvents", s.ExportEvents(d.sys, audit.ExportEventsInput{Patient: d.patient.ID}))
	nothing := audit.ListEventsInput{}
	c.feed(reflect.ValueOf(&nothing).Elem(), "audit.ExportEvents")
	for range s.ExportEvents(d.sys, audit.ExportEventsInput(nothing)) {
		require.Fail(d.t, "nobody has that name")
	}
	list, err := s.ListEventsOfUser(d.sys, d.user.ID, hmstype.Page{})
	c.done("audit.ListEventsOfUser", err, list)
	list, err = s.ListEventsOfObject(d.sys, d.text("audit.ListEventsOfObject"), d.text("audit.ListEventsOfObject"), hmstype.Page{})
	c.done("audit.ListEventsOfObject", err, list)
	c.fed["audit.ListEventsOfObject"] = true
	during := hmstype.Period{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)} // the trail's clock is the server's
	run(c, d.sys, s.ListExposures, audit.ListExposuresInput{During: during})
	exposed, err := s.ListExposuresTo(d.sys, audit.ListExposuresToInput{Patient: d.patient.ID, During: during})
	c.done("audit.ListExposuresTo", err, exposed)
	run(c, d.sys, s.ListUnusual, audit.ListUnusualInput{Suspicion: audit.SuspicionOwnRecord, During: during})
	user := run(c, d.sys, d.h.Identity.GetUser, d.user.ID)
	run(c, d.sys, d.h.Identity.LinkPatient, identity.LinkPatientInput{User: user.ID, Version: user.Version, Patient: d.patient.ID})
}

// drainAll reads a stream to its end.
func drainAll[T any](c *hospital, name string, stream iter.Seq2[T, error]) {
	c.t.Helper()
	var all []T
	for item, err := range stream {
		c.done(name, err, item)
		all = append(all, item)
	}
	require.NotEmpty(c.t, all, name)
}
