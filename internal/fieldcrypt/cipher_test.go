package fieldcrypt_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

const phone, email fieldcrypt.Field = "test.phone", "test.email"

// keysOf gives the keys of subjects, made where there are none.
func keysOf(t *testing.T, env *dbtest.Env, c *fieldcrypt.Cipher, subjects ...uuid.UUID) fieldcrypt.Keys {
	t.Helper()
	var keys fieldcrypt.Keys
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
		keys, err = c.Ensure(ctx, db, subjects...)
		return err
	}))
	return keys
}

func seal(
	t *testing.T, keys fieldcrypt.Keys, subject uuid.UUID, field fieldcrypt.Field, row uuid.UUID, text string,
) string {
	t.Helper()
	stored, err := keys.Seal(subject, field, row, text)
	require.NoError(t, err)
	return stored
}

func TestKeys_SealOpen(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	subject, row := uuid.New(), uuid.New()
	keys := keysOf(t, env, env.Base.Crypt, subject)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		stored, err := keys.Seal(subject, phone, row, text)
		require.NoError(rt, err)
		require.Equal(rt, text == "", stored == "")
		if len(text) > 3 {
			require.NotContains(rt, stored, text)
		}
		opened, err := keys.Open(subject, phone, row, stored)
		require.NoError(rt, err)
		require.Equal(rt, text, opened)
	})

	t.Run("LengthsAreHiddenInSteps", func(t *testing.T) {
		t.Parallel()
		require.Len(
			t, seal(t, keys, subject, phone, row, "a"), len(seal(t, keys, subject, phone, row, strings.Repeat("a", 15))),
		)
	})
	t.Run("TwiceTheSameTextDiffers", func(t *testing.T) {
		t.Parallel()
		first := seal(t, keys, subject, phone, row, "a")
		require.NotEqual(t, first, seal(t, keys, subject, phone, row, "a"))
	})
}

// A ciphertext opens in its own place only: another row, field, person or tenant is refused.
func TestKeys_BoundToTheirPlace(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	crypt := env.Base.Crypt
	ann, ben, row := uuid.New(), uuid.New(), uuid.New()
	keys, theirs := keysOf(t, env, crypt, ann, ben), keysOf(t, other, crypt, ann)
	stored := seal(t, keys, ann, phone, row, "+254 700 000 000")
	for name, open := range map[string]func() (string, error){
		"row":     func() (string, error) { return keys.Open(ann, phone, uuid.New(), stored) },
		"field":   func() (string, error) { return keys.Open(ann, email, row, stored) },
		"subject": func() (string, error) { return keys.Open(ben, phone, row, stored) },
		"tenant":  func() (string, error) { return theirs.Open(ann, phone, row, stored) },
	} {
		_, err := open()
		require.ErrorIs(t, err, fieldcrypt.ErrTampered, name)
	}

	body := stored[strings.LastIndex(stored, ":")+1:]
	raw, err := base64.RawStdEncoding.DecodeString(body)
	require.NoError(t, err)
	for i := range len(raw) * 8 {
		raw[i/8] ^= 1 << (i % 8)
		_, err := keys.Open(ann, phone, row, "hms1:1:"+base64.RawStdEncoding.EncodeToString(raw))
		require.ErrorIs(t, err, fieldcrypt.ErrTampered, "bit %d", i)
		raw[i/8] ^= 1 << (i % 8)
	}
	for _, broken := range []string{"hms1:", "hms1:1", "hms1:x:" + body, "hms1:1:", "hms1:1:%%%", stored[:len(stored)-2]} {
		_, err := keys.Open(ann, phone, row, broken)
		require.ErrorIs(t, err, fieldcrypt.ErrTampered)
	}
	_, err = keys.Open(ann, phone, row, "hms1:7:"+body)
	require.ErrorIs(t, err, fieldcrypt.ErrKeyLost, "a key that is not there")
}

func TestKeys_Index(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	crypt := env.Base.Crypt
	keys, theirs := keysOf(t, env, crypt), keysOf(t, other, crypt)
	token := func(k fieldcrypt.Keys, field fieldcrypt.Field, text string) string {
		got, err := k.Index(field, text)
		require.NoError(t, err)
		return got
	}
	first := token(keys, phone, "254700")
	require.Equal(t, first, token(keys, phone, "254700"))
	require.Len(t, token(keys, phone, "254700"), 32, "128 bits")
	require.NotEqual(t, token(keys, phone, "254700"), token(keys, phone, "254701"))
	require.NotEqual(t, token(keys, phone, "254700"), token(keys, email, "254700"))
	require.NotEqual(t, token(keys, phone, "254700"), token(theirs, phone, "254700"), "tenants share nothing")
	require.Empty(t, token(keys, phone, ""))
}

