package fault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/migrate"
	"github.com/chelal/hms/patient"
)

// unreadable names what hms_backup may not read.
const unreadable = `SELECT relname FROM pg_class WHERE relnamespace = 'hms'::regnamespace
		AND relname <> 'context_key' -- the keys of hardened mode, which no dump holds
		AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege('hms_backup', oid, 'SELECT')
			WHEN relkind IN ('r', 'p', 'v', 'm') THEN NOT has_table_privilege('hms_backup', oid, 'SELECT') ELSE false END
	UNION ALL SELECT 'the schema' WHERE NOT has_schema_privilege('hms_backup', 'hms', 'USAGE')`

// What pg_dump reads as hms_backup, now and when later migrations have added to it.
func TestBackup_RoleReadsAll(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	_, err := env.DB.ExecContext(t.Context(), `SET ROLE hms_owner;
		CREATE TABLE hms.later (id int); CREATE SEQUENCE hms.later_number;
		CREATE VIEW hms.later_view AS SELECT 1 AS one; RESET ROLE`)
	require.NoError(t, err)
	var hidden []string
	err = env.DB.NewRaw(unreadable+` ORDER BY 1`).Scan(t.Context(), &hidden)
	require.NoError(t, err)
	require.Empty(t, hidden)
}

// Whoever is not superuser migrates without the role; an administrator makes it later by Bootstrap.
func TestBackup_RoleMadeLater(t *testing.T) {
	t.Parallel()
	server := localServer(t)
	h, db := open(t, server.DSN(""))
	_, err := db.ExecContext(t.Context(), "CREATE ROLE host LOGIN CREATEROLE; GRANT CREATE ON DATABASE postgres TO host")
	require.NoError(t, err)
	host, _ := open(t, strings.Replace(server.DSN(""), "postgres@", "host@", 1))
	require.NoError(t, host.Migrate(t.Context()), "not superuser, so without hms_backup")
	var n int
	require.NoError(t, db.NewRaw("SELECT count(*) FROM pg_roles WHERE rolname = 'hms_backup'").Scan(t.Context(), &n))
	require.Zero(t, n)
	for range 2 {
		_, err = db.ExecContext(t.Context(), "BEGIN; "+migrate.Bootstrap()+"; COMMIT")
		require.NoError(t, err)
	}
	require.NoError(t, h.Check(t.Context()))
	require.NoError(t, db.NewRaw(`SELECT count(*) FROM (`+unreadable+`) AS u`).Scan(t.Context(), &n))
	require.Zero(t, n)
}

// localServer gives a server of the test's own that runs from binaries on this machine.
func localServer(t *testing.T, settings ...map[string]string) *pgserver.Server {
	t.Helper()
	options := pgserver.Options{Kind: pgserver.KindLocal}
	for _, s := range settings {
		options.Settings = s
	}
	server, err := pgserver.Start(t.Context(), options)
	if err != nil {
		t.Logf("no local PostgreSQL: %v", err)
		options.Kind = pgserver.KindEmbedded
		server, err = pgserver.Start(t.Context(), options)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
	return server
}

// schemaOf gives what pg_dump says of everything but rows.
func schemaOf(t *testing.T, server *pgserver.Server, database string) string {
	t.Helper()
	program := filepath.Join(server.BinDir(), "pg_dump")
	out, err := exec.CommandContext(t.Context(), program, "--schema-only", server.DSN(database)).Output()
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(out), "") // a random key
	return strings.NewReplacer("(", "", ")", "").Replace(text)                               // AND in AND loses its own
}

// shell runs a block of docs/operations.md as it stands there, with the server's own programs.
func shell(t *testing.T, bin, folder, title string, variables ...string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sh\n# " + title + ".*?\n```").FindString(string(page))
	require.NotEmpty(t, block, title)
	script := strings.TrimSuffix(strings.TrimPrefix(block, "```sh\n"), "```")
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = folder
	cmd.Env = append(variables, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+folder)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", script, out)
	require.NotRegexp(t, "(?i)error|warning", string(out))
}

