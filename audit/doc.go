// Package audit answers who saw or changed what.
//
// It owns the questions to the trail, the accounting of disclosures, and the policies and legal holds
// that say how long events are kept. Package audit/sealed makes the trail a signed log, checks that it
// is whole, and lets old months go. Neither writes changes: triggers in the database do, in the use
// case's own transaction, so that raw SQL leaves a trail as well; and services record reads, searches
// and refusals as they happen. Nobody may change or remove an event: the application's role has no
// right to, and a trigger refuses it to everybody else.
//
// # What an event holds
//
// The tenant, the instant (the database's clock), the actor ("human:<id>",
// "system:<name>", or "database:<login>" for SQL outside the library), the session or API key
// by which he proved himself, the action, the entity and its id, the patient whose data it
// concerns, the operation, the request id, the purpose of use, and for a change the columns
// that changed (45 CFR 164.312(b)). [Event] tells where FHIR AuditEvent wants each of them.
//
// # Questions
//
//	ListEvents, ListEventsOfPatient, …OfUser, …OfObject   events; [Event.Fields] gives before and after
//	ExportEvents                                          the same as a stream, however long
//	ListAccesses, ListAccessTotals                        who saw or changed a patient's record, for the patient
//	ListExposures, ListExposuresTo                        after a breach: whom an account saw, and who saw a patient
//	ListUnusual                                           namesakes, the own record, volume, nights, break-glass
//	                                                      without review
//
// Every question is itself on the trail, with each patient whom its answer shows. Changes of
// restricted patients are withheld from who may not see them, and a question about one such
// patient is refused.
//
// # Disclosures
//
// A disclosure is a release of a patient's data outside the hospital. It is recorded once,
// corrected by marking it as entered in error, and never removed. An agency may have it kept
// from the patient for a time (45 CFR 164.528(a)(2)): then neither the accounting nor the
// report of accesses nor the proofs tell of it, unless they are asked for by staff.
//
//	recorded -> entered-in-error
//
// # How long it is kept
//
// Per category of events and jurisdiction ([RetentionPolicy]), six years without a policy
// (45 CFR 164.316(b)(2)(i)), and longer under a legal hold ([LegalHold]).
//
// # Errors
//
// [ErrNotSuspendable] and [ErrDisclosureInError] of disclosures, [ErrReleased] of holds, [ErrChanges]
// of an event whose changes are not as the triggers write them.
package audit
