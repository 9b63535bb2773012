// Package hms is the core of a hospital's server, to be embedded in yours: patients,
// appointments and encounters, prescriptions and FEFO dispensing, laboratory, billing,
// wards and beds, users and permissions, audit, on PostgreSQL.
//
//	db, err := hms.OpenDB(dsn)                // or your own *bun.DB over pgx
//	h, err := hms.New(db, hms.Config{})       // no I/O; the zero Config works
//	err = h.Migrate(ctx)                      // or your tool over package migrate; h.Check(ctx) tells
//	ctx = hms.WithActor(ctx, actor)           // once, in your middleware
//	d, err := h.Pharmacy.Dispense(ctx, pharmacy.DispenseInput{...})
//
// # Transactions
//
// Each call is one transaction. Several calls become one with [HMS.InTx]; and with
// [HMS.WithTx] (Bun), [HMS.WithSQLTx] (database/sql) or [HMS.WithPgxTx] (pgx) they join a
// transaction of yours, in a savepoint each, so that you may go on after an error of ours. We
// never end what we did not begin, and your role and settings are as before after each call.
//
// # Tenants, actors, permissions
//
// The [Actor] in the context says who acts, in which tenant and why. Every table is
// guarded by row-level security: without a tenant there are no rows, and with one there
// are only its own. Each method names the permission that it needs; [Config.Authorizer]
// may decide otherwise than by the roles of package identity.
//
// # Errors
//
// Every error is of one of eight kinds ([KindOf]) or internal. None holds a patient's data.
package hms
