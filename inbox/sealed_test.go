package inbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// canaries writes a text of every kind about a patient, or nobody.
type canaries struct {
	notification inbox.Notification
	task         inbox.Task
	thread       inbox.Thread
	nurse        context.Context //nolint:containedctx // a test's
}

func (b *bundle) canaries(t *testing.T, p hmstype.PatientID) canaries {
	t.Helper()
	nurse, nurseID := b.person(t, identity.RoleNurse)
	n, err := b.Notify(b.Ctx, inbox.NotifyInput{
		To:                  to(nurseID),
		NotificationDetails: inbox.NotificationDetails{Category: "x", Title: "canary title", Body: "canary body"}, Patient: p,
		IdempotencyKey: "n" + p.String(),
	})
	require.NoError(t, err)
	task := must(t)(b.CreateTask(b.Ctx, inbox.CreateTaskInput{
		To: to(nurseID), TaskDetails: inbox.TaskDetails{Title: "canary task", Description: "canary description"}, Patient: p,
		IdempotencyKey: "t" + p.String(),
	}))
	task = must(t)(b.ClaimTask(nurse, task.ID))
	task = must(t)(b.StartTask(nurse, inbox.StartTaskInput{ID: task.ID, Version: task.Version, Reason: "canary reason"}))
	task = must(t)(
		b.CompleteTask(nurse, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version, Outcome: "canary outcome"}),
	)
	thread, err := b.StartThread(nurse, inbox.StartThreadInput{
		Subject: "canary subject", Body: "canary message", Patient: p, IdempotencyKey: "m" + p.String(),
	})
	require.NoError(t, err)
	return canaries{notification: n, task: task, thread: thread, nurse: nurse}
}

// requireReadable reads every kind of text again.
func (c canaries) requireReadable(t *testing.T, b *bundle) {
	t.Helper()
	n, err := b.GetNotification(c.nurse, c.notification.ID)
	require.NoError(t, err)
	require.Equal(t, "canary title/canary body", n.Title+"/"+n.Body)
	task := must(t)(b.GetTask(c.nurse, c.task.ID))
	require.Equal(t, "canary task/canary description/canary outcome", task.Title+"/"+task.Description+"/"+task.Outcome)
	history, err := b.GetTaskHistory(c.nurse, c.task.ID)
	require.NoError(t, err)
	require.Equal(t, "canary reason", history[2].Reason)
	thread, err := b.GetThread(c.nurse, c.thread.ID)
	require.NoError(t, err)
	require.Equal(t, "canary subject", thread.Subject)
	require.Equal(t, []string{"canary message"}, b.read(t, c.nurse, c.thread.ID))
}

var textTables = []string{
	"notification", "task", "task_history", "message_thread", "message", "audit_event", "outbox", "idempotency_key",
}

func (b *bundle) inClear(t *testing.T, table string) int {
	t.Helper()
	return dbtest.Scalar[int](
		t, b.Env, `SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`, b.Tenant,
	)
}

// What people write is nowhere in the database in clear, and opens again; also after the
// keys were rotated, where what may change is sealed anew.
func TestSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	about, loose := b.canaries(t, b.patient(t, false)), b.canaries(t, hmstype.PatientID{})
	for _, table := range textTables {
		require.Zero(t, b.inClear(t, table), table)
	}
	about.requireReadable(t, b)
	loose.requireReadable(t, b)

	keys := encryption.New(b.Base, encryption.Config{})
	_, err := keys.Rotate(b.Ctx)
	require.NoError(t, err)
	report, err := keys.Reencrypt(b.Ctx, encryption.ReencryptInput{})
	require.NoError(t, err)
	require.Zero(t, report.Outdated)
	require.Zero(
		t,
		dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.task WHERE tenant_id = ? AND title LIKE 'hms1:1:%'`, b.Tenant),
		"sealed anew",
	)
	require.Equal(
		t, 2,
		dbtest.Scalar[int](
			t, b.Env, `SELECT count(*) FROM hms.message WHERE tenant_id = ? AND body LIKE 'hms1:1:%'`, b.Tenant,
		),
		"never changed",
	)
	about.requireReadable(t, b)
	loose.requireReadable(t, b)
}

// With the patient's keys go all texts about him; what waits stays in the lists.
func TestSealed_Erased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.patient(t, false)
	about, loose := b.canaries(t, p), b.canaries(t, hmstype.PatientID{})
	_, err := encryption.New(b.Base, encryption.Config{}).Erase(b.Ctx, encryption.EraseInput{
		Patient: p, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "asked for it"},
	})
	require.NoError(t, err)

	list := b.inbox(t, about.nurse, false)
	require.Len(t, list, 1)
	require.True(t, list[0].Erased)
	require.Empty(t, list[0].Title)
	task := must(t)(b.GetTask(about.nurse, about.task.ID))
	require.True(t, task.Erased)
	require.Empty(t, task.Title+task.Description+task.Outcome)
	history, err := b.GetTaskHistory(about.nurse, about.task.ID)
	require.NoError(t, err)
	require.Empty(t, history[2].Reason)
	threads, err := b.ListThreads(about.nurse, inbox.ListThreadsInput{})
	require.NoError(t, err)
	require.True(t, threads.Items[0].Erased)
	messages, err := b.ListMessages(about.nurse, inbox.ListMessagesInput{Thread: about.thread.ID})
	require.NoError(t, err)
	require.True(t, messages.Items[0].Erased)
	require.Empty(t, messages.Items[0].Body)
	loose.requireReadable(t, b)
}

// A ciphertext that somebody copies to another row, or another field, does not open.
func TestSealed_Tampered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.patient(t, false)
	first, second := b.ask(t, toRole(identity.RoleNurse), func(in *inbox.CreateTaskInput) {
		in.Patient = p
	}), b.ask(t, toRole(identity.RoleNurse), func(in *inbox.CreateTaskInput) { in.Patient = p })
	_, err := b.DB.NewRaw(
		`UPDATE hms.task SET title = (SELECT title FROM hms.task WHERE id = ?0) WHERE id = ?1`, first.ID, second.ID,
	).Exec(t.Context())
	require.NoError(t, err)
	_, err = b.GetTask(b.Ctx, second.ID)
	require.ErrorIs(t, err, fieldcrypt.ErrTampered)
	_, err = b.DB.NewRaw(`UPDATE hms.task SET title = description WHERE id = ?`, first.ID).Exec(t.Context())
	require.NoError(t, err)
	_, err = b.GetTask(b.Ctx, first.ID)
	require.ErrorIs(t, err, fieldcrypt.ErrTampered)
}

// Without a key texts are stored as they are, and everything works.
func TestSealed_Off(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.Base
	base.Crypt = nil
	base.DB = dbx.NewHandle(b.DB, dbx.Options{Now: b.Clock.Now})
	plain := &bundle{
		Env: b.Env, patients: b.patients, Service: inbox.New(base, inbox.Ports{
			Patients: patient.NewPort(b.Base), Staff: identity.NewPort(b.Base),
		}),
	}
	c := plain.canaries(t, hmstype.PatientID{})
	c.requireReadable(t, plain)
	require.Equal(t, 1, plain.inClear(t, "message"))
	b.Clock.Advance(time.Minute)
	require.Zero(t, plain.inClear(t, "outbox"), "ids and codes only, always")
}
