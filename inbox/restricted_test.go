package inbox_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
)

const canary = "CANARY"

func requireNoCanary(t *testing.T, result any, withheld bool) {
	t.Helper()
	body, err := json.Marshal(result)
	require.NoError(t, err)
	require.NotContains(t, string(body), canary)
	require.True(t, withheld)
}

// Work about a restricted patient goes on for who may not see him: what he did succeeds, and its
// result is withheld, also where a key is repeated. Nothing is withheld that tells what to do.
func TestRestricted_ResultsAreWithheld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vip := b.patient(t, true)
	nurse, nurseID := b.person(t, identity.RoleNurse)

	in := inbox.CreateTaskInput{
		To: toRole(identity.RoleNurse), Patient: vip, IdempotencyKey: "task",
		TaskDetails: inbox.TaskDetails{Title: canary, Description: canary, Priority: inbox.PriorityStat},
	}
	task := must(t)(b.CreateTask(nurse, in))
	requireNoCanary(t, task, task.Withheld)
	require.Equal(t, inbox.PriorityStat, task.Priority)
	require.Equal(t, identity.RoleNurse, task.Role)
	searches := func() int {
		return dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
			WHERE tenant_id = ? AND patient_id = ? AND action = 'search' AND entity = 'task'`, b.Tenant, vip)
	}
	require.Zero(t, searches())
	again := must(t)(b.CreateTask(nurse, in))
	require.Equal(t, task, again)
	require.Equal(t, 1, searches(), "a replayed answer is recorded")

	task = must(t)(b.ClaimTask(nurse, task.ID))
	task = must(t)(b.StartTask(nurse, inbox.StartTaskInput{ID: task.ID, Version: task.Version, Reason: canary}))
	requireNoCanary(t, task, task.Withheld)
	task = must(t)(b.CompleteTask(nurse, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version, Outcome: canary}))
	requireNoCanary(t, task, task.Withheld)
	require.Equal(t, inbox.TaskCompleted, task.Status)

	thread, err := b.StartThread(nurse, inbox.StartThreadInput{Subject: canary, Body: canary, Patient: vip})
	require.NoError(t, err)
	requireNoCanary(t, thread, thread.Withheld)
	require.Len(t, thread.Participants, 1)
	message, err := b.SendMessage(nurse, inbox.SendMessageInput{Thread: thread.ID, Body: canary})
	require.NoError(t, err)
	requireNoCanary(t, message, message.Withheld)
	require.Equal(t, nurseID, message.Sender)
	list, err := b.ListThreads(nurse, inbox.ListThreadsInput{})
	require.NoError(t, err)
	requireNoCanary(t, list, list.Items[0].Withheld)

	_, err = b.ListMessages(nurse, inbox.ListMessagesInput{Thread: thread.ID})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.GetTaskHistory(nurse, task.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	history, err := b.GetTaskHistory(b.As(t, identity.RoleAdmin), task.ID)
	require.NoError(t, err)
	require.Equal(t, canary, history[2].Reason)
	require.Equal(t, human(nurseID), history[2].By)
}

// A task's making, its first step and its event happened at one instant.
func TestTask_OneInstant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.ask(t, toRole(identity.RoleNurse), func(*inbox.CreateTaskInput) {})
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.task AS t
		JOIN hms.task_history AS h ON h.tenant_id = t.tenant_id AND h.task_id = t.id AND h.at = t.created_at
		JOIN hms.outbox AS o ON o.tenant_id = t.tenant_id AND o.entity_id = t.id::text AND o.occurred_at = t.created_at
		WHERE t.tenant_id = ? AND t.id = ?`, b.Tenant, task.ID))
}
