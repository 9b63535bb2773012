package fault_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// drill is a hospital on a server that archives its write-ahead log, as docs/operations.md sets it up.
type drill struct {
	config  hms.Config
	server  *pgserver.Server
	folder  string
	archive string
	ctx     context.Context //nolint:containedctx // of one drill; the host's own actor
	h       *hms.HMS
}

// settingsFrom gives the settings of the documentation's block that holds a name.
func settingsFrom(t *testing.T, name, archive string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	settings := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if !strings.Contains(block[1], name) {
			continue
		}
		for line := range strings.Lines(block[1]) {
			key, value, ok := strings.Cut(line, " = ")
			require.True(t, ok, line)
			value, _, _ = strings.Cut(value, "  ;")
			settings[key] = strings.ReplaceAll(strings.Trim(strings.TrimSpace(value), "'"), "/archive/", archive+"/")
		}
	}
	require.NotEmpty(t, settings)
	return settings
}

func newDrill(t *testing.T) *drill {
	t.Helper()
	d := &drill{folder: t.TempDir()}
	d.archive = filepath.Join(d.folder, "archive")
	require.NoError(t, os.MkdirAll(d.archive, 0o700))
	require.NoError(t, os.Chmod(d.archive, 0o777)) // the server may run as another account
	require.NoError(t, os.Chmod(d.folder, 0o755))  // as above
	d.server = d.start(t, "source", settingsFrom(t, "archive_mode", d.archive))
	d.config = sealedConfig(t, d.folder)
	d.config.ErasureLedger = encryption.NewFileLedger(filepath.Join(d.folder, "ledger"))
	d.ctx = hms.WithActor(t.Context(), hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "test"))
	d.h = d.open(t)
	require.NoError(t, d.h.Migrate(d.ctx))
	_, err := d.h.Identity.CreateTenant(d.ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "General Hospital"},
	})
	require.NoError(t, err)
	service, err := d.h.Billing.CreateServiceItem(d.ctx, billing.CreateServiceItemInput{
		Code: "CONSULT", ServiceDetails: billing.ServiceDetails{Name: "Consultation", Category: "visit"},
	})
	require.NoError(t, err)
	_, err = d.h.Billing.SetPrice(d.ctx, billing.SetPriceInput{
		Service: service.ID, Amount: hmstype.MustMoney("40.00", "USD"), From: hmstype.NewDate(2020, time.January, 1),
	})
	require.NoError(t, err)
	return d
}

// start runs a server in a folder of the drill's, which may hold a cluster already.
func (d *drill) start(t *testing.T, name string, settings map[string]string) *pgserver.Server {
	t.Helper()
	options := pgserver.Options{Kind: pgserver.KindLocal, DataDir: filepath.Join(d.folder, name), Settings: settings}
	server, err := pgserver.Start(t.Context(), options)
	if err != nil {
		t.Logf("no local PostgreSQL: %v", err)
		options.Kind = pgserver.KindEmbedded
		server, err = pgserver.Start(t.Context(), options)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	return server
}

// open gives the library on the drill's server.
func (d *drill) open(t *testing.T) *hms.HMS {
	t.Helper()
	_, db := open(t, d.server.DSN(""))
	h, err := hms.New(db, d.config)
	require.NoError(t, err)
	return h
}

func (d *drill) seal(t *testing.T) sealed.SealReport {
	t.Helper()
	report, err := d.h.AuditLog.Seal(d.ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Empty(t, report.Failed)
	return report
}

// now gives the server's clock.
func (d *drill) now(t *testing.T) (at time.Time) {
	t.Helper()
	_, db := open(t, d.server.DSN(""))
	require.NoError(t, db.NewRaw(`SELECT clock_timestamp()`).Scan(t.Context(), &at))
	return at.UTC()
}

// visit registers somebody with a telephone number, and bills him.
func (d *drill) visit(t *testing.T) (patient.Patient, billing.Bill) {
	t.Helper()
	p, err := d.h.Patient.Register(d.ctx, patient.RegisterInput{Details: patient.Details{
		LastName: "Doe", Gender: patient.GenderUnknown, PhoneNumber: "+1 555 0100",
	}, OverrideReason: "another one of the name"})
	require.NoError(t, err)
	_, err = d.h.Billing.CaptureCharge(d.ctx, billing.CaptureChargeInput{Patient: p.ID, Service: "CONSULT"})
	require.NoError(t, err)
	draft, err := d.h.Billing.CreateBill(d.ctx, billing.CreateBillInput{Patient: p.ID})
	require.NoError(t, err)
	bill, err := d.h.Billing.IssueBill(d.ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	return p, bill
}

// recover takes the hospital back to an instant, on another server.
func (d *drill) recover(t *testing.T, to time.Time) {
	t.Helper()
	_, db := open(t, d.server.DSN(""))
	_, err := db.ExecContext(t.Context(), `SELECT pg_switch_wal()`) // what archive_timeout does in the end
	require.NoError(t, err)
	owner, err := os.Stat(filepath.Join(d.folder, "source", "data"))
	require.NoError(t, err)
	bin := d.server.BinDir()
	require.NoError(t, d.server.Stop(t.Context())) // which waits for the archive
	data := filepath.Join(d.folder, "target", "data")
	require.NoError(t, os.MkdirAll(data, 0o700))
	shell(t, bin, d.folder, "Recover", "BACKUP="+filepath.Join(d.folder, "backup"), "PGDATA="+data, "ARCHIVE="+d.archive,
		"INSTANT="+to.Format("2006-01-02 15:04:05.999999-07"))
	giveTo(t, data, owner)
	d.server = d.start(t, "target", map[string]string{"hot_standby": "off"})
	d.h = d.open(t)
}

// giveTo does what somebody who works as the server's account need not do.
func giveTo(t *testing.T, folder string, owner fs.FileInfo) {
	t.Helper()
	stat, ok := owner.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(stat.Uid), int(stat.Gid))
	}))
}