// erasable gives a patient whose erasure is on record: without that no key is destroyed.
func erasable(t *testing.T, env *dbtest.Env) uuid.UUID {
	t.Helper()
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: uuid.NewString(), Gender: patient.GenderUnknown},
	})
	require.NoError(t, err)
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `INSERT INTO hms.erasure (tenant_id, patient_id, basis, reason, erased_by, erased_at)
			VALUES ($1, $2, 'test', 'test', 'system:test', now())`, db.Tenant(), p.ID)
		return err
	}))
	return p.ID.UUID()
}

func TestCipher_Erase(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	crypt := env.Base.Crypt
	subject, other, row := erasable(t, env), uuid.New(), uuid.New()
	keys := keysOf(t, env, crypt, subject, other)
	stored, theirs := seal(t, keys, subject, phone, row, "secret"), seal(t, keys, other, phone, row, "another's")
	erase := func(ctx context.Context, db dbx.DB) error { return crypt.Erase(ctx, db, subject) }
	require.NoError(t, env.InOperation(t, env.Ctx, "encryption.erase", erase))
	require.NoError(t, env.InOperation(t, env.Ctx, "encryption.erase", erase), "twice is no error")
	require.NoError(t, env.InOperation(t, env.Ctx, "encryption.rotate", func(ctx context.Context, db dbx.DB) error {
		keys, err := crypt.Load(ctx, db, subject, other)
		require.NoError(t, err)
		text, err := keys.Open(subject, phone, row, stored)
		require.NoError(t, err)
		require.Empty(t, text, "at once, whatever was remembered")
		require.True(t, keys.Erased(subject))
		text, err = keys.Open(other, phone, row, theirs)
		require.NoError(t, err)
		require.Equal(t, "another's", text)
		_, err = keys.Seal(subject, phone, row, "new")
		require.ErrorIs(t, err, fieldcrypt.ErrErased)
		_, err = crypt.Ensure(ctx, db, subject)
		require.ErrorIs(t, err, fieldcrypt.ErrErased)
		_, err = crypt.Rotate(ctx, db)
		require.NoError(t, err)
		_, err = crypt.Ensure(ctx, db, subject)
		require.ErrorIs(t, err, fieldcrypt.ErrErased, "a new epoch brings no new key")
		return nil
	}))
}

