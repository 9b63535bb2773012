package inbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
)

// ask creates a task by the host's system actor.
func (b *bundle) ask(t *testing.T, to inbox.Recipient, change ...func(*inbox.CreateTaskInput)) inbox.Task {
	t.Helper()
	in := inbox.CreateTaskInput{To: to, TaskDetails: inbox.TaskDetails{Title: "Draw blood", Description: "Two tubes"}}
	for _, c := range change {
		c(&in)
	}
	task, err := b.CreateTask(b.Ctx, in)
	require.NoError(t, err)
	return task
}

func step(t inbox.Task) inbox.TaskStep { return inbox.TaskStep{ID: t.ID, Version: t.Version} }

func end(t inbox.Task) inbox.TaskEnding {
	return inbox.TaskEnding{ID: t.ID, Version: t.Version, Reason: "no need"}
}

func done(t inbox.Task) inbox.CompleteTaskInput {
	return inbox.CompleteTaskInput{ID: t.ID, Version: t.Version, Outcome: "Drawn"}
}

// must gives the task of a step that has to succeed.
func must(t *testing.T) func(inbox.Task, error) inbox.Task {
	t.Helper()
	return func(task inbox.Task, err error) inbox.Task {
		t.Helper()
		require.NoError(t, err)
		return task
	}
}

func (b *bundle) tasks(t *testing.T, ctx context.Context, in inbox.ListMyTasksInput) []hmstype.TaskID {
	t.Helper()
	list, err := b.ListMyTasks(ctx, in)
	require.NoError(t, err)
	ids := make([]hmstype.TaskID, len(list.Items))
	for i, task := range list.Items {
		ids[i] = task.ID
	}
	return ids
}

func TestTask_FromRequestToOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor, doctorID := b.person(t, identity.RoleDoctor)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	p := b.patient(t, false)
	in := inbox.CreateTaskInput{
		To: toRole(identity.RoleNurse), Patient: p,
		TaskDetails: inbox.TaskDetails{Title: "Draw blood", Description: "Two tubes", Priority: inbox.PriorityUrgent},
		Focus:       inbox.Link{Entity: "lab_order", ID: uuid.New()}, DueAt: b.Clock.Now().Add(time.Hour),
		EscalationRole: identity.RoleAdmin, IdempotencyKey: "k",
	}
	created := must(t)(b.CreateTask(doctor, in))
	require.Equal(t, created, must(t)(b.CreateTask(doctor, in)), "one key, one task")
	require.Equal(t, inbox.Task{
		ID: created.ID, Status: inbox.TaskRequested, TaskDetails: in.TaskDetails, Patient: p, SealedFor: p.UUID(),
		Focus: in.Focus, Role: identity.RoleNurse, DueAt: in.DueAt, EscalationRole: identity.RoleAdmin,
		CreatedBy: human(doctorID), CreatedAt: b.Clock.Now(), Version: 1,
	}, created)
	require.Equal(t, created, must(t)(b.GetTask(nurse, created.ID)))

	task := must(t)(b.ReceiveTask(nurse, inbox.ReceiveTaskInput(step(created))))
	b.Clock.Advance(time.Minute)
	task = must(t)(b.ClaimTask(nurse, task.ID))
	require.Equal(t, nurseID, task.Owner)
	require.Equal(t, b.Clock.Now(), task.ClaimedAt)
	require.Equal(t, task, must(t)(b.ClaimTask(nurse, task.ID)), "who has it has it")
	task = must(t)(b.ReadyTask(nurse, inbox.ReadyTaskInput(step(task))))
	task = must(t)(b.StartTask(nurse, inbox.StartTaskInput(step(task))))
	started := b.Clock.Now()
	b.Clock.Advance(time.Minute)
	task = must(t)(b.HoldTask(nurse, inbox.HoldTaskInput{ID: task.ID, Version: task.Version, Reason: "no tubes"}))
	task = must(t)(b.ResumeTask(nurse, inbox.ResumeTaskInput(step(task))))
	_, err := b.CompleteTask(nurse, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version - 1, Outcome: "Drawn"})
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = b.CompleteTask(nurse, inbox.CompleteTaskInput{ID: task.ID, Version: task.Version})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "an outcome is wanted")
	task = must(t)(b.CompleteTask(nurse, done(task)))
	require.Equal(t, inbox.TaskCompleted, task.Status)
	require.Equal(t, "Drawn", task.Outcome)
	require.Equal(t, started, task.StartedAt)
	require.Equal(t, b.Clock.Now(), task.EndedAt)

	history, err := b.GetTaskHistory(doctor, task.ID)
	require.NoError(t, err)
	var walked []string
	for i, entry := range history {
		require.EqualValues(t, i+1, entry.Version)
		require.Equal(t, identity.RoleNurse, entry.Role)
		walked = append(walked, string(entry.To))
		if i > 0 {
			require.Equal(t, history[i-1].To, entry.From)
			require.Equal(t, human(nurseID), entry.By)
		}
	}
	require.Equal(
		t, "requested received accepted ready in-progress on-hold in-progress completed", strings.Join(walked, " "),
	)
	require.Equal(t, "no tubes", history[5].Reason)
	require.Equal(t, nurseID, history[7].Owner)
	for _, kind := range []string{"created", "received", "claimed", "readied", "started", "held", "resumed", "completed"} {
		require.Equal(t, 1, b.events(t, "inbox.task_"+kind), kind)
	}
	trail, err := audit.New(b.Base).ListEvents(b.Ctx, audit.ListEventsInput{
		Patient: p, User: nurseID, Actions: []audit.Action{audit.ActionRead},
	})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1, "the reading of the task is a read of the patient's data")
}