// A hospital loses its disk and is taken back to an instant: what was acknowledged before is there, nothing of
// later is, the log goes on and is proved, no number is given twice, and who was erased since is erased again.
func TestRestoreDrill_ToAnInstant(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	if _, err := exec.LookPath(filepath.Join(d.server.BinDir(), "pg_basebackup")); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no pg_basebackup beside the server's programs: %v", err) // as where the server was downloaded
	}
	early, _ := d.visit(t)
	d.seal(t)
	shell(t, d.server.BinDir(), d.folder, "Base backup", "SOURCE="+d.server.DSN(""),
		"BACKUP="+filepath.Join(d.folder, "backup"))
	kept, keptBill := d.visit(t)
	before := d.seal(t)
	to := d.now(t)
	lost, lostBill := d.visit(t)
	_, err := d.h.Encryption.Erase(d.ctx, encryption.EraseInput{
		Patient:        early.ID,
		ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "consent was withdrawn"},
	})
	require.NoError(t, err)
	seen := d.seal(t)
	t.Logf("lost: everything after %s, %d leaves of the log among it", to, seen.Checkpoint.Size-before.Checkpoint.Size)

	d.recover(t, to)
	require.NoError(t, d.h.Check(d.ctx))
	got, err := d.h.Patient.Get(d.ctx, kept.ID)
	require.NoError(t, err)
	require.Equal(t, kept.PhoneNumber, got.PhoneNumber)
	bill, err := d.h.Billing.GetBill(d.ctx, keptBill.ID)
	require.NoError(t, err)
	require.Equal(t, keptBill.Number, bill.Number)
	_, err = d.h.Patient.Get(d.ctx, lost.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	back, err := d.h.Patient.Get(d.ctx, early.ID)
	require.NoError(t, err)
	require.Equal(t, early.PhoneNumber, back.PhoneNumber, "the restore brought him back")
	log, err := d.h.AuditLog.VerifyLog(d.ctx)
	require.NoError(t, err)
	require.False(t, log.Clean(), "nobody can tell it from an attack yet")
	t.Log("before it was said:", log)

	restored, err := d.h.AuditLog.Restored(d.ctx, sealed.RestoredInput{To: to, Reason: "the disk was lost"})
	require.NoError(t, err)
	require.Empty(t, restored.Sealed.Failed)
	require.Equal(t, before.Number, restored.Restoration.Checkpoint)
	require.Equal(t, seen.Checkpoint.Root, restored.Restoration.Lost[0].Root)
	replayed, err := d.h.Encryption.ReplayErasures(d.ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.ReplayReport{Entries: 1, Replayed: 1}, replayed)
	t.Logf("replayed: %+v", replayed)
	back, err = d.h.Patient.Get(d.ctx, early.ID)
	require.NoError(t, err)
	require.True(t, back.Erased)
	require.Empty(t, back.PhoneNumber)

	next, nextBill := d.visit(t)
	require.NotContains(t, []string{early.MRN, kept.MRN, lost.MRN}, next.MRN)
	require.NotEqual(t, lostBill.Number, nextBill.Number)
	d.requireProved(t)
}

// requireProved runs every proof after a restore and prints what it says.
func (d *drill) requireProved(t *testing.T) {
	t.Helper()
	d.seal(t)
	log, err := d.h.AuditLog.VerifyLog(d.ctx)
	require.NoError(t, err)
	require.Empty(t, log.Findings)
	require.Len(t, log.Restorations, 1)
	trail, err := d.h.AuditLog.Verify(d.ctx)
	require.NoError(t, err)
	require.True(t, trail.Clean(), "%+v", trail)
	money, err := d.h.Billing.Verify(d.ctx)
	require.NoError(t, err)
	require.True(t, money.Clean(), money.String())
	require.NotEmpty(t, money.Void, "the numbers that were left out, with the reason")
	keys, err := d.h.Encryption.Verify(d.ctx)
	require.NoError(t, err)
	require.True(t, keys.Clean(), keys.String())
	for _, report := range []any{log, trail, money, keys} {
		t.Log(report)
	}
}
