package inbox_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
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
	in := inbox.NotifyInput{NotificationDetails: inbox.NotificationDetails{Category: "Lab result", Title: "Potassium", Priority: "soon"}}
	for _, field := range hmstype.Fields(in.Validate()) {
		fmt.Println(field)
	}
	// Output:
	// to: must name either a user or a role
	// category: must be a code of 1 to 50 of a-z, 0-9, '.', '_' and '-'
	// priority: must be one of [ routine urgent asap stat]
}
