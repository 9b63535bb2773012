package dbtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/chelal/hms/outbox" // declares its use cases
)

func TestUseCases(t *testing.T) {
	t.Parallel()
	methods, err := useCases("../../identity")
	require.NoError(t, err)
	for method, want := range map[string][]string{
		"CreateUser":       {"identity.create_user"},
		"AcceptInvitation": {"identity.accept_invitation"}, // the name is an argument
		"Logout":           {"identity.logout"},
		"ChangePassword":   {"identity.change_password", "identity.prove_password"}, // by asSelf, and by what it calls
		"Login":            {"identity.count_login", "identity.login"},
	} {
		require.Equal(t, want, methods[method], method)
	}
	require.NotContains(t, methods, "Bind", "it runs none")

	methods, err = useCases("../dbx")
	require.NoError(t, err)
	require.Empty(t, methods)
}

func TestNotRun(t *testing.T) {
	t.Parallel()
	noteSuccess("outbox.relay")
	missing, err := notRun("../../outbox")
	require.NoError(t, err)
	require.Equal(t, []string{"no test runs outbox.purge with success"}, missing)
}
