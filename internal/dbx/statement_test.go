package dbx_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// awkward are texts that a literal, an array's literal or a placeholder would have to escape.
var awkward = []string{``, `'`, `''`, `\`, `\'`, `"`, `{a,"b"}`, `NULL`, `$1`, `?`, `?0`, `?!(`, `ß 漢`, "line\nbreak"}

func inEachMode(t *testing.T, fn func(t *testing.T, ctx context.Context, db dbx.DB)) {
	t.Helper()
	env := dbtest.New(t)
	for name, uncached := range map[string]bool{"Cached": false, "Uncached": true} {
		t.Run(name, func(t *testing.T) {
			h := dbx.NewHandle(env.DB, dbx.Options{Now: env.Clock.Now, UncachedStatements: uncached})
			require.NoError(t, h.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
				fn(t, ctx, db)
				return nil
			}))
		})
	}
}

// What Bun is given comes back as it was, whatever it holds and however the statement is sent.
func TestStatement_ValuesComeBack(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, ctx context.Context, db dbx.DB) {
		type row struct {
			Text   string
			Texts  []string `bun:",array"`
			Bytes  []byte
			JSON   string
			At     time.Time
			Day    time.Time
			Amount decimal.Decimal
			ID     hmstype.PatientID
			Least  int64
			Most   int64
			Yes    bool
			None   *string
			Ratio  float64
			Number int64
		}
		at := time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC)
		id := hmstype.NewID[hmstype.PatientID]()
		for range 7 { // the server may plan anew without the values after five
			for _, text := range awkward {
				var r row
				require.NoError(t, db.NewRaw(`SELECT ?::text AS text, ?::text[] AS texts, ?::bytea AS bytes, ?::jsonb->>'a' AS json,
					?::timestamptz AS at, ?::date AS day, ?::numeric AS amount, ?::uuid AS id, ?::bigint AS least,
					?::bigint AS most, ?::boolean AS yes, ?::text AS none, ?::float8 AS ratio, 10 - ? AS number`,
					text, dbx.Array(awkward), []byte(text), map[string]string{"a": text}, at, hmstype.NewDate(2026, 2, 28),
					decimal.RequireFromString("-0.10"), id, int64(math.MinInt64), int64(math.MaxInt64), true, (*string)(nil),
					0.5, -1).Scan(ctx, &r))
				require.Equal(t, text, r.Text)
				require.Equal(t, awkward, r.Texts)
				require.Equal(t, []byte(text), append([]byte{}, r.Bytes...))
				require.Equal(t, text, r.JSON)
				require.True(t, at.Equal(r.At))
				require.Equal(t, "2026-02-28", r.Day.Format(time.DateOnly))
				require.Equal(t, "-0.1", r.Amount.String())
				require.Equal(t, id, r.ID)
				require.Equal(t, []int64{math.MinInt64, math.MaxInt64, 11}, []int64{r.Least, r.Most, r.Number})
				require.True(t, r.Yes)
				require.Nil(t, r.None)
				require.InDelta(t, 0.5, r.Ratio, 0)
			}
		}
	})
}

func TestArray_NoneAndNoElements(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, ctx context.Context, db dbx.DB) {
		for _, none := range [][]string{nil, {}} {
			var found bool
			require.NoError(t, db.NewRaw(`SELECT 'a' = ANY(?::text[])`, dbx.Array(none)).Scan(ctx, &found))
			require.False(t, found)
		}
		var found, isNull bool
		id := hmstype.NewID[hmstype.UserID]()
		ids := []hmstype.UserID{{}, id}
		require.NoError(t, db.NewRaw(`SELECT ?::uuid = ANY(?::uuid[]), (?::uuid[])[1] IS NULL`, id, dbx.Array(ids),
			dbx.Array(ids)).Scan(ctx, &found, &isNull))
		require.True(t, found && isNull, "a zero id is NULL")
		require.NoError(t, db.NewRaw(`SELECT 3 = ANY(?::int[])`, dbx.Array([]int{1, 3})).Scan(ctx, &found))
		require.True(t, found)
	})
}

// The same query may be sent twice, and one inside another has its values in the other's.
func TestStatement_IsSentAgain(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, ctx context.Context, db dbx.DB) {
		inner := db.NewSelect().ColumnExpr("?::text AS word", "in").Where("? = 'x'", "x")
		q := db.NewSelect().ColumnExpr("?::text || i.word", "out ").TableExpr("(?) AS i", inner).
			Where("?::int = 2", dbx.Number(2))
		for range 2 {
			var text string
			require.NoError(t, q.Scan(ctx, &text))
			require.Equal(t, "out in", text)
		}
		n, err := q.Count(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, int(n))
	})
}

type secretive struct{}

func (secretive) Value() (driver.Value, error) { return nil, errors.New("canary: not storable") }

// A value that cannot be written is not sent, and what it was is not told.
func TestStatement_ErrorsAreNotSent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for _, value := range []any{secretive{}, dbx.Array([]secretive{{}}), dbx.Array([]float64{1})} {
		err := env.Base.DB.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			var text string
			return db.NewRaw(`SELECT ?::text`, value).Scan(ctx, &text)
		})
		require.Equal(t, "42601", dbx.SQLState(err))
		require.NotContains(t, err.Error(), "canary")
	}
}