// Of many who claim one task at once exactly one gets it, and the others learn who.
func TestClaimTask_ConcurrentExactlyOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.ask(t, toRole(identity.RoleNurse))
	const claimers = 16
	errs := make([]error, claimers)
	users := make([]hmstype.UserID, claimers)
	var wg sync.WaitGroup
	for i := range claimers {
		ctx, id := b.person(t, identity.RoleNurse)
		users[i] = id
		wg.Go(func() { _, errs[i] = b.ClaimTask(ctx, task.ID) })
	}
	wg.Wait()
	got := must(t)(b.GetTask(b.Ctx, task.ID))
	require.EqualValues(t, 2, got.Version, "one step was taken")
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			require.Equal(t, users[i], got.Owner)
			continue
		}
		require.ErrorIs(t, err, inbox.ErrTaskClaimed)
		var claimed *inbox.TaskClaimedError
		require.ErrorAs(t, err, &claimed)
		require.Equal(t, got.Owner, claimed.Owner)
		require.Equal(t, b.Clock.Now(), claimed.At)
	}
	require.Equal(t, 1, won)
	require.Equal(t, 1, b.events(t, "inbox.task_claimed"))
}

// Two who each do something else with one version of a task: one is refused.
func TestTaskSteps_ConcurrentOneVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, _ := b.person(t, identity.RoleNurse)
	task := b.ask(t, toRole(identity.RoleNurse))
	task = must(t)(b.ClaimTask(nurse, task.ID))
	task = must(t)(b.StartTask(nurse, inbox.StartTaskInput(step(task))))
	acts := []func() error{
		func() error { _, err := b.CompleteTask(nurse, done(task)); return err },
		func() error { _, err := b.HoldTask(nurse, inbox.HoldTaskInput(step(task))); return err },
		func() error { _, err := b.FailTask(nurse, inbox.FailTaskInput(end(task))); return err },
		func() error { _, err := b.CancelTask(b.Ctx, inbox.CancelTaskInput(end(task))); return err },
		func() error { _, err := b.ReleaseTask(nurse, inbox.ReleaseTaskInput(step(task))); return err },
	}
	errs := make([]error, len(acts))
	var wg sync.WaitGroup
	for i, act := range acts {
		wg.Go(func() { errs[i] = act() })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.True(t, errors.Is(err, hmstype.ErrStale) || errors.Is(err, hmstype.ErrNotFound), "%v", err)
	}
	require.Equal(t, 1, won)
}

