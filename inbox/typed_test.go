package inbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
)

func TestService_CreateTask_RoleTypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, typed := range []string{"lab technician", " LAB\u00a0 Technician", "Lab Tech\u00adnician"} {
		task, err := b.CreateTask(b.Ctx, inbox.CreateTaskInput{
			To: toRole(typed), TaskDetails: inbox.TaskDetails{Title: "Calibrate"},
		})
		require.NoError(t, err, "%q", typed)
		require.Equal(t, identity.RoleLabTechnician, task.Role)
	}
	_, err := b.CreateTask(b.Ctx, inbox.CreateTaskInput{
		To: toRole("\u200b"), TaskDetails: inbox.TaskDetails{Title: "Calibrate"},
	})
	require.Equal(
		t, []hmstype.FieldError{{Path: "to.role", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err),
	)
}
