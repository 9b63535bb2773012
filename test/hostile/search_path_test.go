package hostile_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// Where hms_app may create in a schema of the search path, as in public before PostgreSQL 15, a tenant plants
// functions that others' triggers, defaults and policies would call (the kind of CVE-2018-1058).
func TestShadows_AreNotCalled(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	b := e.Neighbour(t)
	super(t, e, `GRANT CREATE ON SCHEMA public TO PUBLIC`)
	require.NoError(t, as(t, e, b.Tenant,
		`CREATE TABLE public.loot (what text)`,
		`CREATE FUNCTION public.to_jsonb(r record) RETURNS jsonb LANGUAGE plpgsql AS $f$
		BEGIN
			INSERT INTO public.loot VALUES (r::text);
			RETURN pg_catalog.to_jsonb(r) || '{"last_name": "nothing to see"}';
		END $f$`,
		`CREATE FUNCTION public.split_part(text, text, bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'system:nobody' $$`,
		`CREATE FUNCTION public.current_setting(unknown_name text, missing boolean, VARIADIC rest text[] DEFAULT '{}')
			RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$`,
	))
	_, err := e.H.Patient.Register(e.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Victim", Gender: patient.GenderUnknown},
	})
	require.NoError(t, err)
	require.Zero(t, count(t, e, `SELECT count(*) FROM public.loot`), "rows were stolen")
	require.Zero(t, count(t, e, `SELECT count(*) FROM hms.audit_event WHERE changes ->> 'last_name' = 'nothing to see'
		OR actor = 'system:nobody'`), "events were falsified")
}

// The policy asks PostgreSQL's own function, whatever search_path a session has.
func TestShadowOfThePolicysFunction_IsNotCalled(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	e.Patient(t)
	b := e.Neighbour(t)
	super(t, e, `CREATE SCHEMA evil`, `GRANT ALL ON SCHEMA evil TO PUBLIC`)
	require.NoError(t, as(t, e, b.Tenant, `CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text
		LANGUAGE sql STABLE AS $$ SELECT '`+e.Tenant.String()+`' $$`))
	conn, err := e.DB.DB.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	for _, s := range []string{
		"BEGIN", "SET LOCAL ROLE hms_app", "SET LOCAL hms.tenant = '" + b.Tenant.String() + "'",
		"SET LOCAL search_path = evil, pg_catalog",
	} {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
	var n int
	require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT count(*) FROM hms.patient`).Scan(&n))
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	require.NoError(t, err)
	require.Zero(t, n, "patients of another tenant")
}

// A cursor that is held beyond its transaction would show one tenant's rows to the next one that gets the
// connection.
func TestHeldCursor_IsClosedBeforeTheNextTransaction(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	require.NoError(t, as(t, e, e.Tenant,
		`DECLARE loot CURSOR WITH HOLD FOR SELECT id, last_name FROM hms.patient`))
	held := `SELECT count(*) FROM pg_catalog.pg_cursors WHERE is_holdable`
	require.Equal(t, 1, count(t, e, held), "the session keeps it")
	_, err := e.H.Patient.Get(e.Ctx, who.ID)
	require.NoError(t, err)
	require.Zero(t, count(t, e, held))
}

// What a session was told for good does not change what our statements mean.
func TestSessionSettings_DoNotOutlastTheirTransaction(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	b := e.Neighbour(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	require.NoError(t, as(t, e, b.Tenant, `SET hms.tenant = '`+b.Tenant.String()+`'`,
		`SET hms.context = 'system:mallory'`, `SET search_path = public`, `SET standard_conforming_strings = off`))
	got, err := e.H.Patient.Get(e.Ctx, who.ID)
	require.NoError(t, err)
	require.Equal(t, who.ID, got.ID)
	_, err = e.H.Patient.Get(e.Ctx, hmstype.NewID[hmstype.PatientID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	require.Zero(t, count(t, e, `SELECT count(*) FROM hms.audit_event WHERE actor = 'system:mallory'`))
}
