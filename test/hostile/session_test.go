package hostile_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

// setting is one that any login may change.
type setting struct {
	Name, Vartype, Setting string
	MinVal, MaxVal         string
	Enumvals               []string `bun:",array"`
}

// others gives values, the likelier first, that the setting does not have.
func (s setting) others() []string {
	switch s.Vartype {
	case "bool":
		return []string{map[string]string{"on": "off", "off": "on"}[s.Setting]}
	case "enum":
		return slices.DeleteFunc(slices.Clone(s.Enumvals), func(v string) bool { return v == s.Setting })
	case "integer", "real":
		n, _ := strconv.ParseFloat(s.Setting, 64)
		// Far from nothing: a time limit of a millisecond would end the very statement that takes it back.
		return []string{
			strconv.Itoa(int(n) + 100_000), strconv.Itoa(int(n) + 1), strconv.Itoa(int(n) - 1), s.MinVal, s.MaxVal,
		}
	default:
		return []string{"LATIN1", "GMT-9", "SQL, DMY", "C", "public", "simple", "heap", "pg_default", "x"}
	}
}

// What a session was told for good, by whoever had the connection before, is not in force in our transactions: every
// setting that a login may change is changed, and is found as the connection's string and the login have it.
func TestSession_KeepsNoSetting(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	var all []setting
	require.NoError(t, e.DB.NewRaw(`SELECT name, vartype, setting, min_val, max_val, enumvals FROM pg_settings
		WHERE context = 'user' AND name NOT IN ('role', 'session_authorization', 'seed',
			'transaction_isolation', 'transaction_read_only', 'transaction_deferrable') ORDER BY name`).Scan(t.Context(), &all))
	changed := 0
	current := func(name string) (value string) {
		row := e.DB.DB.QueryRowContext(t.Context(), `SELECT current_setting($1)`, pgx.QueryExecModeExec, name)
		require.NoError(t, row.Scan(&value), name)
		return value
	}
	for _, s := range all {
		before := current(s.Name)
		if !slices.ContainsFunc(s.others(), func(value string) bool {
			return as(t, e, e.Tenant, `SET `+s.Name+` = '`+value+`'`) == nil && current(s.Name) != before
		}) {
			continue // of a value that this test cannot guess, or that the server lets stand
		}
		changed++
		_, err := e.H.Patient.Get(e.Ctx, who.ID)
		if s.Name == "default_transaction_read_only" {
			require.ErrorIs(t, err, hmstype.ErrPrecondition, "BEGIN has read it: the connection is thrown away")
			_, err = e.H.Patient.Get(e.Ctx, who.ID)
		}
		require.NoError(t, err, s.Name)
		require.Equal(t, before, current(s.Name), s.Name)
	}
	t.Logf("%d settings of %d were changed", changed, len(all))
	require.Greater(t, changed, 100)
}

// A connection on which nothing can begin, for a time limit of the session's, say, is not used again.
func TestSession_ThatCannotBeginIsThrownAway(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	require.NoError(t, as(t, e, e.Tenant, `SET default_transaction_isolation = 'serializable'`,
		`SET default_transaction_read_only = on`))
	_, err := e.H.Patient.Get(e.Ctx, who.ID)
	require.ErrorIs(t, err, hmstype.ErrPrecondition)
	_, err = e.H.Patient.Get(e.Ctx, who.ID)
	require.NoError(t, err)
}

// A temporary table that one tenant filled is not there for the next one.
func TestSession_KeepsNoTemporaryTable(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	require.NoError(t, as(t, e, e.Tenant, `CREATE TEMP TABLE patient AS SELECT id, last_name FROM hms.patient`))
	there := `SELECT count(*) FROM pg_catalog.pg_class WHERE relpersistence = 't' AND pg_catalog.pg_table_is_visible(oid)`
	require.Equal(t, 1, count(t, e, there), "the session keeps it")
	_, err := e.H.Patient.Get(e.Ctx, who.ID)
	require.NoError(t, err)
	require.Zero(t, count(t, e, there))
}

// Neither a lock of the session's, for which the migrator of another host would wait, nor a channel that it listens to,
// nor its role is there for the next transaction.
func TestSession_KeepsNoLockNorChannelNorRole(t *testing.T) {
	t.Parallel()
	e := hmstest.NewOwn(t)
	who := e.Patient(t)
	e.DB.SetMaxOpenConns(1)
	require.NoError(t, as(t, e, e.Tenant, `SELECT pg_advisory_lock(4711)`, `LISTEN evil`, `SET ROLE hms_app`))
	_, err := e.H.Patient.Get(e.Ctx, who.ID)
	require.NoError(t, err)
	require.Zero(t, count(t, e, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`))
	require.Zero(t, count(t, e, `SELECT count(*) FROM pg_listening_channels()`))
	require.Zero(t, count(t, e, `SELECT count(*) WHERE current_user = 'hms_app'`))
}

// What a connection's string and a login set stays: it is the host's.
func TestSession_KeepsWhatTheHostConnectsWith(t *testing.T) {
	t.Parallel()
	key := dbtest.New(t).Key
	first := hmstest.NewOwn(t, func(c *hms.Config) { c.KeyEncryptionKey = key })
	who := first.Patient(t)
	sep := "?"
	if strings.Contains(first.DSN, "?") {
		sep = "&"
	}
	db, err := hms.OpenDB(first.DSN + sep + "statement_timeout=54321&TimeZone=Asia/Tokyo")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	h, err := hms.New(db, hms.Config{Now: first.Now, KeyEncryptionKey: key})
	require.NoError(t, err)
	_, err = h.Patient.Get(first.Ctx, who.ID)
	require.NoError(t, err)
	for name, want := range map[string]string{"statement_timeout": "54321ms", "TimeZone": "Asia/Tokyo"} {
		var got string
		require.NoError(t, db.NewRaw(`SELECT current_setting(?)`, name).Scan(t.Context(), &got))
		require.Equal(t, want, got)
	}
}
