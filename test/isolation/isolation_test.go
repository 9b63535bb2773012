package isolation_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstest/isolation"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// mayBeEmpty are the tables in which a day leaves nothing, and why.
var mayBeEmpty = map[string]string{
	"hms.audit_purge":   "needs a month that is old enough to be purged",
	"hms.tenant_record": "needs the owner, who hands a tenant out, takes it in or deletes it",
}

// Nothing of one tenant's comes through to another that has lived through the same day, and
// has rows of the same names and numbers.
func TestTenant_SeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, day.WithLog(t))
	neighbour := env.Neighbour(t)
	first, second := fixture.LivedDay(t, env), fixture.LivedDay(t, neighbour)
	found := isolation.Require(t, env, neighbour)
	require.Greater(t, found.Checks, 5000)
	require.Greater(t, found.Answered, 150, "the keys themselves were asked")
	for _, table := range found.Empty {
		assert.Contains(t, mayBeEmpty, table, "the day has no row for it: add one")
	}

	for _, d := range []*day.Day{first, second} {
		report, err := env.H.AuditLog.Verify(d.Ctx)
		require.NoError(t, err)
		require.True(t, report.Clean(), "%+v", report)
	}
}

// probe is a testing.TB that only notes a failure.
type probe struct {
	testing.TB
	failed bool
	said   []string
}

func (p *probe) Errorf(format string, args ...any) {
	p.failed = true
	p.said = append(p.said, fmt.Sprintf(format, args...))
}

func (p *probe) FailNow() {
	p.failed = true
	runtime.Goexit()
}

// leaksOf runs the suite and gives the leaks that it found; it must fail exactly where it found some.
func leaksOf(t *testing.T, victim, hostile *hmstest.Env) []string {
	t.Helper()
	p := &probe{TB: t}
	var found isolation.Report
	done := make(chan struct{})
	go func() {
		defer close(done)
		found = isolation.Require(p, victim, hostile)
	}()
	<-done
	require.Len(t, p.said, len(found.Leaks))
	require.Equal(t, len(found.Leaks) > 0, p.failed)
	return found.Leaks
}

// breach is a hole in a guard, and leaks by which it must be found.
type breach struct {
	plant string // $V and $H are the tenants
	leaks []string
}

// make plants the breach as the superuser.
func (b breach) make(t *testing.T, db *bun.DB, victim, hostile *hmstest.Env) {
	t.Helper()
	tenants := strings.NewReplacer("$V", "'"+victim.Tenant.String()+"'", "$H", "'"+hostile.Tenant.String()+"'")
	statements := tenants.Replace(b.plant)
	_, err := db.ExecContext(t.Context(), statements)
	require.NoError(t, err, statements)
}