// Whoever seals while the subject is erased has sealed in vain, or is refused.
func TestCipher_EraseConcurrently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for range 10 {
		subject, row := erasable(t, env), uuid.New()
		sealed := make([]string, 8)
		var wg sync.WaitGroup
		for i := range sealed {
			wg.Go(func() {
				err := env.InOperation(t, env.Ctx, "encryption.erase", func(ctx context.Context, db dbx.DB) error {
					if i == 0 {
						return env.Base.Crypt.Erase(ctx, db, subject)
					}
					keys, err := env.Base.Crypt.Ensure(ctx, db, subject)
					if err == nil {
						sealed[i], err = keys.Seal(subject, phone, row, "secret")
					}
					return err
				})
				if err != nil && !errors.Is(err, fieldcrypt.ErrErased) {
					t.Errorf("seal or erase: %v", err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			keys, err := fieldcrypt.New(env.Key).Load(ctx, db, subject)
			require.NoError(t, err)
			for _, stored := range sealed {
				text, err := keys.Open(subject, phone, row, stored)
				require.NoError(t, err)
				require.Empty(t, text)
			}
			return nil
		}))
	}
}

// Many use cases that meet a new tenant, and a new subject, at once agree on one key.
func TestCipher_EnsureConcurrently(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	subject, row := uuid.New(), uuid.New()
	sealed := make([]string, 16)
	var wg sync.WaitGroup
	for i := range sealed {
		wg.Go(func() {
			_ = env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
				keys, err := fieldcrypt.New(env.Key).Ensure(ctx, db, subject)
				if err == nil {
					sealed[i], err = keys.Seal(subject, phone, row, "one")
				}
				return err
			})
		})
	}
	wg.Wait()
	keys := keysOf(t, env, env.Base.Crypt, subject)
	for _, stored := range sealed {
		text, err := keys.Open(subject, phone, row, stored)
		require.NoError(t, err)
		require.Equal(t, "one", text)
	}
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.data_key WHERE tenant_id = ?`, env.Tenant))
}

func TestCipher_WithoutItsKey(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	subject, row := uuid.New(), uuid.New()
	off := fieldcrypt.New(nil)
	clear := keysOf(t, env, off, subject)
	require.Equal(t, "text", seal(t, clear, subject, phone, row, "text"))
	_, err := clear.Seal(subject, phone, row, "hms1:1:AAAA")
	require.ErrorIs(t, err, hmstype.ErrInvalid, "no text may pass for a ciphertext")
	_, err = clear.Open(subject, phone, row, "hms1:1:AAAA")
	require.ErrorIs(t, err, fieldcrypt.ErrKeyMissing)

	keysOf(t, env, env.Base.Crypt, subject) // from here on the tenant is encrypted
	wrong, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	for want, crypt := range map[error]*fieldcrypt.Cipher{
		fieldcrypt.ErrKeyMissing: fieldcrypt.New(nil), fieldcrypt.ErrKeyWrong: fieldcrypt.New(wrong),
	} {
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := crypt.Load(ctx, db, subject)
			return err
		})
		require.ErrorIs(t, err, want)
	}
}

func TestCipher_Check(t *testing.T) {
	t.Parallel()
	env := dbtest.NewOwn(t)
	wrong, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	require.NoError(t, fieldcrypt.New(nil).Check(t.Context(), env.Base.DB), "nothing is encrypted yet")
	require.NoError(t, fieldcrypt.New(env.Key).Check(t.Context(), env.Base.DB), "leaves its mark")
	require.NoError(t, fieldcrypt.New(env.Key).Check(t.Context(), env.Base.DB))
	require.ErrorIs(t, fieldcrypt.New(nil).Check(t.Context(), env.Base.DB), fieldcrypt.ErrKeyMissing)
	require.ErrorIs(t, fieldcrypt.New(wrong).Check(t.Context(), env.Base.DB), fieldcrypt.ErrKeyWrong)
}

func TestOpenLocalKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.json")
	first, err := fieldcrypt.OpenLocalKey(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	wrapped, err := first.EncryptWithContext(t.Context(), []byte("key"), []byte("tenant"))
	require.NoError(t, err)
	again, err := fieldcrypt.OpenLocalKey(path)
	require.NoError(t, err)
	raw, err := again.DecryptWithContext(t.Context(), wrapped, []byte("tenant"))
	require.NoError(t, err)
	require.Equal(t, []byte("key"), raw)
	_, err = again.DecryptWithContext(t.Context(), wrapped, []byte("another"))
	require.Error(t, err)
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	_, err = fieldcrypt.OpenLocalKey(path)
	require.Error(t, err)
}

func BenchmarkKeys(b *testing.B) {
	env := dbtest.New(b)
	subject, row := uuid.New(), uuid.New()
	var keys fieldcrypt.Keys
	require.NoError(b, env.InTx(b, env.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
		keys, err = env.Base.Crypt.Ensure(ctx, db, subject)
		return err
	}))
	text := strings.Repeat("x", 40)
	stored, err := keys.Seal(subject, phone, row, text)
	require.NoError(b, err)
	for name, fn := range map[string]func() error{
		"Seal":  func() error { _, err := keys.Seal(subject, phone, row, text); return err },
		"Open":  func() error { _, err := keys.Open(subject, phone, row, stored); return err },
		"Index": func() error { _, err := keys.Index(phone, text); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := fn(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What an idempotency key remembers of an input tells nothing to who lacks the tenant's key.
func TestCipher_HashRequest(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	hash := func(env *dbtest.Env, request string) (hash string) {
		require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
			hash, err = env.Base.Crypt.HashRequest(ctx, db, []byte(request))
			return err
		}))
		return hash
	}
	first := hash(env, "a")
	require.Equal(t, first, hash(env, "a"))
	require.NotEqual(t, first, hash(env, "b"))
	require.NotEqual(t, first, hash(other, "a"), "tenants share nothing")
	require.NotContains(t, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", first, "no plain hash")
}
