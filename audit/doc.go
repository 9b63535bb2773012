// Package audit answers who saw or changed what, and checks that the trail is whole.
//
// It owns the questions to the trail. It does not write changes: triggers in the database
// do, in the deed's own transaction, so that raw SQL leaves a trail as well; and services
// record reads, searches and refusals as they happen. Nobody may change or remove an event:
// the application's role has no right to, and a trigger refuses it to everybody else.
//
// # What an event holds
//
// The tenant, the instant (the database's clock), the actor ("human:<id>",
// "system:<name>", or "database:<login>" for SQL outside the library), the action, the
// entity and its id, the patient whose data it concerns, the operation, the request id,
// the purpose of use, and for a change the columns that changed (45 CFR 164.312(b)).
package audit
