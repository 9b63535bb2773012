// Package migrate brings a database to the schema that this version of hms needs, and
// tells whether it is there.
//
// It owns the SQL files, the runner and the check. It does not own the rows: no migration
// writes a tenant's data.
//
// A host may run [Migrate] at start-up (several instances may do so at once), or feed the
// files of [FS] and [Bootstrap] to a tool of its own and only [Check]. Each migration runs
// in one transaction together with the row that records it, so a crash leaves it wholly
// done or wholly undone. A released file never changes; its checksum is recorded, and
// [Check] refuses a database that was migrated with another text.
package migrate
