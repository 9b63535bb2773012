// Package pgxtx lets what is written for database/sql execute in a transaction of pgx's own: Bun
// and dbx then join hosts that hold a [pgx.Tx], such as those on sqlc or on River's own driver.
// pgx has no public way from its connection to one of database/sql, only the other way round.
//
// [Open] gives a *sql.Conn over a small driver of ours. It executes and reads, as pgx's stdlib
// does; it prepares nothing for database/sql, and it never begins, commits, rolls back or closes
// what is the host's.
//
// It does not know tenants, roles and settings (dbx does), and it leaves no goroutine behind.
package pgxtx
