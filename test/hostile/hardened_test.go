package hostile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/migrate"
)

// hardened gives an environment whose database is in hardened mode.
func hardened(t *testing.T) (e *hmstest.Env, key hmstype.Secret) {
	t.Helper()
	key, err := hms.NewContextKey()
	require.NoError(t, err)
	e = hmstest.NewOwn(t, func(c *hms.Config) { c.ContextKey = key })
	require.NoError(t, e.H.Harden(t.Context(), key))
	return e, key
}

// injected runs fn in a transaction of ours that entered as an actor, as a hole in a host's SQL would.
func injected(t *testing.T, e *hmstest.Env, key hmstype.Secret, fn func(ctx context.Context, db dbx.DB) error) error {
	t.Helper()
	options := dbx.Options{Now: e.Now}
	if key != "" {
		var err error
		options.ContextKey, err = dbx.ParseContextKey(key)
		require.NoError(t, err)
	}
	handle := dbx.NewHandle(e.DB, options)
	return handle.InTx(e.Ctx, "test.injected", fn)
}

// The wards of a tenant's patients are shut, whatever the transaction is made to say of itself.
func TestHardened_NobodyNamesAnotherTenantOrActor(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	mine := e.Neighbour(t)
	victim := e.Patient(t)
	mine.Patient(t)
	require.Equal(t, 2, count(t, e, `SELECT count(*) FROM hms.patient`))

	var stolen string // what a transaction of the victim's said of itself, to be shown again
	require.NoError(t, injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
		return db.QueryRow(ctx, `SELECT current_setting('hms.context')`).Scan(&stolen)
	}))
	for name, attack := range map[string]struct {
		statement string
		args      []any
	}{
		"the tenant's setting": {`SELECT set_config('hms.tenant', $1, true)`, []any{e.Tenant.String()}},
		"a context made up":    {`SELECT set_config('hms.context', $1, true)`, []any{"system:x\x1f\x1f\x1f\x1f\x1f\x1f"}},
		"a context cut short":  {`SELECT set_config('hms.context', left(current_setting('hms.context'), -1), true)`, nil},
		"a context edited": {`SELECT set_config('hms.context',
			replace(current_setting('hms.context'), $1, $2), true)`, []any{mine.Tenant.String(), e.Tenant.String()}},
		"another's context":          {`SELECT set_config('hms.context', $1, true)`, []any{stolen}},
		"another's context, entered": {`SELECT hms.enter($1)`, []any{stolen}},
		"one's own, entered again":   {`SELECT hms.enter(current_setting('hms.context'))`, nil},
		"a key of one's own":         {`INSERT INTO hms.context_key VALUES ('0000000000000000', '', '')`, nil},
		"the keys":                   {`SELECT count(*) FROM hms.context_key`, nil},
		"a signature":                {`SELECT hms.context_mac($1, 'x')`, []any{stolen}},
		"no context":                 {`SELECT set_config('hms.context', '', true)`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var theirs int
			err := injected(t, mine, key, func(ctx context.Context, db dbx.DB) error {
				if _, err := db.Exec(ctx, attack.statement, attack.args...); err != nil {
					return err
				}
				return db.QueryRow(ctx, `SELECT count(*) FROM hms.patient WHERE tenant_id = $1 OR id = $2`,
					e.Tenant, victim.ID).Scan(&theirs)
			})
			require.Zero(t, theirs, "patients of another tenant")
			if err == nil {
				require.Contains(t, []string{"the tenant's setting", "no context"}, name, "nothing else goes through")
			}
		})
	}
}

// Who acts is believed where it was signed only: what injected SQL writes bears the name of him through whom it
// came.
func TestHardened_NobodyActsAsAnother(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	who := e.Patient(t)
	require.Error(t, injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
		if _, err := db.Exec(ctx, `SELECT set_config('hms.context', 'human:' || hms.uuid_v7(), true)`); err != nil {
			return err
		}
		_, err := db.Exec(ctx, `UPDATE hms.patient SET last_name = 'x' WHERE id = $1`, who.ID)
		return err
	}))
	require.NoError(t, injected(t, e, key, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `UPDATE hms.patient SET first_name = 'x' WHERE id = $1`, who.ID)
		return err
	}))
	require.Equal(t, 1, count(t, e, `SELECT count(*) FROM hms.audit_event WHERE entity = 'patient' AND action = 'update'
		AND operation = 'test.injected' AND actor = 'system:test'`))
}

