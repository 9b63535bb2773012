package sealed_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fingerprint"
)

// blinding keeps the log whole, and yet events are not written, or not shown.
type blinding struct {
	attack     []string
	kind, name string // of the object that betrays it
}

// blindings are those of an administrator with every right.
var blindings = map[string]blinding{
	"AllThreeAuditTriggersDropped": {[]string{
		`DROP TRIGGER patient_audit_insert ON hms.patient`, `DROP TRIGGER patient_audit_update ON hms.patient`,
		`DROP TRIGGER patient_audit_delete ON hms.patient`,
	}, "trigger", "patient.patient_audit_insert"},
	"TriggerFunctionHollowed": {[]string{
		`CREATE OR REPLACE FUNCTION hms.audit_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
	}, "function", "audit_update()"},
	"TriggerRemadeWithWhenFalse": {[]string{
		`DROP TRIGGER patient_audit_update ON hms.patient`,
		`CREATE TRIGGER patient_audit_update AFTER UPDATE ON hms.patient
			REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (false)
			EXECUTE FUNCTION hms.audit_update('patient', 'id', 'id')`,
	}, "trigger", "patient.patient_audit_update"},
	"RecordAccessHollowed": {[]string{
		`CREATE OR REPLACE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text,
			p_patient uuid) RETURNS void LANGUAGE sql AS ''`,
	}, "function", "record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)"},
	"ExtraTriggerSwallowsEvents": {[]string{
		`CREATE FUNCTION hms.zz() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN IF NEW.action = ''read'' THEN RETURN NULL; END IF; RETURN NEW; END'`,
		`GRANT EXECUTE ON FUNCTION hms.zz() TO PUBLIC`,
		`CREATE TRIGGER zz BEFORE INSERT ON hms.audit_event FOR EACH ROW EXECUTE FUNCTION hms.zz()`,
	}, "trigger", "audit_event.zz"},
	"PolicyHidesEventsFromReportsOnly": {[]string{
		`CREATE POLICY zz ON hms.audit_event AS RESTRICTIVE FOR SELECT
			USING (current_setting('hms.operation', true) LIKE 'audit.%' OR action <> 'read')`,
	}, "policy", "audit_event.zz"},
	"SecondPolicyOpensEverything": {[]string{`CREATE POLICY zz ON hms.patient FOR SELECT USING (true)`},
		"policy", "patient.zz"},
	"AppRoleBypassesRLS": {[]string{`ALTER ROLE hms_app BYPASSRLS`}, "role", "hms_app"},
	"CatalogueCheckHollowed": {[]string{ // the one that there was; now nothing of the database's own is asked
		`CREATE FUNCTION hms.audit_catalogue_breaches() RETURNS TABLE (object text, breach text) LANGUAGE sql STABLE AS
			'SELECT NULL::text, NULL::text WHERE false'`,
		`ALTER TABLE hms.patient DISABLE TRIGGER USER`,
	}, "trigger", "patient.patient_audit_delete"},
	"PolicyFunctionReplaced": {[]string{
		`CREATE OR REPLACE FUNCTION hms.current_tenant() RETURNS uuid LANGUAGE sql STABLE AS
			$f$ SELECT coalesce(nullif(current_setting('x.t', true), ''), nullif(current_setting('hms.tenant', true), ''),
				split_part(left(current_setting('hms.context', true), -65), chr(31), 8))::uuid $f$`,
	}, "function", "current_tenant()"},
	"AppMayReadPartitions": {[]string{
		`GRANT SELECT ON hms.audit_event_default TO hms_app`, `ALTER TABLE hms.audit_event_default OWNER TO hms_app`,
	}, "table", "audit_event_default"},
	"RuleSwallowsInserts": {[]string{
		`CREATE RULE zz AS ON INSERT TO hms.audit_event WHERE NEW.action = 'read' DO INSTEAD NOTHING`,
	}, "rule", "audit_event.zz"},
	"AppBecomesOwner": {[]string{`GRANT hms_owner TO hms_app`}, "membership", "hms_app in hms_owner"},
	"HostLoginMayDelete": {[]string{`CREATE ROLE zz_host`, `GRANT DELETE, UPDATE ON hms.audit_event TO zz_host`},
		"right", "table audit_event to other role zz_host"},
	"TriggersOffForTheDatabase": {[]string{
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', current_database()); END $$`,
	}, "setting", "session_replication_role of everybody in the database"},
	"MonthWithoutItsGuard": {[]string{
		`DO $$ BEGIN EXECUTE format('ALTER TABLE hms.%I DISABLE ROW LEVEL SECURITY',
			'audit_event_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY"m"MM')); END $$`,
	}, "table", "audit_event_" + time.Now().UTC().Format("2006m01")},
}

