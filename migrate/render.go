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
// connection must be allowed what [Migrate] asks for.
func FS() fs.FS {
	return render("%04d_%s.sql", func(statements []string) string {
		return "BEGIN;\n" + strings.Join(statements, "\n\n") + "\n\nCOMMIT;\n"
	})
}

// GooseFS gives the steps as files for goose (github.com/pressly/goose), which runs each in a
// transaction and records it in a table of its own besides. There is no way down: a schema that
// holds patients' records goes forward.
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
// which sends each as one message, so that it is one transaction. There is no way down.
func GolangMigrateFS() fs.FS {
	return render("%06d_%s.up.sql", func(statements []string) string {
		return strings.Join(statements, "\n\n") + "\n"
	})
}

// render makes a file of each step: as the owner, with its record, and with the tool's own role
// again at the end, for a tool's own table is not hms_owner's. An archive in memory is the standard
// library's one file system that can be made.
func render(pattern string, body func(statements []string) string) fs.FS {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, step := range Steps() {
		var list []string
		if step.Kind != KindBootstrap {
			list = append(list, settings...)
		}
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

// settings are what every step but the bootstrap begins with.
var settings = []string{"SET LOCAL ROLE " + owner, "SET LOCAL lock_timeout = '" + tableTimeout + "'"}

// recordOf gives the statements that record a step, and give back the role.
func recordOf(s Step) []string {
	return []string{
		"SET LOCAL ROLE " + owner,
		fmt.Sprintf("INSERT INTO hms.migration (version, name, checksum, compatible_from) VALUES (%d, '%s', '%s', %d)",
			s.Number, s.Name, s.Checksum, s.CompatibleFrom),
		"RESET ROLE",
	}
}
