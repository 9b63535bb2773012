package tenant_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/tenant"
)

// group is an installation's configuration, which databases share: keys of the log and of fields.
func group(t *testing.T) func(*hms.Config) {
	t.Helper()
	withLog := day.WithLog(t)
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "witness")
	return func(c *hms.Config) {
		withLog(c)
		witness, err := sealed.NewFileWitness(file, c.AuditLog.Verifiers[0])
		require.NoError(t, err)
		c.AuditLog.Witnesses = []sealed.Witness{witness}
		c.KeyEncryptionKey, c.EncryptNarrative = key, true
	}
}

// tablesOf lists the tables with rows of tenants, as the catalogue has them.
func tablesOf(t *testing.T, db *bun.DB) []string {
	t.Helper()
	return dbtest.Texts(t, db, `SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'hms'::regnamespace
		AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'tenant_record' AND EXISTS (SELECT 1
			FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY 1`)
}

// sums gives a digest of all rows of a tenant, by table; tables without any are absent.
func sums(t *testing.T, db *bun.DB, id hms.TenantID) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range tablesOf(t, db) {
		rows := dbtest.Texts(t, db, `SELECT t::text FROM hms.`+name+` AS t WHERE t.tenant_id = ?`, id)
		if len(rows) == 0 {
			continue
		}
		slices.Sort(rows)
		sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
		found[name] = fmt.Sprint(len(rows), " ", hex.EncodeToString(sum[:8]))
	}
	return found
}

// requireClean holds that everything that can be verified of a tenant is as it should be.
func requireClean(ctx context.Context, t *testing.T, h *hms.HMS) {
	t.Helper()
	type report interface {
		fmt.Stringer
		Clean() bool
	}
	require.NoError(t, h.Check(ctx))
	for name, verify := range map[string]func() (report, error){
		"pharmacy":   func() (report, error) { return h.Pharmacy.Verify(ctx) },
		"billing":    func() (report, error) { return h.Billing.Verify(ctx) },
		"facility":   func() (report, error) { return h.Facility.Verify(ctx) },
		"clinical":   func() (report, error) { return h.Clinical.Verify(ctx) },
		"lab":        func() (report, error) { return h.Lab.VerifyOrders(ctx) },
		"calendar":   func() (report, error) { return h.Scheduling.VerifyCalendar(ctx) },
		"encryption": func() (report, error) { return h.Encryption.Verify(ctx) },
		"trail":      func() (report, error) { return h.AuditLog.Verify(ctx) },
		"log":        func() (report, error) { return h.AuditLog.VerifyLog(ctx) },
	} {
		found, err := verify()
		require.NoError(t, err, name)
		assert.True(t, found.Clean(), "%s: %s", name, found)
	}
}

// recordedByMoves are the tables to which moving a tenant, and sealing, add.
var recordedByMoves = []string{"audit_event", "audit_leaf", "audit_node", "audit_checkpoint", "lock"}

// A tenant that lived a day goes on in another database as if nothing had happened, and leaves nothing in the first.
func TestLibrary_MovesALivedDay(t *testing.T) {
	t.Parallel()
	config := group(t)
	from, to := hmstest.NewOwn(t, config), hmstest.NewOwn(t, config)
	d := fixture.LivedDay(t, from)
	neighbour, stranger := from.Neighbour(t), sums(t, to.DB, to.Tenant)
	require.Len(t, sums(t, from.DB, from.Tenant), len(tablesOf(t, from.DB))-1, "the day purges nothing of its trail, yet")
	store := sealed.NewDirSink(t.TempDir())

	exported, err := from.H.ExportTenant(t.Context(), tenant.ExportInput{
		Tenant: from.Tenant, By: "operator", To: "the other database", Sink: store,
	})
	require.NoError(t, err)
	before := sums(t, from.DB, from.Tenant)
	beside := sums(t, from.DB, neighbour.Tenant)
	require.Len(t, exported.Manifest.Tables, len(tablesOf(t, from.DB)))

	imported, err := to.H.ImportTenant(t.Context(), tenant.ImportInput{
		Tenant: from.Tenant, By: "operator", Source: store, Archive: exported.Archive,
	})
	require.NoError(t, err)
	require.Equal(t, exported.Sum, imported.Sum)
	after := sums(t, to.DB, from.Tenant)
	for _, name := range tablesOf(t, to.DB) {
		if name != "audit_event" {
			assert.Equal(t, before[name], after[name], name)
		}
	}
	require.Equal(t, stranger, sums(t, to.DB, to.Tenant), "another tenant there")

	again, err := to.H.ExportTenant(t.Context(), tenant.ExportInput{
		Tenant: from.Tenant, By: "operator", To: "another database", Sink: store,
	})
	require.NoError(t, err)
	for _, table := range exported.Manifest.Tables {
		if !slices.Contains(recordedByMoves, table.Name) {
			assert.Equal(t, table, again.Manifest.Table(table.Name))
		}
	}

	there := hmstype.WithActor(t.Context(), hmstype.SystemActor(from.Tenant, "test"))
	_, err = to.H.AuditLog.Seal(there, sealed.SealInput{})
	require.NoError(t, err)
	requireClean(there, t, to.H)
	got, err := to.H.Patient.Get(there, d.Who.ID)
	require.NoError(t, err)
	require.Equal(t, d.Who.Email, got.Email, "what was sealed opens there")
	_, err = to.H.Patient.Register(there, patient.RegisterInput{Details: patient.Details{
		LastName: "Moved", Gender: patient.GenderUnknown}})
	require.NoError(t, err, "work goes on")
	_, err = to.H.Audit.ListEventsOfPatient(there, d.Who.ID, hmstype.Page{})
	require.NoError(t, err)

	deleted, err := from.H.DeleteTenant(t.Context(), tenant.DeleteInput{
		Tenant: from.Tenant, By: "operator", Basis: "moved", Archive: exported.Sum, Receipt: imported.Record.Note,
		Delete: true,
	})
	require.NoError(t, err)
	require.True(t, deleted.Deleted)
	require.Empty(t, sums(t, from.DB, from.Tenant), "no row in any table, no key")
	require.Equal(t, beside, sums(t, from.DB, neighbour.Tenant), "another tenant here")
	require.Equal(t, proof.TenantDeleted, deleted.Record.Kind)

	var kinds []proof.TenantRecordKind
	for _, h := range []*hms.HMS{from.H, to.H} {
		for _, r := range records(t, h) {
			require.Equal(t, from.Tenant, r.Tenant)
			require.Equal(t, "system:operator", r.By)
			kinds = append(kinds, r.Kind)
		}
	}
	require.Equal(t, []proof.TenantRecordKind{
		proof.TenantHandedOut, proof.TenantDeleted, proof.TenantMovedIn, proof.TenantHandedOut,
	}, kinds)
}

// records gives all records of an installation, a page of one at a time.
func records(t *testing.T, h *hms.HMS) (all []tenant.Record) {
	t.Helper()
	page := hmstype.Page{Limit: 1}
	for {
		list, err := h.ListTenantRecords(t.Context(), page)
		require.NoError(t, err)
		all = append(all, list.Items...)
		if page.Cursor = list.Next; page.Cursor == "" {
			return all
		}
	}
}