func TestTask_ReleaseAndReassign(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asker, _ := b.person(t, identity.RoleDoctor)
	nurse, _ := b.person(t, identity.RoleNurse)
	other, otherID := b.person(t, identity.RoleNurse)
	pharmacist, _ := b.person(t, identity.RolePharmacist)
	task := must(t)(
		b.CreateTask(asker, inbox.CreateTaskInput{
			To: toRole(identity.RoleNurse), TaskDetails: inbox.TaskDetails{Title: "Turn the patient"},
		}),
	)
	task = must(t)(b.ClaimTask(nurse, task.ID))
	_, err := b.ReleaseTask(other, inbox.ReleaseTaskInput(step(task)))
	require.ErrorIs(t, err, inbox.ErrNotYours, "it is the owner's")
	_, err = b.StartTask(other, inbox.StartTaskInput(step(task)))
	require.ErrorIs(t, err, inbox.ErrNotYours)
	_, err = b.StartTask(pharmacist, inbox.StartTaskInput(step(task)))
	require.ErrorIs(t, err, hmstype.ErrNotFound, "who has nothing to do with it")

	task = must(t)(b.ReleaseTask(nurse, inbox.ReleaseTaskInput(step(task))))
	require.True(t, task.Owner.IsZero())
	require.True(t, task.ClaimedAt.IsZero())
	require.Equal(t, inbox.TaskRequested, task.Status)
	task = must(t)(b.ClaimTask(other, task.ID))
	task = must(t)(b.StartTask(other, inbox.StartTaskInput(step(task))))

	task = must(t)(
		b.ReassignTask(asker, inbox.ReassignTaskInput{
			ID: task.ID, Version: task.Version, To: toRole(identity.RolePharmacist), Reason: "wrong ward",
		}),
	)
	require.Equal(t, identity.RolePharmacist, task.Role)
	_, err = b.ClaimTask(other, task.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	task = must(t)(b.ReassignTask(asker, inbox.ReassignTaskInput{ID: task.ID, Version: task.Version, To: to(otherID)}))
	require.Equal(t, inbox.TaskRequested, task.Status, "a task that nobody took may be given to another as well")
	_, err = b.ClaimTask(pharmacist, task.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.ClaimTask(asker, task.ID)
	var claimed *inbox.TaskClaimedError
	require.ErrorAs(t, err, &claimed)
	require.Equal(t, otherID, claimed.Owner)
	require.True(t, claimed.At.IsZero(), "asked, and not taken yet")
	task = must(t)(b.ClaimTask(other, task.ID))
	_, err = b.ReleaseTask(other, inbox.ReleaseTaskInput(step(task)))
	require.ErrorIs(t, err, inbox.ErrNoRole)

	gone := b.User(t, identity.RoleNurse)
	_, err = b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: gone.ID, Status: identity.UserLocked})
	require.NoError(t, err)
	_, err = b.ReassignTask(asker, inbox.ReassignTaskInput{ID: task.ID, Version: task.Version, To: to(gone.ID)})
	require.ErrorIs(t, err, inbox.ErrUserInactive)
	_, err = b.CreateTask(asker, inbox.CreateTaskInput{To: to(gone.ID), TaskDetails: inbox.TaskDetails{Title: "x"}})
	require.ErrorIs(t, err, inbox.ErrUserInactive)
	_, err = b.CreateTask(asker, inbox.CreateTaskInput{
		To: to(hmstype.NewID[hmstype.UserID]()), TaskDetails: inbox.TaskDetails{Title: "x"},
	})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// Who may take which step: the matrix of actors and steps.
func TestTask_WhoMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, _ := b.person(t, identity.RoleNurse)
	peer, _ := b.person(t, identity.RoleNurse)
	asker, _ := b.person(t, identity.RoleReceptionist)
	doctor, _ := b.person(t, identity.RoleDoctor) // sees all tasks
	admin, _ := b.person(t, identity.RoleAdmin)   // manages all tasks
	stranger, _ := b.person(t, identity.RolePharmacist)
	who := map[string]context.Context{
		"owner": owner, "peer": peer, "asker": asker, "doctor": doctor, "admin": admin, "stranger": stranger, "host": b.Ctx,
	}
	waiting := func(t *testing.T) inbox.Task {
		t.Helper()
		return must(t)(b.CreateTask(asker, inbox.CreateTaskInput{
			To: toRole(identity.RoleNurse), TaskDetails: inbox.TaskDetails{Title: "x"},
		}))
	}
	running := func(t *testing.T) inbox.Task {
		t.Helper()
		return must(t)(b.StartTask(owner, inbox.StartTaskInput(step(must(t)(b.ClaimTask(owner, waiting(t).ID))))))
	}
	for name, tt := range map[string]struct {
		from func(*testing.T) inbox.Task
		act  func(context.Context, inbox.Task) error
		may  string // the rest may not
	}{
		"Complete": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.CompleteTask(ctx, done(task)))
		}, "owner host"},
		"Fail": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.FailTask(ctx, inbox.FailTaskInput(end(task))))
		}, "owner host"},
		"Hold": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.HoldTask(ctx, inbox.HoldTaskInput(step(task))))
		}, "owner host"},
		"Release": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.ReleaseTask(ctx, inbox.ReleaseTaskInput(step(task))))
		}, "owner asker admin host"},
		"Cancel": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.CancelTask(ctx, inbox.CancelTaskInput(end(task))))
		}, "asker admin host"},
		"Error": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.EnterTaskInError(ctx, inbox.EnterTaskInErrorInput(end(task))))
		}, "asker admin host"},
		"Reschedule": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.RescheduleTask(ctx, inbox.RescheduleTaskInput{ID: task.ID, Version: task.Version}))
		}, "asker admin host"},
		"Receive": {waiting, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.ReceiveTask(ctx, inbox.ReceiveTaskInput(step(task))))
		}, "owner peer host"},
		"Reject": {waiting, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.RejectTask(ctx, inbox.RejectTaskInput(end(task))))
		}, "owner peer host"},
		"Claim": {waiting, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.ClaimTask(ctx, task.ID))
		}, "owner peer"},
		"Read": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.GetTask(ctx, task.ID))
		}, "owner peer asker doctor admin host"},
		"History": {running, func(ctx context.Context, task inbox.Task) error {
			return errOf(b.GetTaskHistory(ctx, task.ID))
		}, "owner peer asker doctor admin host"},
	} {
		for actor, ctx := range who {
			t.Run(name+"/"+actor, func(t *testing.T) {
				t.Parallel()
				err := tt.act(ctx, tt.from(t))
				requireMay(t, err, actor, strings.Contains(" "+tt.may+" ", " "+actor+" "))
			})
		}
	}
}

