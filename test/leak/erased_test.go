package leak_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Patients whom nearly every use case was about are erased. Then whoever has all tables, and the host's key,
// opens whatever any key that is left opens: what was sealed of them is nowhere, neither in the rows nor
// in the trail, the outbox, nor what idempotency keys keep.
func TestErasedPatients_AreInNoTableAndUnderNoKey(t *testing.T) {
	t.Parallel()
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	env := hmstest.New(t, day.WithLog(t), func(c *hms.Config) {
		c.KeyEncryptionKey, c.EncryptNarrative = key, true
	})
	d := fixture.LivedDay(t, env)
	s := searcher{env: env, crypt: fieldcrypt.New(key)}

	var erased []hmstype.PatientID
	require.NoError(t, env.DB.NewRaw(`SELECT DISTINCT patient_id FROM hms.break_glass WHERE tenant_id = ?
		UNION SELECT ?`, env.Tenant, d.Who.ID).Scan(t.Context(), &erased))
	values := s.sealedOf(t, erased)
	before, unopened := s.find(t, values)
	require.Empty(t, unopened, "a search that cannot open all that is sealed searches too little")
	for value, column := range values {
		require.NotEmpty(t, before[value], "a search that finds nothing of %s finds nothing", column)
	}
	for _, patient := range erased {
		_, err = env.H.Encryption.Erase(env.Ctx, encryption.EraseInput{
			Patient: patient, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "asked for"},
		})
		require.NoError(t, err)
	}
	after, _ := s.find(t, values)
	for value, where := range after {
		require.Empty(t, where, "what was sealed as %s", values[value])
	}
}

// searcher has all tables, and all keys that can be had.
type searcher struct {
	env   *hmstest.Env
	crypt *fieldcrypt.Cipher
}

// sealedOf opens what is sealed under the keys of patients, by the declared columns: the texts, and the column of
// each. Each column must hold something, but for the accounts'.
func (s searcher) sealedOf(t *testing.T, patients []hmstype.PatientID) map[string]string {
	t.Helper()
	values := map[string]string{}
	s.inTx(t, func(ctx context.Context, db dbx.DB) error {
		subjects := make([]uuid.UUID, len(patients))
		for i, p := range patients {
			subjects[i] = p.UUID()
		}
		keys, err := s.crypt.Load(ctx, db, subjects...)
		require.NoError(t, err)
		for _, c := range fieldcrypt.Columns() {
			if c.Subject == "user_id" {
				continue
			}
			var rows []struct {
				Subject, Row uuid.UUID
				Stored       string
			}
			require.NoError(t, s.env.DB.NewRaw(
				`SELECT ? AS subject, ? AS row, ? AS stored FROM hms.? WHERE tenant_id = ? AND ? IN ? AND ? <> ''`,
				bun.Ident(c.Subject), bun.Ident(c.Row), bun.Ident(c.Name), bun.Ident(c.Table), s.env.Tenant,
				bun.Ident(c.Subject), bun.Tuple(subjects), bun.Ident(c.Name)).Scan(ctx, &rows))
			require.NotEmpty(t, rows, "%s.%s holds nothing of these patients", c.Table, c.Name)
			for _, r := range rows {
				text, err := keys.Open(r.Subject, c.Field, r.Row, r.Stored)
				require.NoError(t, err)
				values[text] = c.Table + "." + c.Name
			}
		}
		return nil
	})
	return values
}

var (
	ciphertext = regexp.MustCompile(`hms1:\d+:[A-Za-z0-9+/]+`)
	anyUUID    = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// find tells in which tables each value is, in clear or under a key that is there; and in which there is a
// ciphertext that no key opens, though its row names nobody who was erased.
func (s searcher) find(t *testing.T, values map[string]string) (found map[string][]string, unopened []string) {
	t.Helper()
	found = map[string][]string{}
	s.inTx(t, func(ctx context.Context, db dbx.DB) error {
		var subjects, gone []uuid.UUID
		require.NoError(t, s.env.DB.NewRaw(`SELECT DISTINCT subject_id FROM hms.data_key
			WHERE tenant_id = ? AND wrapped <> ''`, s.env.Tenant).Scan(ctx, &subjects))
		require.NoError(t, s.env.DB.NewRaw(`SELECT DISTINCT subject_id FROM hms.data_key
			WHERE tenant_id = ? AND wrapped = ''`, s.env.Tenant).Scan(ctx, &gone))
		require.Greater(t, len(subjects), 3)
		keys, err := s.crypt.Load(ctx, db, subjects...)
		require.NoError(t, err)
		for _, table := range s.tables(t) {
			rows := []string{}
			require.NoError(t, s.env.DB.NewRaw(`SELECT to_jsonb(t)::text FROM hms.? AS t WHERE t.tenant_id = ?`,
				bun.Ident(table), s.env.Tenant).Scan(ctx, &rows))
			for _, row := range rows {
				texts, left := opened(keys, subjects, row)
				namesGone := slices.ContainsFunc(gone, func(id uuid.UUID) bool { return strings.Contains(row, id.String()) })
				if left > 0 && !namesGone {
					unopened = append(unopened, table+": "+row)
				}
				everything := row + strings.Join(texts, "\n")
				for value := range values {
					if strings.Contains(everything, value) && !slices.Contains(found[value], table) {
						found[value] = append(found[value], table)
					}
				}
			}
		}
		return nil
	})
	return found, unopened
}

func (s searcher) tables(t *testing.T) []string {
	t.Helper()
	tables := []string{}
	require.NoError(t, s.env.DB.NewRaw(`SELECT c.relname FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms'
		AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname NOT IN ('migration', 'context_key')`).Scan(t.Context(), &tables))
	return tables
}

// opened gives what the keys open of a row, whatever it was sealed as: under any field, and in the name of any row;
// and how many ciphertexts they do not open.
func opened(keys fieldcrypt.Keys, subjects []uuid.UUID, row string) (texts []string, left int) {
	var names []uuid.UUID
	for _, id := range anyUUID.FindAllString(row, -1) {
		if name := uuid.MustParse(id); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, stored := range ciphertext.FindAllString(row, -1) {
		text, ok := openedAs(keys, subjects, names, stored)
		if !ok {
			left++
		}
		texts = append(texts, text)
	}
	return texts, left
}

func openedAs(keys fieldcrypt.Keys, subjects, names []uuid.UUID, stored string) (string, bool) {
	for _, subject := range subjects {
		for _, c := range fieldcrypt.Columns() {
			for _, name := range names {
				if text, err := keys.Open(subject, c.Field, name, stored); err == nil {
					return text, true
				}
			}
		}
	}
	return "", false
}

func (s searcher) inTx(t *testing.T, fn func(context.Context, dbx.DB) error) {
	t.Helper()
	handle := dbx.NewHandle(s.env.DB, dbx.Options{Now: s.env.Now})
	require.NoError(t, handle.InTx(s.env.Ctx, "test", fn))
}
