package inbox

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// standing is what the actor has to do with a task.
type standing struct {
	owns      bool // the task is his: he took it, or was asked for by name
	addressed bool // he may take it, or turn it down
	steers    bool // he asked for it, hears of it when it is overdue, or manages all tasks
	sees      bool // he may know that there is one
}

// standingOn tells what the actor, who holds these roles now, has to do with a task. wide is
// whether he holds the wider permission of the use case. A task that was escalated is steered
// by the role that it was escalated to as well.
func standingOn(db dbx.DB, row taskRow, roles []hmstype.RoleID, wide bool) standing {
	isOwner := !row.OwnerID.IsZero() && row.OwnerID == db.Actor.User
	isOfRole := contains(roles, row.RoleID)
	asked := row.CreatedBy == db.By()
	alerted := row.EscalationLevel > 0 && contains(roles, row.EscalationRoleID)
	return standing{
		owns:      isOwner,
		addressed: isOwner || (isOfRole && row.OwnerID.IsZero()),
		steers:    asked || alerted || wide,
		sees:      asked || (row.Status != TaskDraft && (isOwner || isOfRole || alerted || wide)),
	}
}

// taskFor reads a task that the actor may see, and what he has to do with it; to others it is
// not found.
func taskFor(
	ctx context.Context, db dbx.DB, id hmstype.TaskID, wide bool, more ...dbx.Apply,
) (taskRow, standing, error) {
	row, err := dbx.Get[taskRow](ctx, db, "task", id, more...)
	if err != nil {
		return row, standing{}, err
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return row, standing{}, err
	}
	st := standingOn(db, row, roles, wide)
	if !st.sees {
		return taskRow{}, standing{}, hmstype.NotFound("task", id)
	}
	return row, st, nil
}