// requireMay holds what an actor met who may take a step, or may not.
func requireMay(t *testing.T, err error, actor string, may bool) {
	t.Helper()
	switch {
	case may:
		require.NoError(t, err)
	case actor == "host":
		require.ErrorIs(t, err, inbox.ErrUserRequired)
	case strings.Contains("peer asker owner admin", actor): // who sees it
		require.ErrorIs(t, err, inbox.ErrNotYours)
	default:
		require.ErrorIs(t, err, hmstype.ErrNotFound, "a step needs more than to see all tasks")
	}
}

func TestTask_Draft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asker, _ := b.person(t, identity.RoleReceptionist)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	draft := must(t)(
		b.CreateTask(asker, inbox.CreateTaskInput{
			To: to(nurseID), TaskDetails: inbox.TaskDetails{Title: "Call back"}, Draft: true, DueAt: b.Clock.Now(),
		}),
	)
	for name, ctx := range map[string]context.Context{"asked": nurse, "admin": b.As(t, identity.RoleAdmin)} {
		_, err := b.GetTask(ctx, draft.ID)
		require.ErrorIs(t, err, hmstype.ErrNotFound, name)
		list, err := b.ListTasks(ctx, inbox.ListTasksInput{Status: inbox.TaskDraft})
		require.NoError(t, err)
		require.Empty(t, list.Items, name)
	}
	require.Empty(t, b.tasks(t, nurse, inbox.ListMyTasksInput{}))
	escalated, err := b.EscalateTasks(b.Ctx, inbox.EscalateTasksInput{AsOf: b.Clock.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, escalated, "a draft waits for nobody")
	require.Equal(t, []hmstype.TaskID{draft.ID}, b.tasks(t, asker, inbox.ListMyTasksInput{Requested: true}))
	must(t)(b.RequestTask(asker, inbox.RequestTaskInput(step(draft))))
	require.Equal(t, []hmstype.TaskID{draft.ID}, b.tasks(t, nurse, inbox.ListMyTasksInput{}))
}

