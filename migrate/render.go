package migrate

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
)

// FS gives the steps as files for plain execution, by psql or by a tool that sends a file as it
// stands: NNNN_name.sql, each with its own BEGIN and COMMIT, in the order of their names. Each
// records itself in hms.migration, so that [Check] passes afterwards and [Migrate] carries on. The
// connection must be allowed what [Migrate] asks for. A file whose step the database has is refused
// with SQLSTATE 55000, and so is one that comes too early. Stop at the first error, as psql does
// under ON_ERROR_STOP; after one, the connection is in a failed transaction: leave it.
func FS() fs.FS {
	return render("%04d_%s.sql", func(statements []string) string {
		return "BEGIN;\n\n" + strings.Join(statements, "\n\n") + "\n\nCOMMIT;\n"
	})
}

// GooseFS gives the steps as files for goose (github.com/pressly/goose), which runs each in a
// transaction and records it in a table of its own besides. There is no way down: a schema that
// holds patients' records goes forward. See the package for what else a host should know.
func GooseFS() fs.FS {
	return render("%05d_%s.sql", func(statements []string) string {
		var b strings.Builder
		b.WriteString("-- +goose Up\n")
		for _, s := range statements {
			b.WriteString("-- +goose StatementBegin\n" + s + "\n-- +goose StatementEnd\n\n")
		}
		return b.String()
	})
}

// GolangMigrateFS gives the steps as files for golang-migrate (github.com/golang-migrate/migrate),
// which sends each as one message, so that it is one transaction; leave x-multi-statement off, which
// would send each statement by itself. There is no way down. See the package for what to do with a
// dirty version.
func GolangMigrateFS() fs.FS {
	return render("%06d_%s.up.sql", func(statements []string) string {
		return strings.Join(statements, "\n\n") + "\n"
	})
}

// render makes a file of each step: in turn with all other migrators, as the owner, with its record,
// and with the tool's own role again at the end, for a tool's own table is not hms_owner's. An archive
// in memory is the standard library's one file system that can be made.
func render(pattern string, body func(statements []string) string) fs.FS {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, step := range Steps() {
		list := turn()
		if step.Kind != KindBootstrap {
			list = append(list, settings...)
		}
		list = append(list, guardOf(step)...)
		list = append(list, step.Statements()...)
		list = append(list, recordOf(step)...)
		for i := range list {
			list[i] += ";"
		}
		file := must(archive.Create(fmt.Sprintf(pattern, step.Number, step.Name)))
		must(file.Write([]byte(body(list))))
	}
	must(0, archive.Close())
	return must(zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len())))
}

// must gives the value; a file system in memory does not fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// turn gives the statements that wait for the migrators' lock, which is the transaction's.
func turn() []string {
	return []string{
		"SET LOCAL lock_timeout = '" + turnTimeout + "'", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", advisoryKey),
	}
}

// settings are what every step but the bootstrap begins with.
var settings = []string{
	"SET LOCAL ROLE " + owner, "SET LOCAL lock_timeout = '" + tableTimeout + "'",
	"SET LOCAL search_path = pg_catalog, pg_temp", "SET LOCAL standard_conforming_strings = on",
}

// guardOf gives the statements that refuse a step out of its turn: one that somebody else has applied,
// or one whose predecessor is not there, for a tool knows only what it did itself. They also refuse a
// tool that commits each statement by itself: what SET LOCAL says is then forgotten at once.
func guardOf(s Step) []string {
	return []string{fmt.Sprintf("SET LOCAL hms.step = '%d'", s.Number), fmt.Sprintf(`DO $guard$
DECLARE
    last integer := 0;
BEGIN
    IF current_setting('hms.step', true) IS DISTINCT FROM '%[1]d' THEN
        RAISE EXCEPTION 'hms: step %[2]s is not run in one transaction'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Let the tool run the file in one transaction.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = 'hms' AND c.relname = 'migration') THEN
        SELECT coalesce(max(version), 0) INTO last FROM hms.migration;
    END IF;
    IF last >= %[1]d THEN
        RAISE EXCEPTION 'hms: step %[2]s is there already; the database has %%', last
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Tell the tool that it is applied.';
    ELSIF last < %[1]d - 1 THEN
        RAISE EXCEPTION 'hms: step %[2]s comes too early; the database has %%', last
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Apply the steps between first.';
    END IF;
END $guard$`, s.Number, s)}
}

// recordOf gives the statements that record a step, and give back the role.
func recordOf(s Step) []string {
	return []string{
		"SET LOCAL ROLE " + owner,
		fmt.Sprintf("INSERT INTO hms.migration (version, name, checksum, compatible_from) VALUES (%d, '%s', '%s', %d)",
			s.Number, s.Name, s.Checksum, s.CompatibleFrom),
		"RESET ROLE", "SET LOCAL search_path TO DEFAULT", "SET LOCAL standard_conforming_strings TO DEFAULT",
	}
}
