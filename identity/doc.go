// Package identity says who may act, and how he proves who he is.
//
// It owns the tenant's settings (time zone, currency), user accounts and their states, roles
// as sets of permissions, the default [hmstype.Authorizer], passwords and second factors,
// sessions and API keys, break-glass, and who is on duty where and when. It does not own the patients, who has seen
// what (package audit), nor what waits for a person (package inbox).
//
// # From a request to an actor
//
// [Service.Login] begins a session and gives its token; the host keeps that in a cookie and gives it
// to [Service.Authenticate] with each request, whose actor it puts into the context. A program
// does the same with the token of [Service.CreateAPIKey]. What is dangerous wants a proof of the last
// minutes: [Service.Reauthenticate]. Who is known to the hospital's identity provider comes in by
// [Service.LoginExternal]. A login also gives the token of its device, which the host keeps
// apart and gives to the next one: so no stranger who guesses keeps a person out. Logins, failures and refusals
// are recorded in transactions
// of their own, also where the host's use case is rolled back.
//
// # States of a user
//
//	invited -> active <-> locked
//	invited, active, locked -> deactivated (terminal; a user is never deleted)
//
// # Duties
//
//	planned -> cancelled
//
// [Service.AssignDuty] plans somebody for a ward or a service, on duty or on call; [Service.StandIn] gives his duty, or
// a part of it, to a colleague; [Service.ListOnDuty] tells who is there at an instant. A duty gives no permission.
//
// # Errors
//
// [ErrUsernameTaken], [ErrEmailTaken], [ErrRoleNameTaken] and [ErrTenantExists] are of kind
// already exists; an unknown permission is invalid. Every write is one transaction, or a
// savepoint in the host's.
package identity