func TestTask_Lists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse, identity.RoleReceptionist)
	other, _ := b.person(t, identity.RoleNurse)
	p := b.patient(t, false)
	due := func(d time.Duration) func(*inbox.CreateTaskInput) {
		return func(in *inbox.CreateTaskInput) { in.DueAt = b.Clock.Now().Add(d) }
	}
	about := func(in *inbox.CreateTaskInput) { in.Patient = p }
	undated := b.ask(t, to(nurseID))
	late := b.ask(t, toRole(identity.RoleNurse), due(3*time.Hour), about)
	soon := b.ask(t, to(nurseID), due(time.Hour))
	desk := b.ask(t, toRole(identity.RoleReceptionist), due(2*time.Hour))
	taken := b.ask(t, toRole(identity.RoleNurse), due(time.Minute), about)
	over := b.ask(t, to(nurseID), due(time.Minute))
	must(t)(b.ClaimTask(other, taken.ID))
	must(t)(b.RejectTask(nurse, inbox.RejectTaskInput(end(over))))
	b.ask(t, toRole(identity.RoleDoctor), due(0))

	require.Equal(
		t, []hmstype.TaskID{soon.ID, desk.ID, late.ID, undated.ID}, b.tasks(t, nurse, inbox.ListMyTasksInput{}),
		"what is due first; no date last",
	)
	require.Equal(t, []hmstype.TaskID{taken.ID, late.ID}, b.tasks(t, other, inbox.ListMyTasksInput{}))
	var paged []hmstype.TaskID
	in := inbox.ListMyTasksInput{Page: hmstype.Page{Limit: 1}}
	for {
		list, err := b.ListMyTasks(nurse, in)
		require.NoError(t, err)
		paged = append(paged, list.Items[0].ID)
		if in.Page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	require.Equal(t, []hmstype.TaskID{soon.ID, desk.ID, late.ID, undated.ID}, paged)

	for name, tt := range map[string]struct {
		in   inbox.ListTasksInput
		want []hmstype.TaskID
	}{
		"Patient":          {inbox.ListTasksInput{Patient: p}, []hmstype.TaskID{taken.ID, late.ID}},
		"Status":           {inbox.ListTasksInput{Status: inbox.TaskRejected}, []hmstype.TaskID{over.ID}},
		"PatientAndStatus": {inbox.ListTasksInput{Patient: p, Status: inbox.TaskAccepted}, []hmstype.TaskID{taken.ID}},
		"Owner":            {inbox.ListTasksInput{Owner: nurseID}, []hmstype.TaskID{over.ID, soon.ID, undated.ID}},
		"Role":             {inbox.ListTasksInput{Role: identity.RoleReceptionist}, []hmstype.TaskID{desk.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := b.ListTasks(other, tt.in)
			require.NoError(t, err)
			ids := []hmstype.TaskID{}
			for _, task := range list.Items {
				ids = append(ids, task.ID)
			}
			require.Equal(t, tt.want, ids)
		})
	}
	_, err := b.ListTasks(b.As(t, identity.RoleReceptionist), inbox.ListTasksInput{Patient: p})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "the desk sees what concerns it")
	_, err = b.ListTasks(other, inbox.ListTasksInput{Role: "Astronaut"})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.ListMyTasks(b.Ctx, inbox.ListMyTasksInput{})
	require.ErrorIs(t, err, inbox.ErrUserRequired)
	foreign := dbtest.New(t)
	_, err = b.GetTask(foreign.Ctx, late.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another tenant's")
	_, err = b.ClaimTask(foreign.As(t, identity.RoleNurse), late.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestTask_Restricted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vip := b.patient(t, true)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	task := b.ask(t, to(nurseID), func(in *inbox.CreateTaskInput) { in.Patient = vip })

	list, err := b.ListMyTasks(nurse, inbox.ListMyTasksInput{})
	require.NoError(t, err)
	require.True(t, list.Items[0].Withheld)
	require.Empty(t, list.Items[0].Title+list.Items[0].Description)
	for name, read := range map[string]func() error{
		"task":    func() error { _, err := b.GetTask(nurse, task.ID); return err },
		"history": func() error { _, err := b.GetTaskHistory(nurse, task.ID); return err },
	} {
		require.ErrorIs(t, read(), hmstype.ErrPermissionDenied, name)
	}
	claimed := must(t)(b.ClaimTask(nurse, task.ID))
	require.True(t, claimed.Withheld, "work goes on, and its answer tells no more than a list")

	b.glass(t, nurse, vip)
	require.Equal(t, "Two tubes", must(t)(b.GetTask(nurse, task.ID)).Description)
	all, err := b.ListTasks(b.As(t, identity.RoleAdmin), inbox.ListTasksInput{Patient: vip})
	require.NoError(t, err)
	require.Equal(t, "Draw blood", all.Items[0].Title)
}

func errOf[T any](_ T, err error) error { return err }