// Each blinding is a finding that names its object. All of it is rolled back: roles are the whole server's.
func TestService_VerifyLogFindsBlindings(t *testing.T) {
	t.Parallel()
	env := dbtest.NewOwn(t)
	env.Base.Probe = nil // what is blind writes no event
	b := newLog(t, env)
	b.record(t, 3)
	b.seal(t)
	b.requireGolden(t)
	require.Empty(t, b.verify(t).Findings, "before")
	for name, tt := range blindings {
		t.Run(name, func(t *testing.T) { // one after the other, in one database
			tx, err := env.DB.BeginTx(t.Context(), &sql.TxOptions{})
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback()) }()
			for _, statement := range tt.attack {
				_, err := tx.Tx.ExecContext(t.Context(), statement)
				require.NoError(t, err, statement)
			}
			base := b.Base
			base.DB = base.DB.Bind(tx)
			report, err := newService(base, b.config).VerifyLog(b.Ctx)
			require.NoError(t, err)
			require.False(t, report.Clean())
			require.True(t, slices.ContainsFunc(report.Findings, func(f sealed.Finding) bool {
				return f.Kind == sealed.FindingCatalogue && f.Object.Kind == tt.kind && f.Object.Name == tt.name
			}), "%v", report.Findings)
		})
	}
	require.Empty(t, b.verify(t).Findings, "after")
}

// requireGolden holds only where what a fresh database has is known of the server's version.
func (b *logBundle) requireGolden(t *testing.T) {
	t.Helper()
	require.True(t, b.verify(t).Catalogue.Compared, "no golden text of this version of PostgreSQL: make golden")
}

// A guard that was off for a while and stands again is told by what checkpoints signed meanwhile.
func TestService_VerifyLogFindsWhatWasPutBack(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	b.config.CatalogueAge = time.Nanosecond
	b.s = newService(b.Base, b.config)
	b.record(t, 3)
	first := b.seal(t)
	b.sql(t, `ALTER TABLE hms.patient DISABLE TRIGGER USER`)
	off, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Equal(t, first.Number+1, off.Number, "a changed catalogue is signed, though there is no event")
	require.NotEqual(t, first.Checkpoint.Catalogue, off.Checkpoint.Catalogue)
	b.sql(t, `ALTER TABLE hms.patient ENABLE TRIGGER USER`)
	on, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.Equal(t, first.Checkpoint.Catalogue, on.Checkpoint.Catalogue)

	report := b.verify(t)
	require.Equal(t, []sealed.FindingKind{sealed.FindingCatalogueChanged}, kinds(report))
	require.Contains(t, report.Findings[0].Detail, fmt.Sprintf("again as then from checkpoint %d of", on.Number))
	require.Len(t, report.Catalogue.Changes, 3, "each is dated")
	require.Equal(t, off.Checkpoint.Time, report.Catalogue.Changes[1].Time)
}

// What a catalogue holds of tenants, months and a host's own is no difference; of the host's the report tells.
func TestService_VerifyLogLeavesAHostsOwnAlone(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.NewOwn(t))
	b.requireGolden(t)
	sum := b.verify(t).Catalogue.Fingerprint
	b.User(t)
	b.sql(t, `DO $$ BEGIN SET LOCAL ROLE hms_owner; PERFORM hms.ensure_audit_partitions('2040-01-01', 5); END $$`)
	require.Equal(t, sum, b.verify(t).Catalogue.Fingerprint, "rows and months leave the fingerprint as it is")
	b.sql(t, `CREATE TABLE public.visit (tenant_id uuid, patient_id uuid,
		FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id))`)
	b.sql(t, `CREATE INDEX ours ON hms.patient (tenant_id, birth_date)`)
	b.sql(t, `CREATE VIEW public.patients AS SELECT id FROM hms.patient`)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Contains(t, report.Catalogue.Host,
		"constraint public.visit.visit_tenant_id_patient_id_fkey: refers to patient")
	require.Contains(t, report.Catalogue.Host,
		"plain index patient.ours: CREATE INDEX ours ON hms.patient USING btree (tenant_id, birth_date)")
}

// A binary that meets a newer schema, or an older one, compares nothing and says so.
func TestService_VerifyLogSaysThatItComparedNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ change, says string }{
		"Newer": {`INSERT INTO hms.migration (version, name, checksum, compatible_from)
			VALUES (9999, 'table_next', 'x', 1)`, "the schema is newer: step 9999_table_next"},
		"NewerAndIncompatible": {`INSERT INTO hms.migration (version, name, checksum, compatible_from)
			VALUES (9999, 'table_next', 'x', 9999)`, "it is newer: this version cannot go on after step 9999_table_next"},
		"Older": {`DELETE FROM hms.migration WHERE version = (SELECT max(version) FROM hms.migration)`, "it is older"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLog(t, dbtest.NewOwn(t))
			b.sql(t, tt.change)
			report := b.verify(t)
			require.Equal(t, []sealed.FindingKind{sealed.FindingCatalogueUnknown}, kinds(report))
			require.Contains(t, report.Findings[0].Detail, "not compared: ")
			require.Contains(t, report.Findings[0].Detail, tt.says)
			require.False(t, report.Catalogue.Compared)
			require.Contains(t, report.String(), tt.says)
		})
	}
}

// A server of a version of which no golden text is built in is told of, and nothing else hangs on it.
func TestGolden_OfAnUnknownVersion(t *testing.T) {
	t.Parallel()
	_, ok := fingerprint.Golden(9, fingerprint.Ordinary)
	require.False(t, ok)
	require.Contains(t, fingerprint.Versions(), 15)
	report := sealed.LogReport{Catalogue: sealed.CatalogueReport{NotCompared: "this version knows PostgreSQL [15]"}}
	require.True(t, report.Clean())
	require.Contains(t, report.String(), "the catalogue was not compared: this version knows PostgreSQL [15]")
}