// breaches are one of each class, each on an object of its own, so that all can be planted at once.
var breaches = []breach{
	{`ALTER TABLE hms.coverage DISABLE ROW LEVEL SECURITY; GRANT UPDATE ON hms.coverage TO hms_app`, []string{
		"hms.coverage: the application's role may change whole rows, or their tenant",
		"hms.coverage: row-level security is not on and forced", "hms.coverage: the hostile tenant reads rows",
		"hms.coverage: the hostile tenant changes rows",
		"hms.coverage: the hostile tenant locks rows", "hms.coverage: the hostile tenant takes rows over",
		"hms.coverage: the hostile tenant moves a row to the victim",
		"hms.coverage: the hostile tenant copies rows out", "hms.coverage: the hostile tenant copies rows in",
		"hms.coverage: an empty tenant reads rows",
		"hms.coverage: the hostile tenant has a condition look at rows before the policy",
		"hms.coverage: the hostile tenant overwrites a row by ON CONFLICT",
		"hms.coverage: shows rows to whoever never set a tenant",
	}},
	{`ALTER TABLE hms.supplier NO FORCE ROW LEVEL SECURITY`, []string{
		"hms.supplier: row-level security is not on and forced",
	}},
	{`DROP POLICY tenant_isolation ON hms.bed`, []string{"hms.bed: its permissive policy is not the tenant's alone"}},
	{`CREATE POLICY open_door ON hms.service_item FOR SELECT USING (true)`, []string{
		"hms.service_item: its permissive policy is not the tenant's alone",
		"hms.service_item: the hostile tenant reads rows of others",
	}},
	{`ALTER POLICY tenant_isolation ON hms.lab_test WITH CHECK (true)`, []string{
		"hms.lab_test: its permissive policy is not the tenant's alone",
		"hms.lab_test: the hostile tenant writes a row in the victim's name",
	}},
	{`DROP POLICY tenant_isolation ON hms.api_key; CREATE POLICY tenant_isolation ON hms.api_key
		USING (tenant_id = coalesce(hms.current_tenant(), $V)) WITH CHECK (tenant_id = hms.current_tenant())`, []string{
		"hms.api_key: its permissive policy is not the tenant's alone", "hms.api_key: an empty tenant reads rows",
	}},
	{`GRANT TRUNCATE ON hms.outbox TO hms_app`, []string{
		"hms.outbox: the application's role may more than rows",
		"hms.outbox: the hostile tenant may TRUNCATE it",
	}},
	{`GRANT REFERENCES ON hms.allergy TO hms_app`, []string{"hms.allergy: the application's role may more than rows"}},
	{`GRANT SELECT ON hms.condition TO hms_app WITH GRANT OPTION`, []string{"hms.condition: may be granted on"}},
	{`GRANT SELECT ON hms.tenant_keyset TO PUBLIC`, []string{"hms.tenant_keyset: is granted to everybody"}},
	{`GRANT SELECT (name) ON hms.role TO PUBLIC`, []string{"hms.role.name: is granted to everybody"}},
	{`GRANT INSERT ON hms.data_key TO hms_backup`, []string{"hms.data_key: may write a backup's source"}},
	{`GRANT SELECT ON hms.audit_event_default TO hms_app`, []string{
		"hms.audit_event_default: can be reached without its parent",
		"hms.audit_event_default: the hostile tenant reads a partition without its parent",
	}},
	{`CREATE TABLE public.leak_part PARTITION OF hms.audit_event
		FOR VALUES FROM ('1990-01-01') TO ('1991-01-01')`, []string{
		"public.leak_part: row-level security is not on and forced",
	}},
	{`CREATE RULE leak_rule AS ON DELETE TO hms.lock DO ALSO NOTHING`, []string{
		"hms.lock: has a rule, which runs as the table's owner",
	}},
	{`CREATE TABLE hms.leak_plain (a int)`, []string{"hms.leak_plain: has no column tenant_id uuid NOT NULL"}},
	{`CREATE TABLE hms.leak_owned (tenant_id uuid, id uuid PRIMARY KEY);
		ALTER TABLE hms.leak_owned OWNER TO hms_app`, []string{
		"hms.leak_owned: belongs to a role that only uses it",
		"hms.leak_owned: its primary key does not begin with the tenant",
		"hms.leak_owned: the hostile tenant may DROP TABLE it CASCADE",
		"hms.leak_owned: the hostile tenant may ALTER TABLE it DISABLE ROW LEVEL SECURITY",
	}},

	// A unique value that ends at no tenant tells another that it is taken; so does an exclusion.
	{`CREATE TABLE hms.leak_code (tenant_id uuid NOT NULL, id uuid NOT NULL, code text,
		CONSTRAINT leak_code_pkey PRIMARY KEY (tenant_id, id),
			CONSTRAINT leak_code_key UNIQUE (code), CONSTRAINT leak_code_excl EXCLUDE USING gist (id WITH =));
		SELECT hms.secure_table('leak_code', 'SELECT, INSERT, DELETE'); GRANT UPDATE ON hms.leak_code TO hms_app;
		INSERT INTO hms.leak_code VALUES ($V, gen_random_uuid(), 'the first code 1001'),
			($H, gen_random_uuid(), 'another code 2002')`, []string{
		"hms.leak_code_key: is unique without beginning with the tenant",
		"hms.leak_code: the hostile tenant uses the values of leak_code_key again",
		"leak_code_excl: excludes rows of other tenants",
		"hms.leak_code: the hostile tenant uses the values of leak_code_excl again",
		"hms.leak_code: the hostile tenant writes the victim's row as its own",
	}},
	{`ALTER TABLE hms.leak_code ADD CONSTRAINT leak_code_id_key UNIQUE (id);
		CREATE TABLE hms.leak_child (tenant_id uuid NOT NULL, id uuid NOT NULL, code_id uuid,
			CONSTRAINT leak_child_pkey PRIMARY KEY (tenant_id, id),
			CONSTRAINT leak_child_fkey FOREIGN KEY (code_id) REFERENCES hms.leak_code (id));
		SELECT hms.secure_table('leak_child', 'SELECT, INSERT, DELETE'); GRANT UPDATE ON hms.leak_child TO hms_app;
		INSERT INTO hms.leak_child VALUES ($H, gen_random_uuid(), NULL)`, []string{
		"leak_child_fkey: is a foreign key that does not begin with the tenant on both sides",
		"hms.leak_child: the hostile tenant points by leak_child_fkey",
		"hms.leak_child: the hostile tenant adds a row that points by leak_child_fkey",
	}},

	{`CREATE VIEW hms.leak_view AS SELECT * FROM hms.patient; GRANT SELECT ON hms.leak_view TO hms_app`, []string{
		"hms.leak_view: is a view that runs as its owner", "hms.leak_view: shows the victim's rows",
	}},
	{`CREATE MATERIALIZED VIEW hms.leak_copy AS SELECT * FROM hms.patient;
		GRANT SELECT ON hms.leak_copy TO hms_app`, []string{
		"hms.leak_copy: is a materialised view", "hms.leak_copy: shows the victim's rows",
	}},
	{`CREATE SEQUENCE hms.leak_number; GRANT USAGE, SELECT ON hms.leak_number TO hms_app`, []string{
		"hms.leak_number: is a sequence", "hms.leak_number: the application's role draws from it",
		"hms.leak_number: the application's role reads it",
	}},

	{`GRANT EXECUTE ON FUNCTION hms.minor_units(text) TO PUBLIC`, []string{
		"hms.minor_units(text): is granted to everybody",
	}},
	{`GRANT EXECUTE ON FUNCTION hms.append_only(text) TO hms_app`, []string{
		"hms.append_only(text): changes schemas, and the application may call it",
	}},
	{`GRANT EXECUTE ON FUNCTION hms.row_diff(jsonb, jsonb) TO hms_backup`, []string{
		"hms.row_diff(jsonb,jsonb): is for the library's own roles",
	}},
	{`CREATE FUNCTION hms.leak_rows() RETURNS SETOF hms.patient
		LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM hms.patient'`, []string{
		"hms.leak_rows(): is granted to everybody", "hms.leak_rows(): runs as its owner without a fixed search_path",
		"hms.leak_rows(): runs as an owner whom row-level security does not bind", "hms.leak_rows(): shows the victim's rows",
	}},
	{`CREATE FUNCTION hms.leak_answer(p_tenant uuid, p_patient uuid) RETURNS boolean LANGUAGE sql SECURITY DEFINER
		SET search_path = ''
		AS 'SELECT EXISTS (SELECT 1 FROM hms.patient WHERE tenant_id = p_tenant AND id = p_patient)'`, []string{
		"hms.leak_answer(uuid,uuid): answers about the victim what it does not answer about nobody",
	}},
	{`CREATE FUNCTION hms.leak_error(p_bill uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
		AS 'BEGIN IF EXISTS (SELECT 1 FROM hms.bill WHERE id = p_bill) THEN RAISE EXCEPTION ''paid''; END IF; END'`, []string{
		"hms.leak_error(uuid): answers about the victim what it does not answer about nobody",
	}},
	{`CREATE FUNCTION hms.leak_write(p_tenant uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = ''
		AS 'UPDATE hms.role SET description = ''Taken'' WHERE tenant_id = p_tenant'`,
		[]string{"hms.leak_write(uuid): changes the victim's rows"}},
	{`CREATE PROCEDURE hms.leak_remove(p_tenant uuid) LANGUAGE sql SECURITY DEFINER SET search_path = ''
		AS 'DELETE FROM hms.patient_token WHERE tenant_id = p_tenant'`,
		[]string{"hms.leak_remove(uuid): changes the victim's rows"}},
	{`CREATE FUNCTION public.leak_like(text, text) RETURNS boolean
		LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1 ILIKE $2'`, []string{
		"public.leak_like(text,text): calls itself leakproof",
	}},

	{`GRANT CREATE ON SCHEMA hms TO hms_app`, []string{
		"hms_app: may create in the schema", "the schema: the application's role creates a table in the schema",
		"the schema: the application's role creates a function in the schema",
		"the schema: the application's role creates a view in the schema",
	}},
	{`GRANT SELECT (last_name) ON hms.user_account TO hms_scheduler`, []string{
		"hms.user_account.last_name: the scheduler sees more than tenants' ids",
	}},
	{`GRANT USAGE ON SCHEMA hms TO PUBLIC`, []string{"the schema hms: is granted to everybody"}},
	{`ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms GRANT SELECT ON TABLES TO PUBLIC`, []string{
		"what will be created in the schema hms: is granted to everybody",
	}},
}

