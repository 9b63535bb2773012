package leak_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Of each sealed column: the database refuses clear text in the place of a ciphertext, whoever writes it; where
// somebody gets past its triggers, nobody takes the text as genuine, Verify counts it, and no re-encryption
// makes it look genuine.
func TestSealedColumns_RefuseClearText(t *testing.T) {
	t.Parallel()
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	env := hmstest.NewOwn(t, day.WithLog(t), func(c *hms.Config) {
		c.KeyEncryptionKey, c.EncryptNarrative = key, true
	})
	fixture.LivedDay(t, env)
	s := searcher{env: env, crypt: fieldcrypt.New(key).WithNarrative(true)}
	clean, err := env.H.Encryption.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, clean.Clean(), "%s", clean)
	require.Equal(t, len(fieldcrypt.Columns()), clean.Columns)
	require.Equal(t, clean.Columns, clean.Finished, "the tenant was sealed from its first day on")

	byGuard := 0
	for _, c := range fieldcrypt.Columns() {
		byGuard += s.requireRefused(t, c)
		s.requireNotGenuine(t, c)
	}
	require.Greater(t, byGuard, 20, "most are refused by the guard, and the rest because their rows never change")
}

// requireRefused replaces ciphertexts of a column, and inserts a row in clear, with the triggers on; it tells how
// many of the two the guard refused.
func (s searcher) requireRefused(t *testing.T, c fieldcrypt.Column) (byGuard int) {
	t.Helper()
	for what, statement := range map[string]string{
		"update": fmt.Sprintf(`UPDATE hms.%s SET %s = 'clear text by hand' WHERE tenant_id = ? AND %s <> ''`,
			c.Table, c.Name, c.Name),
		"insert": fmt.Sprintf(`INSERT INTO hms.%s SELECT (jsonb_populate_record(t, '{"%s": "clear text by hand"}')).*
			FROM hms.%s AS t WHERE t.tenant_id = ? AND t.%s <> ''`, c.Table, c.Name, c.Table, c.Name),
	} {
		_, err := s.env.DB.ExecContext(t.Context(), statement, s.env.Tenant)
		require.Error(t, err, "%s of %s", what, c)
		require.NotContains(t, err.Error(), "SQLSTATE 42", "%s of %s is a statement that could succeed", what, c)
		if strings.Contains(err.Error(), "HM302") {
			byGuard++
		} else {
			t.Logf("%s of %s: %v", what, c, err)
		}
	}
	return byGuard
}

// requireNotGenuine replaces a ciphertext past the triggers, and puts it back.
func (s searcher) requireNotGenuine(t *testing.T, c fieldcrypt.Column) {
	t.Helper()
	var row struct {
		Row, Subject uuid.UUID
		Stored       string
	}
	require.NoError(t, s.env.DB.NewRaw(`SELECT ? AS row, ? AS subject, ? AS stored FROM hms.?
		WHERE tenant_id = ? AND ? <> '' LIMIT 1`, bun.Ident(c.Row), bun.Ident(c.Subject), bun.Ident(c.Name),
		bun.Ident(c.Table), s.env.Tenant, bun.Ident(c.Name)).Scan(t.Context(), &row))
	put := func(text string) {
		_, err := s.env.DB.NewRaw(`SET LOCAL session_replication_role = replica; UPDATE hms.? SET ? = ? WHERE tenant_id = ?
			AND ? = ?`, bun.Ident(c.Table), bun.Ident(c.Name), text, s.env.Tenant, bun.Ident(c.Row), row.Row).Exec(t.Context())
		require.NoError(t, err)
	}
	put("clear text by hand")
	s.inTx(t, func(ctx context.Context, db dbx.DB) error {
		text := "clear text by hand"
		err := s.crypt.OpenTexts(ctx, db, fieldcrypt.Record{
			Subject: row.Subject, Row: row.Row, Parts: []fieldcrypt.Part{{Field: c.Field, Text: &text, Narrative: c.Narrative}},
		})
		require.ErrorIs(t, err, encryption.ErrReplaced, "%s", c)
		return nil
	})
	_, err := s.env.H.Encryption.Reencrypt(s.env.Ctx, encryption.ReencryptInput{Limit: 10_000})
	require.NoError(t, err)
	found, err := s.env.H.Encryption.Verify(s.env.Ctx)
	require.NoError(t, err)
	require.False(t, found.Clean())
	require.Equal(t, int64(1), found.Replaced, "%s", c)
	require.Equal(t, []string{c.String()}, found.In)
	require.Contains(t, found.String(), c.String())
	put(row.Stored)
}
