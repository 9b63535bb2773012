package fault_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
)

// fillInbox leaves a row in every table of package inbox and asks every list of it, by h.
func fillInbox(t *testing.T, env *hmstest.Env, h *hms.HMS, p hmstype.PatientID) {
	t.Helper()
	user := env.User(t, identity.RoleNurse)
	nurse := hms.WithActor(t.Context(), hms.HumanActor(env.Tenant, user))
	n, err := h.Inbox.Notify(env.Ctx,
		inbox.NotifyInput{To: inbox.Recipient{Role: identity.RoleNurse},
			NotificationDetails: inbox.NotificationDetails{Category: "test", Title: "Title"}, Patient: p})
	require.NoError(t, err)
	_, err = h.Inbox.MarkRead(nurse, inbox.MarkReadInput{IDs: []hmstype.NotificationID{n.ID}})
	require.NoError(t, err)
	_, err = h.Inbox.MarkAllRead(nurse, inbox.MarkAllReadInput{})
	require.NoError(t, err)
	task, err := h.Inbox.CreateTask(env.Ctx,
		inbox.CreateTaskInput{To: inbox.Recipient{Role: identity.RoleNurse}, TaskDetails: inbox.TaskDetails{Title: "Title"},
			Patient: p, DueAt: env.Now()})
	require.NoError(t, err)
	_, err = h.Inbox.EscalateTasks(env.Ctx, inbox.EscalateTasksInput{AsOf: env.Now(), Role: identity.RoleNurse})
	require.NoError(t, err)
	_, err = h.Inbox.ClaimTask(nurse, task.ID)
	require.NoError(t, err)
	thread, err := h.Inbox.StartThread(nurse, inbox.StartThreadInput{Subject: "Subject", Body: "Body", Patient: p})
	require.NoError(t, err)
	message, err := h.Inbox.SendMessage(nurse, inbox.SendMessageInput{Thread: thread.ID, Body: "Body"})
	require.NoError(t, err)
	for name, read := range map[string]func() error{
		"notification": func() error { _, err := h.Inbox.GetNotification(nurse, n.ID); return err },
		"notifications": func() error {
			_, err := h.Inbox.ListNotifications(nurse, inbox.ListNotificationsInput{Unread: true})
			return err
		},
		"unread":   func() error { _, err := h.Inbox.CountUnreadNotifications(nurse); return err },
		"task":     func() error { _, err := h.Inbox.GetTask(nurse, task.ID); return err },
		"history":  func() error { _, err := h.Inbox.GetTaskHistory(nurse, task.ID); return err },
		"my tasks": func() error { _, err := h.Inbox.ListMyTasks(nurse, inbox.ListMyTasksInput{}); return err },
		"tasks":    func() error { _, err := h.Inbox.ListTasks(nurse, inbox.ListTasksInput{Patient: p}); return err },
		"thread":   func() error { _, err := h.Inbox.GetThread(nurse, thread.ID); return err },
		"threads":  func() error { _, err := h.Inbox.ListThreads(nurse, inbox.ListThreadsInput{Unread: true}); return err },
		"of patient": func() error {
			_, err := h.Inbox.ListPatientThreads(nurse, inbox.ListPatientThreadsInput{Patient: p})
			return err
		},
		"messages": func() error {
			_, err := h.Inbox.ListMessages(nurse, inbox.ListMessagesInput{Thread: thread.ID})
			return err
		},
		"unread ones": func() error { _, err := h.Inbox.CountUnreadThreads(nurse); return err },
		"mark": func() error {
			_, err := h.Inbox.MarkThreadRead(nurse, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: message.SentAt})
			return err
		},
	} {
		require.NoError(t, read(), name)
	}
}

// What waits is asked for where it arises: in the use case's own transaction, or not at all.
func TestInbox_InTheDeedsTransaction(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	nurse := env.As(t, identity.RoleNurse)
	err := env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		_, err := tx.Inbox.CreateTask(ctx,
			inbox.CreateTaskInput{To: inbox.Recipient{Role: identity.RoleNurse}, TaskDetails: inbox.TaskDetails{Title: "Title"}})
		require.NoError(t, err)
		return errFinance
	})
	require.ErrorIs(t, err, errFinance)
	list, err := env.H.Inbox.ListMyTasks(nurse, inbox.ListMyTasksInput{})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	inEachHostTx(t, env, func(t *testing.T, bound *hms.HMS, host dbtest.HostTx) {
		title := "Title " + t.Name()
		task, err := bound.Inbox.CreateTask(env.Ctx,
			inbox.CreateTaskInput{To: inbox.Recipient{Role: identity.RoleNurse}, TaskDetails: inbox.TaskDetails{Title: title}})
		require.NoError(t, err)
		_, err = bound.Inbox.ClaimTask(nurse, task.ID)
		require.NoError(t, err, "a wider permission is asked for on the host's transaction as well")
		require.NoError(t, host.Commit())
		list, err := env.H.Inbox.ListMyTasks(nurse, inbox.ListMyTasksInput{})
		require.NoError(t, err)
		at := slices.IndexFunc(list.Items, func(task inbox.Task) bool { return task.Title == title })
		require.GreaterOrEqual(t, at, 0)
		require.Equal(t, inbox.TaskAccepted, list.Items[at].Status)
	})
}