// sideEffects are leaks that name another object than the one that was planted.
var sideEffects = []string{
	"leak_code", "leak_owned_pkey: is unique", "the schema: the application's role creates a sequence in the schema",
	"hms.audit_verify(uuid,text,timestamp with time zone): answers", // it reads the tables that are open now
}

func TestRequire_FindsEachBreach(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, day.WithLog(t))
	neighbour := env.Neighbour(t)
	fixture.LivedDay(t, env)
	fixture.LivedDay(t, neighbour)
	for _, b := range breaches {
		b.make(t, env.DB, env, neighbour)
	}
	found := leaksOf(t, env, neighbour)
	for _, b := range breaches {
		for _, leak := range b.leaks {
			isFound := slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, leak) })
			assert.True(t, isFound || ofSetting(leak), "not found: %s\nby %s", leak, b.plant)
		}
	}
	for _, leak := range found {
		object, _, _ := strings.Cut(leak, ": ")
		planted := slices.ContainsFunc(breaches, func(b breach) bool {
			return slices.ContainsFunc(b.leaks, func(l string) bool { return strings.HasPrefix(l, object+": ") })
		})
		side := slices.ContainsFunc(sideEffects, func(s string) bool { return strings.Contains(leak, s) })
		assert.True(t, planted || side, "a false alarm: %s", leak)
	}
}

