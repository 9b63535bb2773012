// Package identity says who may act: tenants, users, roles and the permissions that they
// hold.
//
// It owns the tenant's settings (time zone, currency), user accounts and their states,
// roles as sets of permissions, and the default [hmstype.Authorizer]. It does not own the
// patients, nor who has seen what (package audit).
//
// # States of a user
//
//	invited -> active <-> locked
//	invited, active, locked -> deactivated (terminal; a user is never deleted)
//
// # Errors
//
// [ErrUsernameTaken], [ErrEmailTaken], [ErrRoleNameTaken] and [ErrTenantExists] are of kind
// already exists; an unknown permission is invalid. Every write is one transaction, or a
// savepoint in the host's.
package identity
