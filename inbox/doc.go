// Package inbox keeps what waits for a person: notifications, tasks and messages.
//
// It owns who was told what and who has read it, who is asked to do what and what came of it, and
// who wrote what to whom. It does not own users, roles and permissions (package identity), the
// patient (package patient), or the way to a telephone or a mailbox: a host takes the events
// of package outbox there. By its [Port] a prescriber is told of
// an allergy that was found later; a host that wants a task for each critical result makes one from the event.
//
// # Notifications
//
// [Service.Notify] tells one user, or everybody who holds a role, that something happened. A
// notification never changes. [Service.ListNotifications] lists what was sent to the actor and to the
// roles that he holds now; each member of a role reads for himself, and who is given a role
// finds what it got before him, until that expires or he marks it all as read.
//
// # Tasks
//
// A task is a FHIR R4 Task without an intent, in a state of [TaskTransitions]:
//
//	draft -> requested -> received -> accepted -> ready -> in-progress -> completed
//	requested -> accepted -> in-progress; in-progress <-> on-hold
//	requested, received -> rejected; in-progress, on-hold -> failed
//	every open state -> cancelled; every state -> entered-in-error
//	every taken state -> requested, by release or reassignment
//
// It is given to a user or to a role. Somebody takes it by [Service.ClaimTask]: of many who
// try at once exactly one gets it. From then on the work is its owner's, and the database
// refuses to give it to another unless it is asked for anew. Who asked for a task, and who holds
// task.manage, may reassign, reschedule and cancel it. Each step is in [Service.GetTaskHistory].
//
// [Service.EscalateTasks] is for the host's scheduler: it alerts a role of what is overdue.
//
// # Messages
//
// A thread is readable for those who take part in it. One about a patient is also readable for
// whoever holds clinical.read, for what colleagues agree about a patient is part of his record.
// To everybody else it does not exist. Messages are never changed or removed, and their instants
// order a thread without a doubt.
//
// # What is encrypted
//
// Titles, bodies, descriptions, outcomes, reasons and subjects are sealed where field encryption
// is on: under the patient's own key where they are about one, so that the destruction of his
// keys takes them along, otherwise under the tenant's. Text that went with its key is left out, a
// field Erased says so, and the entry stays.
//
// # Restricted patients
//
// Lists, and results of what somebody did, show that something waits, about whom and how urgent it
// is, and withhold its text from actors without patient.restricted: a field Withheld says so. What is read by
// itself ([Service.GetNotification],
// [Service.GetTask], [Service.GetThread], [Service.ListMessages]) is refused, unless the actor has broken
// the glass. Work goes on: whoever may not read may still write.
//
// # Errors and transactions
//
// Every write is one transaction, or a savepoint in the host's. Tasks carry a version: an old one
// is [hmstype.ErrStale]. What the actor has no part in is not found; a step that is another's is
// [ErrNotYours]. The host's system actor may take every step but those that need somebody with an
// account ([ErrUserRequired]).
//
// # Events
//
// inbox.notified, inbox.task_created, inbox.task_requested, inbox.task_received,
// inbox.task_claimed, inbox.task_ready, inbox.task_started, inbox.task_held, inbox.task_resumed,
// inbox.task_completed, inbox.task_failed, inbox.task_rejected, inbox.task_cancelled,
// inbox.task_entered_in_error, inbox.task_released, inbox.task_reassigned,
// inbox.task_rescheduled, inbox.task_escalated, inbox.thread_started, inbox.message_sent,
// inbox.participant_added and inbox.participant_left go to the outbox with ids and codes, never
// with a text.
package inbox