// What belongs to the whole server is planted on one of the test's own. The environment is put
// together by hand there, as a host does it that has its own database and migrations.
func TestRequire_OnAHostsOwnServer(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Kind: pgserver.KindLocal})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	victim, hostile := hosted(t, server.DSN("")), hosted(t, server.DSN(""))
	require.Empty(t, leaksOf(t, victim, hostile))
	require.Empty(t, leaksOf(t, asOrdinaryRole(t, victim), hostile), "a host that is no superuser may run it as well")

	for _, b := range []struct {
		breach
		undo string
	}{
		{breach{`GRANT hms_backup TO hms_app; ALTER ROLE hms_app CREATEROLE; ALTER ROLE hms_sealer BYPASSRLS;
			ALTER DATABASE postgres SET hms.tenant = $V`, []string{
			"hms_app in hms_backup: is a member of another role", "hms_app: becomes hms_backup",
			"hms_app: has a power that no guard stops",
			"the schema: the application's role creates a role", "hms_sealer: has a power that no guard stops",
			"hms.audit_event: the sealer reads rows", "hms.patient: shows rows to whoever never set a tenant",
		}}, `REVOKE hms_backup FROM hms_app; ALTER ROLE hms_app NOCREATEROLE; ALTER ROLE hms_sealer NOBYPASSRLS;
			ALTER DATABASE postgres RESET hms.tenant`},
		{breach{`CREATE OR REPLACE FUNCTION hms.current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
			$$ SELECT coalesce(nullif(current_setting('hms.tenant', true), '')::uuid, $V) $$`, []string{
			"hms.patient: an empty tenant reads rows", "hms.patient: shows rows to whoever never set a tenant",
			"the setting: the tenant is still set after a rollback",
		}}, `SELECT 1`},
	} {
		b.make(t, victim.DB, victim, hostile)
		found := leaksOf(t, victim, hostile)
		for _, leak := range b.leaks {
			isFound := slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, leak) })
			assert.True(t, isFound || ofSetting(leak), "not found: %s\nby %s", leak, b.plant)
		}
		_, err := victim.DB.ExecContext(t.Context(), b.undo)
		require.NoError(t, err)
	}
}

// asOrdinaryRole gives the environment over a connection of a role that may only switch.
func asOrdinaryRole(t *testing.T, env *hmstest.Env) *hmstest.Env {
	t.Helper()
	_, err := env.DB.ExecContext(
		t.Context(), `CREATE ROLE host LOGIN; GRANT hms_owner, hms_app, hms_sealer, hms_scheduler TO host`,
	)
	require.NoError(t, err)
	ordinary := *env
	ordinary.DSN = strings.Replace(env.DSN, "postgres://postgres@", "postgres://host@", 1)
	require.NotEqual(t, env.DSN, ordinary.DSN)
	ordinary.DB, err = hms.OpenDB(ordinary.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ordinary.DB.Close()) })
	return &ordinary
}

// hosted gives an environment on a host's own database, with a patient.
func hosted(t *testing.T, dsn string) *hmstest.Env {
	t.Helper()
	db, err := hms.OpenDB(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	h, err := hms.New(db, hms.Config{})
	require.NoError(t, err)
	require.NoError(t, h.Migrate(t.Context()))
	env := &hmstest.Env{H: h, DB: db, DSN: dsn, Tenant: hms.NewTenantID()}
	env.Ctx = hms.WithActor(t.Context(), hms.SystemActor(env.Tenant, "host"))
	_, err = h.Identity.CreateTenant(env.Ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Hospital"},
	})
	require.NoError(t, err)
	env.Patient(t)
	return env
}

// ofSetting tells the leaks by way of a setting, which says nothing in hardened mode.
func ofSetting(leak string) bool {
	return dbtest.Hardened() && (strings.Contains(leak, "an empty tenant") || strings.Contains(leak, "never set a tenant"))
}
