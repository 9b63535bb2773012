package inbox_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
)

// Whoever was slower learns who has the task, and may ask him.
func ExampleTaskClaimedError() {
	owner, _ := hmstype.ParseID[hmstype.UserID]("01980000-0000-7000-8000-000000000001")
	var err error = &inbox.TaskClaimedError{Owner: owner, At: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)}

	var claimed *inbox.TaskClaimedError
	if errors.As(err, &claimed) {
		fmt.Println("taken by", claimed.Owner, "at", claimed.At.Format(time.TimeOnly))
	}
	fmt.Println(errors.Is(err, inbox.ErrTaskClaimed), hmstype.KindOf(err))
	// Output:
	// taken by 01980000-0000-7000-8000-000000000001 at 09:00:00
	// true precondition
}

// A client shows the buttons that the state allows.
func Example_transitions() {
	steps := slices.Sorted(slices.Values(inbox.TaskTransitions[inbox.TaskInProgress]))
	fmt.Println(steps)
	// Output: [cancelled completed entered-in-error failed on-hold requested]
}

// An input says of itself what is wrong with it, before anything is asked of the database.
func ExampleNotifyInput_Validate() {
	in := inbox.NotifyInput{NotificationDetails: inbox.NotificationDetails{
		Category: "Lab result", Title: "Potassium", Priority: "soon",
	}}
	for _, field := range hmstype.Fields(in.Validate()) {
		fmt.Println(field)
	}
	// Output:
	// to: must name either a user or a role
	// category: must be a code of 1 to 50 of a-z, 0-9, '.', '_' and '-'
	// priority: must be one of [ routine urgent asap stat]
}

// The ward is told, and each nurse reads for herself.
func ExampleService_Notify() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse, colleague := env.As(tb, identity.RoleNurse), env.As(tb, identity.RoleNurse)
		_, err := env.H.Inbox.Notify(env.Ctx, inbox.NotifyInput{
			To: inbox.Recipient{Role: identity.RoleNurse}, NotificationDetails: inbox.NotificationDetails{
				Category: "ward.round", Priority: inbox.PriorityUrgent, Title: "The round begins at ten",
			},
		})
		if err != nil {
			return err
		}
		list, err := env.H.Inbox.ListNotifications(nurse, inbox.ListNotificationsInput{Unread: true})
		if err != nil {
			return err
		}
		if _, err := env.H.Inbox.MarkRead(nurse, inbox.MarkReadInput{
			IDs: []hmstype.NotificationID{list.Items[0].ID},
		}); err != nil {
			return err
		}
		mine, err := env.H.Inbox.CountUnreadNotifications(nurse)
		if err != nil {
			return err
		}
		hers, err := env.H.Inbox.CountUnreadNotifications(colleague)
		fmt.Println(list.Items[0].Title, "- unread by me:", mine, "by my colleague:", hers)
		return err
	})
	// Output: The round begins at ten - unread by me: 0 by my colleague: 1
}

// One of the nurses takes the task; who was slower learns that it is taken.
func ExampleService_ClaimTask() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse, slower := env.User(tb, identity.RoleNurse), env.As(tb, identity.RoleNurse)
		task, err := env.H.Inbox.CreateTask(env.As(tb, identity.RoleDoctor), inbox.CreateTaskInput{
			To: inbox.Recipient{Role: identity.RoleNurse}, TaskDetails: inbox.TaskDetails{Title: "Take blood"},
			DueAt: env.Now().Add(time.Hour),
		})
		if err != nil {
			return err
		}
		mine := hms.WithActor(env.Ctx, hms.HumanActor(env.Tenant, nurse))
		if task, err = env.H.Inbox.ClaimTask(mine, task.ID); err != nil {
			return err
		}
		_, err = env.H.Inbox.ClaimTask(slower, task.ID)
		var claimed *inbox.TaskClaimedError
		fmt.Println(task.Status, "by the first:", errors.As(err, &claimed) && claimed.Owner == nurse)
		return nil
	})
	// Output: accepted by the first: true
}

// What is overdue is escalated by the scheduler, and somebody who can help hears of it.
func ExampleService_EscalateTasks() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		_, err := env.H.Inbox.CreateTask(env.As(tb, identity.RoleDoctor), inbox.CreateTaskInput{
			To: inbox.Recipient{Role: identity.RoleNurse}, TaskDetails: inbox.TaskDetails{Title: "Take blood"},
			DueAt: env.Now().Add(time.Hour), EscalationRole: identity.RoleDoctor,
		})
		if err != nil {
			return err
		}
		env.Advance(2 * time.Hour)
		overdue, err := env.H.Inbox.EscalateTasks(env.Ctx, inbox.EscalateTasksInput{AsOf: env.Now()})
		if err != nil {
			return err
		}
		heard, err := env.H.Inbox.ListNotifications(env.As(tb, identity.RoleDoctor), inbox.ListNotificationsInput{})
		fmt.Println("overdue:", len(overdue), "doctors heard of:", len(heard.Items))
		return err
	})
	// Output: overdue: 1 doctors heard of: 1
}

// A doctor and a nurse talk about a patient. Whoever treats patients may read along, the desk may not.
func ExampleService_StartThread() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse := env.User(tb, identity.RoleNurse)
		thread, err := env.H.Inbox.StartThread(env.As(tb, identity.RoleDoctor), inbox.StartThreadInput{
			Subject: "Bed 7", Body: "Did she sleep?", Patient: env.Patient(tb).ID, To: []hmstype.UserID{nurse},
		})
		if err != nil {
			return err
		}
		hers := hms.WithActor(env.Ctx, hms.HumanActor(env.Tenant, nurse))
		if _, err := env.H.Inbox.SendMessage(hers, inbox.SendMessageInput{
			Thread: thread.ID, Body: "Like a stone.",
		}); err != nil {
			return err
		}
		messages, err := env.H.Inbox.ListMessages(hers, inbox.ListMessagesInput{Thread: thread.ID})
		if err != nil {
			return err
		}
		for _, m := range messages.Items { // the newest first
			fmt.Println(m.Body)
		}
		_, err = env.H.Inbox.GetThread(env.As(tb, identity.RoleReceptionist), thread.ID)
		fmt.Println("the desk:", hms.KindOf(err))
		return nil
	})
	// Output:
	// Like a stone.
	// Did she sleep?
	// the desk: not_found
}
