package tenant_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/tenant"
)

// shelf is a store in memory, whose archives a test may change.
type shelf map[string][]byte

// Create implements [sealed.Sink].
func (s shelf) Create(_ context.Context, name string) (sealed.ArchiveWriter, error) {
	return &onShelf{shelf: s, name: name}, nil
}

// Open implements [sealed.Sink].
func (s shelf) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s[name])), nil
}

type onShelf struct {
	bytes.Buffer
	shelf shelf
	name  string
}

// Close implements [sealed.ArchiveWriter].
func (w *onShelf) Close() error {
	w.shelf[w.name] = w.Bytes()
	return nil
}

// Abort implements [sealed.ArchiveWriter].
func (w *onShelf) Abort() {}

// register makes a patient with an e-mail address, which is sealed.
func register(ctx context.Context, t *testing.T, h *hms.HMS, email string) patient.Patient {
	t.Helper()
	p, err := h.Patient.Register(ctx, patient.RegisterInput{Details: patient.Details{
		LastName: "Doe", Gender: patient.GenderUnknown, Email: email,
	}, OverrideReason: "another one"})
	require.NoError(t, err)
	return p
}

// export makes an archive of the environment's tenant.
func export(t *testing.T, env *hmstest.Env, store sealed.Sink, readable bool) tenant.Exported {
	t.Helper()
	out, err := env.H.ExportTenant(t.Context(), tenant.ExportInput{
		Tenant: env.Tenant, By: "operator", To: "the hospital", Sink: store, Readable: readable,
	})
	require.NoError(t, err)
	return out
}

// An archive that is not what was signed, or does not belong here, is refused, and nothing is written.
func TestLibrary_ImportRefuses(t *testing.T) {
	t.Parallel()
	config := group(t)
	from, to, store := hmstest.NewOwn(t, config), hmstest.NewOwn(t, config), shelf{}
	jane := register(from.Ctx, t, from.H, "jane@example.org")
	whole, readable := export(t, from, store, false), export(t, from, store, true)
	lines := strings.SplitAfter(string(store[whole.Archive]), "\n")
	row := 0
	for i, line := range lines {
		if strings.HasPrefix(line, `{"table":"patient",`) {
			row = i + 1
		}
	}
	require.Contains(t, lines[row], jane.ID.String())
	without := func(from, to int) string { return strings.Join(lines[:from], "") + strings.Join(lines[to:], "") }

	otherKey, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	foreign := hmstest.NewOwn(t, group(t)) // signs by another key
	export(t, foreign, store, false)
	for name, tt := range map[string]struct {
		archive string
		change  func(*hms.Config)
		step    string // SQL in the target
		of      hmstype.TenantID
		want    error
	}{
		"AByte":     {archive: strings.Replace(store.text(whole), "Doe", "Dof", 1), want: proof.ErrArchive},
		"ARow":      {archive: without(row, row+1), want: proof.ErrArchive},
		"ATable":    {archive: without(row-1, row+1), want: proof.ErrArchive},
		"TheEnd":    {archive: without(len(lines)-2, len(lines)), want: proof.ErrArchive},
		"More":      {archive: store.text(whole) + "{}\n", want: proof.ErrArchive},
		"Nothing":   {archive: "", want: proof.ErrArchive},
		"OtherKey":  {archive: store.text(whole), change: group(t), want: proof.ErrTenantManifest},
		"OtherForm": {archive: store.text(readable), want: tenant.ErrReadable},
		"OtherOne":  {archive: store.text(whole), of: to.Tenant, want: tenant.ErrOtherTenant},
		"OtherSteps": {archive: store.text(whole), step: `UPDATE hms.migration SET checksum = checksum || 'x'`,
			want: tenant.ErrOtherSchema},
		"OtherKEK": {archive: store.text(whole), want: fieldcrypt.ErrKeyWrong, change: func(c *hms.Config) {
			config(c)
			c.KeyEncryptionKey = otherKey
		}},
		"There": {archive: store.text(whole), of: from.Tenant, want: tenant.ErrTenantThere,
			step: `INSERT INTO hms.lock (tenant_id, name) VALUES ('` + from.Tenant.String() + `', 'x')`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := to
			if tt.step != "" || tt.change != nil {
				if tt.change == nil {
					tt.change = config
				}
				there = hmstest.NewOwn(t, tt.change)
			}
			if tt.step != "" {
				_, err := there.DB.ExecContext(t.Context(), tt.step)
				require.NoError(t, err)
			}
			of := from.Tenant
			if !tt.of.IsZero() {
				of = tt.of
			}
			before := sums(t, there.DB, of)
			_, err := there.H.ImportTenant(t.Context(), tenant.ImportInput{
				Tenant: of, By: "operator", Source: shelf{"a": []byte(tt.archive)}, Archive: "a",
			})
			require.ErrorIs(t, err, tt.want)
			require.NotContains(t, err.Error(), "Doe")
			require.Equal(t, before, sums(t, there.DB, of))
			require.Empty(t, records(t, there.H))
		})
	}
	_, err = to.H.ImportTenant(t.Context(), tenant.ImportInput{})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = from.H.ExportTenant(t.Context(), tenant.ExportInput{})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = from.H.ExportTenant(t.Context(), tenant.ExportInput{
		Tenant: hmstype.NewID[hmstype.TenantID](), By: "operator", To: "the hospital", Sink: store,
	})
	require.ErrorIs(t, err, tenant.ErrNoTenant)
}