// A dump by hms_backup, restored on a server that knows nothing of hms, is the hospital again: the
// schema fits, the trail verifies, and people go on working. The commands are the documentation's.
func TestBackup_RestoredOnAnEmptyServer(t *testing.T) {
	t.Parallel()
	source := localServer(t)
	_, err := os.Stat(filepath.Join(source.BinDir(), "pg_dump"))
	if errors.Is(err, fs.ErrNotExist) { // as where the server was downloaded
		t.Skipf("no pg_dump beside the server's programs: %v", err)
	}
	require.NoError(t, err)
	folder := t.TempDir()
	config := sealedConfig(t, folder)
	hospital := func(dsn string) *hms.HMS {
		_, db := open(t, dsn)
		h, err := hms.New(db, config)
		require.NoError(t, err)
		return h
	}
	ctx := hms.WithActor(t.Context(), hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "test"))
	before := hospital(source.DSN(""))
	require.NoError(t, before.Migrate(ctx))
	_, err = before.Identity.CreateTenant(ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "General Hospital"},
	})
	require.NoError(t, err)
	jane := register(ctx, t, before)
	_, err = before.AuditLog.Seal(ctx, sealed.SealInput{})
	require.NoError(t, err)

	_, db := open(t, source.DSN(""))
	_, err = db.ExecContext(ctx, "CREATE ROLE nightly LOGIN; GRANT hms_backup TO nightly")
	require.NoError(t, err)
	nightly := strings.Replace(source.DSN(""), "postgres@", "nightly@", 1)
	var began time.Time
	require.NoError(t, db.NewRaw(`SELECT clock_timestamp()`).Scan(ctx, &began))
	shell(t, source.BinDir(), folder, "Back up", "SOURCE="+nightly)
	lost := register(ctx, t, before)
	seen, err := before.AuditLog.Seal(ctx, sealed.SealInput{})
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "bootstrap.sql"), []byte(migrate.Bootstrap()), 0o600))
	empty := localServer(t)
	shell(t, empty.BinDir(), folder, "Restore", "SERVER="+empty.DSN(""), "TARGET="+empty.DSN("hospital"))
	after := hospital(empty.DSN("hospital"))
	if dbtest.Hardened() {
		require.NoError(t, after.Harden(ctx, dbtest.ContextKey()), "the keys are in no dump")
	}
	require.Equal(t, schemaOf(t, source, ""), schemaOf(t, empty, "hospital"), "every owner, grant, policy and trigger")
	require.NoError(t, after.Check(ctx))
	report, err := after.AuditLog.Verify(ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), "%+v", report)
	restored, err := after.AuditLog.Restored(ctx, sealed.RestoredInput{To: began, Reason: "the server was lost"})
	require.NoError(t, err)
	require.Empty(t, restored.Sealed.Failed)
	require.Equal(t, seen.Checkpoint.Root, restored.Restoration.Lost[0].Root)
	log, err := after.AuditLog.VerifyLog(ctx)
	require.NoError(t, err)
	require.Empty(t, log.Findings)
	require.Positive(t, log.Size)
	got, err := after.Patient.Get(ctx, jane.ID)
	require.NoError(t, err)
	require.Equal(t, jane.LastName, got.LastName)

	require.NotEqual(t, lost.MRN, register(ctx, t, after).MRN)
	_, err = after.AuditLog.Seal(ctx, sealed.SealInput{Sweep: true})
	require.NoError(t, err)
	require.NoError(t, after.Migrate(ctx))
	shell(t, empty.BinDir(), folder, "Back up", "SOURCE="+empty.DSN("hospital"))
}

// sealedConfig gives a hospital with encryption and a sealed log, whose witness is a file in the folder.
func sealedConfig(t *testing.T, folder string) hms.Config {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	witness, err := sealed.NewFileWitness(filepath.Join(folder, "witness"), public)
	require.NoError(t, err)
	return hms.Config{KeyEncryptionKey: dbtest.New(t).Key, AuditLog: sealed.Config{
		Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public}, Witnesses: []sealed.Witness{witness},
	}}
}

func register(ctx context.Context, t *testing.T, h *hms.HMS) patient.Patient {
	t.Helper()
	p, err := h.Patient.Register(ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Doe", Gender: patient.GenderUnknown},
	})
	require.NoError(t, err)
	return p
}