// A key is exchanged while hosts go on: both are known between.
func TestHarden_ExchangesKeys(t *testing.T) {
	t.Parallel()
	e, old := hardened(t)
	who := e.Patient(t)
	next, err := hms.NewContextKey()
	require.NoError(t, err)
	fresh, err := hms.New(e.DB, hms.Config{Now: e.Now, ContextKey: next, KeyEncryptionKey: nil})
	require.NoError(t, err)
	read := func(h *hms.HMS) error { _, err := h.Patient.Get(e.Ctx, who.ID); return err }
	require.ErrorIs(t, read(fresh), hms.ErrHardened)
	require.NoError(t, e.H.Harden(t.Context(), old, next))
	require.NoError(t, read(e.H))
	require.NotErrorIs(t, read(fresh), hms.ErrHardened)
	require.NoError(t, e.H.Harden(t.Context(), next))
	require.ErrorIs(t, read(e.H), hms.ErrHardened)

	plain, err := hms.New(e.DB, hms.Config{Now: e.Now})
	require.NoError(t, err)
	require.ErrorIs(t, read(plain), hms.ErrHardened, "who signs nothing is not believed")
	require.NoError(t, e.H.Soften(t.Context()))
	require.NoError(t, e.H.Soften(t.Context()), "twice is once")
	require.NotErrorIs(t, read(plain), hms.ErrHardened)
	require.Error(t, read(e.H), "there is nothing to enter by")

	require.ErrorIs(t, e.H.Harden(t.Context()), hmstype.ErrInvalid)
	require.ErrorIs(t, e.H.Harden(t.Context(), old, next, old), hmstype.ErrInvalid)
	require.ErrorIs(t, e.H.Harden(t.Context(), "short"), hmstype.ErrInvalid)
	_, err = hms.New(e.DB, hms.Config{ContextKey: "short"})
	require.Equal(t, "contextKey", hmstype.Fields(err)[0].Path)
}

// Check refuses in hardened mode a login that could undo it, and a database that does not ask for the key.
func TestCheck_Hardened(t *testing.T) {
	t.Parallel()
	e, key := hardened(t)
	require.ErrorContains(t, e.H.Check(t.Context()), "superuser")
	check := func(options, group string) error {
		t.Helper()
		h, err := hms.New(login(t, e, options, group), hms.Config{Now: e.Now, ContextKey: key})
		require.NoError(t, err)
		return h.Check(t.Context())
	}
	require.ErrorContains(t, check("BYPASSRLS", "hms_app"), "BYPASSRLS")
	require.ErrorContains(t, check("", "hms_owner, hms_app"), "hms_owner")
	require.ErrorContains(t, check("CREATEROLE", "hms_app"), "CREATEROLE")
	require.ErrorContains(t, check("", "hms_app, pg_read_all_data"), "pg_read_all_data")
	require.ErrorContains(t, check("", "hms_app, hms_backup"), "hms_backup")
	require.NoError(t, check("", "hms_app"))
	require.NoError(t, e.H.Soften(t.Context()))
	require.ErrorIs(t, check("", "hms_app"), migrate.ErrNotHardened)
}

// login makes a role of the test's own that is a member of others, and connects as it.
func login(t *testing.T, e *hmstest.Env, options, groups string) *bun.DB {
	t.Helper()
	role := "hms_test_" + strings.ReplaceAll(hmstype.NewID[hmstype.UserID]().String(), "-", "")
	password := hmstype.NewID[hmstype.UserID]().String()
	super(t, e, `CREATE ROLE `+role+` LOGIN `+options+` PASSWORD '`+password+`'`, `GRANT `+groups+` TO `+role)
	config, err := pgx.ParseConfig(e.DSN)
	require.NoError(t, err)
	config.User, config.Password = role, password
	db := bun.NewDB(stdlib.OpenDB(*config), pgdialect.New())
	t.Cleanup(func() {
		require.NoError(t, db.Close())
		super(t, e, `DROP ROLE `+role)
	})
	return db
}
