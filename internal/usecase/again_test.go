package usecase_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// A command that takes an idempotency key says how a repeated call gets the first result, and gives no secret,
// or the program does not start.
func TestDeclare_AKeyNeedsAWayToReadAgain(t *testing.T) {
	t.Parallel()
	type made struct {
		Tokens []struct{ Secret hmstype.Secret }
	}
	key := func(in countInput) string { return in.IdempotencyKey }
	for name, declare := range map[string]func(){
		"no way to read": func() {
			usecase.Command[countInput, int64]{Name: "test.blind", Key: key}.Declare()
		},
		"a field that nobody reads": func() {
			usecase.Command[countInput, int64]{Name: "test.deaf"}.Declare()
		},
		"a key from nowhere": func() {
			usecase.Command[usecase.None, int64]{
				Name: "test.keyless", Key: func(usecase.None) string { return "k" }, Again: opCount.Again,
			}.Declare()
		},
		"a secret": func() {
			usecase.Command[countInput, made]{
				Name: "test.secret", Key: key,
				Again: usecase.ReadAgain(func(made) hmstype.UserID { return hmstype.UserID{} },
					func(context.Context, dbx.DB, usecase.ByID[hmstype.UserID]) (made, error) { return made{}, nil }),
			}.Declare()
		},
	} {
		require.Panics(t, declare, name)
	}
	for _, info := range usecase.Declared() {
		require.NotContains(t, []string{"test.blind", "test.deaf", "test.keyless", "test.secret"}, info.Name)
	}
}
