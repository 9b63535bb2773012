package inbox

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventNotified = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.notified", Entity: "notification", When: "somebody has a notification",
		Data: []string{"id", "user", "role", "category", "priority", "patient"},
		By: []string{
			"inbox.notify", "inbox.escalate_tasks", "lab.correct_result", "lab.reject_specimen", "lab.enter_item_in_error",
			"lab.enter_order_in_error", "lab.revoke_order", "lab.cancel_item",
		},
	})
	eventThreadStarted = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.thread_started", Entity: "message_thread", When: "a conversation has begun",
		Data: []string{"id", "patient"},
		By:   []string{"inbox.start_thread"},
	})
	eventMessageSent = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.message_sent", Entity: "message_thread", When: "a message stands in a conversation",
		Data: []string{"id", "patient", "message", "sender"},
		By:   []string{"inbox.start_thread", "inbox.send_message"},
	})
	eventParticipantAdded = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.participant_added", Entity: "message_thread", When: "somebody takes part",
		Data: []string{"id", "patient", "user"},
		By:   []string{"inbox.add_participant"},
	})
	eventParticipantLeft = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.participant_left", Entity: "message_thread", When: "somebody takes part no more",
		Data: []string{"id", "patient", "user"},
		By:   []string{"inbox.leave_thread"},
	})
	eventTaskCreated = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_created", Entity: "task", When: "somebody asks for something",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.create_task"},
	})
	eventTaskRequested = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_requested", Entity: "task", When: "a draft is asked for",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.request_task"},
	})
	eventTaskReceived = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_received", Entity: "task", When: "who may take it has seen it",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.receive_task"},
	})
	eventTaskClaimed = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_claimed", Entity: "task", When: "it has an owner",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.claim_task"},
	})
	eventTaskReleased = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_released", Entity: "task", When: "it waits for another owner",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.release_task"},
	})
	eventTaskReassigned = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_reassigned", Entity: "task", When: "it was given to somebody else",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.reassign_task"},
	})
	eventTaskReadied = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_readied", Entity: "task", When: "nothing stands in its way",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.ready_task"},
	})
	eventTaskStarted = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_started", Entity: "task", When: "it is begun",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.start_task"},
	})
	eventTaskHeld = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_held", Entity: "task", When: "it is paused",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.hold_task"},
	})
	eventTaskResumed = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_resumed", Entity: "task", When: "it goes on",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.resume_task"},
	})
	eventTaskRescheduled = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_rescheduled", Entity: "task", When: "it is due at another time, or urgent otherwise",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.reschedule_task"},
	})
	eventTaskEscalated = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_escalated", Entity: "task", When: "it is overdue",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.escalate_tasks"},
	})
	eventTaskCompleted = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_completed", Entity: "task", When: "it is done",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.complete_task"},
	})
	eventTaskFailed = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_failed", Entity: "task", When: "it was tried and not done",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.fail_task"},
	})
	eventTaskRejected = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_rejected", Entity: "task", When: "nobody will do it",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.reject_task"},
	})
	eventTaskCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_cancelled", Entity: "task", When: "nobody need do it",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.cancel_task"},
	})
	eventTaskInError = dbx.DeclareEvent(dbx.EventType{
		Name: "inbox.task_entered_in_error", Entity: "task", When: "it should never have been",
		Data: []string{"id", "status", "priority", "owner", "role", "patient", "escalationLevel"},
		By:   []string{"inbox.enter_task_in_error"},
	})
)

// taskEvents are what is told of a task that came into a state, where the step says nothing else.
var taskEvents = map[TaskStatus]*dbx.EventType{
	TaskRequested:      eventTaskRequested,
	TaskReceived:       eventTaskReceived,
	TaskReady:          eventTaskReadied,
	TaskCompleted:      eventTaskCompleted,
	TaskFailed:         eventTaskFailed,
	TaskRejected:       eventTaskRejected,
	TaskCancelled:      eventTaskCancelled,
	TaskEnteredInError: eventTaskInError,
}
