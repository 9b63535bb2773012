// Package audit answers who saw or changed what, and checks that the trail is whole.
//
// It owns the questions to the trail, and the accounting of disclosures. It does not write
// changes: triggers in the database do, in the use case's own transaction, so that raw SQL leaves
// a trail as well; and services record reads, searches and refusals as they happen. Nobody may
// change or remove an event: the application's role has no right to, and a trigger refuses it
// to everybody else.
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
// (45 CFR 164.316(b)(2)(i)), and longer under a legal hold. The host drops a month of all tenants at
// once ([ArchiveMonth]), after each tenant's part went to a store of its own as an archive that
// package proof verifies without a database. The log of hashes stays for ever, and a signed record
// of the purge explains, and alone explains, why its leaves have no events any more.
//
// A row whose creation is purged is replayed backwards, from what it is now to what it was at the
// end of the purged month; all such rows of a table together must give the digest that the record
// has. So [Service.Verify] finds as much as before, though it can no longer name the row.
package audit
