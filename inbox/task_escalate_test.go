package inbox_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_EscalateTasks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	chief, _ := b.person(t, identity.RoleReceptionist) // a role without task.read_all
	at := func(d time.Duration) time.Time { return b.Clock.Now().Add(d) }
	due := func(d time.Duration, role string) func(*inbox.CreateTaskInput) {
		return func(in *inbox.CreateTaskInput) { in.DueAt, in.EscalationRole = at(d), role }
	}
	own := b.ask(t, to(nurseID), due(time.Hour, identity.RoleReceptionist))
	plain := b.ask(t, toRole(identity.RoleNurse), due(2*time.Hour, ""))
	b.ask(t, to(nurseID)) // has no date
	finished := b.ask(t, to(nurseID), due(time.Hour, ""))
	must(t)(b.RejectTask(nurse, inbox.RejectTaskInput(end(finished))))
	_, err := b.GetTask(chief, own.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)

	escalate := func(d time.Duration, role string) []hmstype.TaskID {
		t.Helper()
		ids, err := b.EscalateTasks(b.Ctx, inbox.EscalateTasksInput{AsOf: dbtest.Start.Add(d), Role: role})
		require.NoError(t, err)
		return ids
	}
	require.Empty(t, escalate(time.Hour-time.Microsecond, ""))
	require.Equal(t, []hmstype.TaskID{own.ID}, escalate(time.Hour, ""))
	require.Empty(t, escalate(time.Hour, ""), "twice as of one instant does nothing more")
	require.Equal(
		t, []hmstype.TaskID{plain.ID}, escalate(2*time.Hour, identity.RoleAdmin), "the input's role hears of what names none",
	)
	require.Empty(t, escalate(2*time.Hour, identity.RoleAdmin))
	require.Empty(t, escalate(24*time.Hour, ""))
	require.Equal(t, []hmstype.TaskID{own.ID}, escalate(25*time.Hour, ""), "a day later again")
	require.Equal(t, 3, b.events(t, "inbox.task_escalated"))

	heard := b.inbox(t, chief, true)
	require.Len(t, heard, 2)
	require.Equal(t, "task.escalated", heard[0].Category)
	require.Equal(t, inbox.PriorityUrgent, heard[0].Priority)
	require.Equal(t, inbox.Link{Entity: "task", ID: own.ID.UUID()}, heard[0].Link)
	require.Len(t, b.inbox(t, b.As(t, identity.RoleAdmin), true), 1)

	task := must(t)(b.GetTask(chief, own.ID))
	require.EqualValues(t, 2, task.EscalationLevel)
	require.Equal(t, dbtest.Start.Add(25*time.Hour), task.EscalatedAt)
	task = must(t)(
		b.ReassignTask(chief, inbox.ReassignTaskInput{
			ID: own.ID, Version: task.Version, To: toRole(identity.RoleReceptionist),
		}),
	)
	task = must(t)(
		b.RescheduleTask(chief, inbox.RescheduleTaskInput{
			ID: own.ID, Version: task.Version, DueAt: at(100 * time.Hour), Priority: inbox.PriorityStat,
		}),
	)
	require.Equal(t, inbox.PriorityStat, task.Priority)
	require.Equal(t, []hmstype.TaskID{plain.ID}, escalate(99*time.Hour, ""), "a new date, a new patience")
	must(t)(b.RejectTask(chief, inbox.RejectTaskInput(end(task))))
	require.Equal(t, []hmstype.TaskID{plain.ID}, escalate(200*time.Hour, ""), "what has ended is not escalated")

	for name, in := range map[string]inbox.EscalateTasksInput{"AsOf": {}, "Again": {AsOf: at(0), Again: time.Second}} {
		_, err := b.EscalateTasks(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = b.EscalateTasks(b.Ctx, inbox.EscalateTasksInput{AsOf: at(0), Role: "Astronaut"})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.EscalateTasks(nurse, inbox.EscalateTasksInput{AsOf: at(0)})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

// Several schedulers at once escalate each task once.
func TestEscalateTasks_ConcurrentOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const tasks = 30
	for range tasks {
		b.ask(t, toRole(identity.RoleNurse), func(in *inbox.CreateTaskInput) { in.DueAt = b.Clock.Now() })
	}
	var mu sync.Mutex
	times := map[hmstype.TaskID]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3 {
				ids, err := b.EscalateTasks(b.Ctx, inbox.EscalateTasksInput{AsOf: b.Clock.Now(), Role: identity.RoleAdmin})
				if err != nil {
					t.Errorf("escalate: %v", err)
				}
				mu.Lock()
				for _, id := range ids {
					times[id]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, times, tasks)
	for _, n := range times {
		require.Equal(t, 1, n)
	}
	require.Equal(t, tasks, b.events(t, "inbox.task_escalated"))
	require.Equal(t, tasks, b.events(t, "inbox.notified"))
}

// Who is there hears of it, each himself; where nobody is, everybody of the role.
func TestService_EscalateTasks_TellsWhoIsOnDuty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	onDuty, onCall, off := b.User(t, identity.RoleDoctor), b.User(t, identity.RoleDoctor), b.User(t, identity.RoleDoctor)
	nurse := b.User(t, identity.RoleNurse)
	for user, kind := range map[hmstype.UserID]identity.DutyKind{
		onDuty.ID: identity.DutyOnDuty, onCall.ID: identity.DutyOnCall, nurse.ID: identity.DutyOnDuty,
	} {
		_, err := b.Identity.AssignDuty(b.Ctx, identity.AssignDutyInput{
			User: user, Kind: kind, DutyPlace: identity.DutyPlace{Service: "Medicine"},
			Period: hmstype.Period{Start: dbtest.Start, End: dbtest.Start.Add(12 * time.Hour)},
		})
		require.NoError(t, err)
	}
	task := b.ask(t, toRole(identity.RoleNurse), func(in *inbox.CreateTaskInput) {
		in.DueAt, in.EscalationRole = dbtest.Start.Add(time.Hour), identity.RoleDoctor
	})
	heard := func(user identity.User) int {
		t.Helper()
		return len(b.inbox(t, hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, user.ID)), true))
	}
	for _, tt := range []struct {
		after                     time.Duration
		onDuty, onCall, off, sent int
	}{{time.Hour, 1, 1, 0, 2}, {25 * time.Hour, 2, 2, 1, 3}} {
		ids, err := b.EscalateTasks(b.Ctx, inbox.EscalateTasksInput{AsOf: dbtest.Start.Add(tt.after)})
		require.NoError(t, err)
		require.Equal(t, []hmstype.TaskID{task.ID}, ids)
		require.Equal(t, []int{tt.onDuty, tt.onCall, tt.off, 0},
			[]int{heard(onDuty), heard(onCall), heard(off), heard(nurse)}, tt.after)
		require.Equal(t, tt.sent, b.events(t, "inbox.notified"))
	}
	doctor := hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, off.ID))
	require.Equal(t, identity.RoleDoctor, must(t)(b.GetTask(doctor, task.ID)).EscalationRole,
		"the role steers it all the same")
}
