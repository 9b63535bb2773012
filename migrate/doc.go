// Package migrate brings a database to the schema that this version of hms needs, and
// tells whether it is there.
//
// It owns the SQL files, the runner, their renderings for other tools and the check. It does not own
// the rows: no migration writes a tenant's data.
//
// A host may run [Migrate] at start-up (several instances may do so at once), or let a tool of its
// own run what [FS], [GooseFS] or [GolangMigrateFS] give, and only [Check]. All make the same schema,
// and each may carry on what another began. Each step runs in one transaction together with the row
// of hms.migration that records it, so a crash leaves it wholly done or wholly undone. A released
// step never changes; its checksum is recorded, and [Check] refuses a database that was migrated with
// another text.
//
// # Tools
//
// A tool knows only what it did itself, so every rendered file holds its step against hms.migration,
// under the lock that Migrate takes. A step that is there already, one whose predecessor is not, and
// one that the tool does not run in one transaction is refused with SQLSTATE 55000, and nothing is
// changed:
//
//   - Migrate, or another tool, in the middle or after: it carries on, whatever was there before.
//   - goose or golang-migrate behind Migrate: refused at the first step that is there, until the tool
//     is told. golang-migrate: Force(n), where n is max(version) of hms.migration. goose: a row per
//     step in its own table.
//   - Two at once: goose with a session locker, and golang-migrate, wait for each other. Without a
//     lock the slower one is refused; run again, it carries on.
//   - After a crash: run again. golang-migrate calls the version dirty and asks for Force; n is again
//     max(version) of hms.migration, and -1 where the table is not there. The dirty number itself is
//     right only if the step had been committed: forced unseen, the next step is refused.
package migrate