// text gives an archive.
func (s shelf) text(of tenant.Exported) string { return string(s[of.Archive]) }

// An archive that changes between the two readings leaves nothing.
func TestLibrary_ImportReadsTwice(t *testing.T) {
	t.Parallel()
	config := group(t)
	from, to := hmstest.NewOwn(t, config), hmstest.NewOwn(t, config)
	register(from.Ctx, t, from.H, "jane@example.org")
	store := shelf{}
	first := export(t, from, store, false)
	second := export(t, from, store, false)
	_, err := to.H.ImportTenant(t.Context(), tenant.ImportInput{
		Tenant: from.Tenant, By: "operator", Archive: "a",
		Source: &turning{archives: []string{store.text(first), store.text(second)}},
	})
	require.ErrorIs(t, err, proof.ErrArchive)
	require.Empty(t, sums(t, to.DB, from.Tenant))
}

// turning gives another archive each time.
type turning struct {
	shelf
	archives []string
}

// Open implements [sealed.Sink].
func (s *turning) Open(context.Context, string) (io.ReadCloser, error) {
	next := s.archives[0]
	s.archives = s.archives[1:]
	return io.NopCloser(strings.NewReader(next)), nil
}

// What is handed out can be read, and holds nothing by which one could sign in or open what others keep sealed.
func TestLibrary_ExportReadable(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t, group(t))
	d := fixture.LivedDay(t, env)
	store := shelf{}
	out := export(t, env, store, true)
	text := store.text(out)
	require.Contains(t, text, d.Who.Email)
	require.NotContains(t, text, "$argon2id$")
	require.Contains(t, text, `{"name":"user_password","reason":`)
	for line := range strings.Lines(text) {
		if strings.Contains(line, "hms1:") {
			require.Contains(t, line, `"entity":`, "but for what a key that is gone sealed, in the trail")
		}
	}
	for _, left := range []string{
		"data_key", "tenant_keyset", "user_password", "user_totp", "user_recovery_code", "user_session", "user_token",
	} {
		require.Zero(t, out.Manifest.Table(left), left)
	}
	require.Equal(t, int64(5), out.Manifest.Table("patient").Rows)
	verifier, err := note.NewVerifier(
		dbtest.Texts(t, env.DB, `SELECT key FROM hms.audit_record WHERE tenant_id = ?`, env.Tenant)[0])
	require.NoError(t, err)
	m, err := proof.VerifyTenantArchive(strings.NewReader(text), note.VerifierList(verifier))
	require.NoError(t, err)
	require.Equal(t, out.Manifest.Text(), m.Text())
}
