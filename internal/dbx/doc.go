// Package dbx is the only place of hms that knows transactions, tenant settings,
// SQLSTATE, idempotency keys, the outbox's insert and keyset paging.
//
// A [Handle] is what a service holds: the library's own *bun.DB, and, where the host
// bound the library to its transaction, that transaction. [Handle.InTx] opens a
// transaction (or a savepoint in the host's) and gives a [DB] to work on. Queries are
// built by Bun and executed on the bound connection, so that any transaction of
// database/sql or Bun will do; their values travel as parameters, never in the text.
//
// # Lock order
//
// A command that locks several rows takes them in this order, which keeps commands from
// waiting for each other in a circle (40P01):
//
//	patient, encounter, bed (by id), batch (by expiry, received, id), account, number
//
// It does not own any rule of a domain, and it starts no goroutine.
package dbx
