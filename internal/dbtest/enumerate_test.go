package dbtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/chelal/hms/outbox" // declares its use cases
)

func TestUseCases(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ward.go"), []byte(undeclared), 0o600))
	methods, err := useCases(folder)
	require.NoError(t, err)
	for method, want := range map[string][]string{
		"Open":  {"ward.open"},
		"Name":  {"ward.name"}, // the name is an argument
		"Leave": {"ward.leave"},
		"Clear": {"ward.clear", "ward.count"}, // by alone, and by what it calls
		"Begin": {"ward.begin", "ward.count"},
	} {
		require.Equal(t, want, methods[method], method)
	}
	require.NotContains(t, methods, "Bind", "it runs none")

	methods, err = useCases("../dbx")
	require.NoError(t, err)
	require.Empty(t, methods)
}

// undeclared is a package whose use cases are not declared yet.
const undeclared = `package ward

func (s *Service) Open(ctx context.Context) error { return usecase.Write(ctx, usecase.Op{Name: "ward.open"}) }
func (s *Service) Name(ctx context.Context) error { return s.named(ctx, "ward.name") }
func (s *Service) Leave(ctx context.Context) error { return s.base.Alone(ctx, "ward.leave", nil) }
func (s *Service) Clear(ctx context.Context) error { s.count(ctx); return s.alone(ctx, "ward.clear") }
func (s *Service) Begin(ctx context.Context) error { s.count(ctx); return usecase.Write(ctx, usecase.Op{Name: "ward.begin"}) }
func (s *Service) Bind() *Service { return s }
func (s *Service) named(ctx context.Context, name string) error { return usecase.Write(ctx, usecase.Op{Name: name}) }
func (s *Service) alone(ctx context.Context, op string) error { return s.base.Alone(ctx, op, nil) }
func (s *Service) count(ctx context.Context) { s.alone(ctx, "ward.count") }
`

func TestNotRun(t *testing.T) {
	t.Parallel()
	noteSuccess("outbox.relay")
	missing, err := notRun("../../outbox")
	require.NoError(t, err)
	require.Equal(t, []string{"no test runs outbox.purge with success"}, missing)
}
