package inbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// TestTaskTransitions_EveryPair walks every pair of states in the database, as superuser: it
// allows exactly what the table in Go does.
func TestTaskTransitions_EveryPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "task", inbox.TaskTransitions.Pairs())
	nurse := b.User(t, identity.RoleNurse).ID
	states := inbox.TaskTransitions.States()
	require.Len(t, states, 12, "those of FHIR R4")
	over := `CASE WHEN ?1 IN ('rejected', 'cancelled', 'failed', 'completed', 'entered-in-error') THEN now() END`
	for _, from := range states {
		for _, to := range states {
			if from == to {
				continue
			}
			id := hmstype.NewID[hmstype.TaskID]()
			_, err := b.DB.NewRaw(`INSERT INTO hms.task (tenant_id, id, status, priority, title, outcome, sealed_for, owner_id,
				sort_at, created_by, created_at, ended_at)
				VALUES (?2, ?0, ?1, 'routine', 'x', 'x', ?2, ?3, '9999-12-31 00:00:00+00', 'x', now(),
				`+over+`)`, id, from, b.Tenant, nurse).Exec(t.Context())
			require.NoError(t, err, "%s", from)
			_, err = b.DB.NewRaw(
				`UPDATE hms.task SET status = ?1, ended_at = `+over+` WHERE tenant_id = ?2 AND id = ?0`, id, to, b.Tenant,
			).Exec(t.Context())
			if inbox.TaskTransitions.Allows(from, to) {
				require.NoError(t, err, "%s>%s", from, to)
			} else {
				require.Equal(t, "HM001", dbx.SQLState(err), "%s>%s", from, to)
			}
		}
	}
}

// waysTo is the way to each state, from a draft that the actor has asked himself for.
var waysTo = map[inbox.TaskStatus][]string{
	"draft": {}, "requested": {"requested"}, "received": {"requested", "received"}, "accepted": {"requested", "accepted"},
	"ready": {"requested", "accepted", "ready"}, "in-progress": {"requested", "accepted", "in-progress"},
	"on-hold":   {"requested", "accepted", "in-progress", "on-hold"},
	"completed": {"requested", "accepted", "in-progress", "completed"},
	"failed":    {"requested", "accepted", "in-progress", "failed"},
	"rejected":  {"requested", "rejected"}, "cancelled": {"cancelled"}, "entered-in-error": {"entered-in-error"},
}

// The same walk by the service, from every state to every other.
func TestTaskSteps_EveryPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse, identity.RoleAdmin)
	steps := map[string]func(context.Context, inbox.Task) (inbox.Task, error){
		"requested": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.RequestTask(ctx, inbox.RequestTaskInput(step(task)))
		},
		"received": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.ReceiveTask(ctx, inbox.ReceiveTaskInput(step(task)))
		},
		"accepted": func(ctx context.Context, task inbox.Task) (inbox.Task, error) { return b.ClaimTask(ctx, task.ID) },
		"ready": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.ReadyTask(ctx, inbox.ReadyTaskInput(step(task)))
		},
		"on-hold": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.HoldTask(ctx, inbox.HoldTaskInput(step(task)))
		},
		"completed": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.CompleteTask(ctx, done(task))
		},
		"failed": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.FailTask(ctx, inbox.FailTaskInput(end(task)))
		},
		"rejected": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.RejectTask(ctx, inbox.RejectTaskInput(end(task)))
		},
		"cancelled": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.CancelTask(ctx, inbox.CancelTaskInput(end(task)))
		},
		"entered-in-error": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			return b.EnterTaskInError(ctx, inbox.EnterTaskInErrorInput(end(task)))
		},
		"in-progress": func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
			if task.Status == inbox.TaskOnHold {
				return b.ResumeTask(ctx, inbox.ResumeTaskInput(step(task)))
			}
			return b.StartTask(ctx, inbox.StartTaskInput(step(task)))
		},
	}
	for from, way := range waysTo {
		for to, take := range steps {
			t.Run(string(from)+">"+to, func(t *testing.T) {
				t.Parallel()
				task := must(t)(
					b.CreateTask(nurse, inbox.CreateTaskInput{
						To: inbox.Recipient{User: nurseID}, TaskDetails: inbox.TaskDetails{Title: "x"}, Draft: true,
					}),
				)
				for _, s := range way {
					task = must(t)(steps[s](nurse, task))
				}
				require.Equal(t, from, task.Status)
				after, err := take(nurse, task)
				switch {
				case inbox.TaskTransitions.Allows(from, inbox.TaskStatus(to)):
					require.NoError(t, err)
					require.Equal(t, inbox.TaskStatus(to), after.Status)
					require.Equal(t, task.Version+1, after.Version)
				case to == "accepted" && !from.Ended() && from != inbox.TaskDraft:
					require.NoError(t, err, "who has it has it")
					require.Equal(t, task, after)
				default:
					require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
				}
			})
		}
	}
	t.Run("OnlyWhatIsOnHoldResumes", func(t *testing.T) {
		t.Parallel()
		task := b.ask(t, inbox.Recipient{User: nurseID})
		task = must(t)(b.ClaimTask(nurse, task.ID))
		_, err := b.ResumeTask(nurse, inbox.ResumeTaskInput(step(task)))
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
		task = must(t)(
			b.HoldTask(nurse, inbox.HoldTaskInput(step(must(t)(b.StartTask(nurse, inbox.StartTaskInput(step(task))))))),
		)
		_, err = b.StartTask(nurse, inbox.StartTaskInput(step(task)))
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	})
}

// Whatever is done with a task, in whatever order: it is in a state that follows from its
// history, it has an owner where somebody works on it, and the trail explains the row.
func TestTask_HistoryExplainsTheState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, firstID := b.person(t, identity.RoleNurse)
	second, _ := b.person(t, identity.RoleNurse)
	rapid.Check(t, func(rt *rapid.T) {
		task, err := b.CreateTask(b.Ctx, inbox.CreateTaskInput{
			To: toRole(identity.RoleNurse), TaskDetails: inbox.TaskDetails{Title: "x"},
		})
		require.NoError(rt, err)
		acts := []func(context.Context, inbox.Task) (inbox.Task, error){
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.ReceiveTask(ctx, inbox.ReceiveTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) { return b.ClaimTask(ctx, task.ID) },
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.ReadyTask(ctx, inbox.ReadyTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.StartTask(ctx, inbox.StartTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.HoldTask(ctx, inbox.HoldTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.ResumeTask(ctx, inbox.ResumeTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.ReleaseTask(ctx, inbox.ReleaseTaskInput(step(task)))
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) {
				return b.ReassignTask(ctx, inbox.ReassignTaskInput{ID: task.ID, Version: task.Version, To: to(firstID)})
			},
			func(ctx context.Context, task inbox.Task) (inbox.Task, error) { return b.CompleteTask(ctx, done(task)) },
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			ctx := []context.Context{first, second}[rapid.IntRange(0, 1).Draw(rt, "who")]
			if after, err := acts[rapid.IntRange(0, len(acts)-1).Draw(rt, "act")](ctx, task); err == nil {
				task = after
			}
		}
		history, err := b.GetTaskHistory(b.Ctx, task.ID)
		require.NoError(rt, err)
		require.Len(rt, history, int(task.Version), "a step per version")
		for i, entry := range history[1:] {
			require.Equal(rt, history[i].To, entry.From)
			require.True(rt, entry.From == entry.To || inbox.TaskTransitions.Allows(entry.From, entry.To))
		}
		last := history[len(history)-1]
		require.Equal(rt, last.To, task.Status)
		require.Equal(rt, last.Owner, task.Owner)
		if task.Status != inbox.TaskRequested && task.Status != inbox.TaskReceived {
			require.False(rt, task.Owner.IsZero())
		}
	})
	report := dbtest.Scalar[int64](
		t, b.Env, `SELECT untold + unexplained + vanished FROM hms.audit_verify(?, 'task')`, b.Tenant,
	)
	require.Zero(t, report)
}

// TestTask_Guards tries by SQL, as superuser, what must never be.
func TestTask_Guards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, _ := b.person(t, identity.RoleNurse)
	thief := b.User(t, identity.RoleNurse).ID
	waiting := b.ask(t, toRole(identity.RoleNurse))
	taken := must(t)(b.ClaimTask(nurse, b.ask(t, toRole(identity.RoleNurse)).ID))
	for name, tt := range map[string]struct {
		state, query string
		id           hmstype.TaskID
	}{
		"Stolen":        {"HM701", `UPDATE hms.task SET owner_id = ?1 WHERE id = ?0`, taken.ID},
		"LetGo":         {"HM701", `UPDATE hms.task SET owner_id = NULL, claimed_at = NULL WHERE id = ?0`, taken.ID},
		"TakenByNobody": {"23514", `UPDATE hms.task SET status = 'accepted' WHERE id = ?0`, waiting.ID},
		"Nobodys":       {"23514", `UPDATE hms.task SET role_id = NULL WHERE id = ?0`, waiting.ID},
		"CompletedWithout": {
			"23514",
			`UPDATE hms.task SET status = 'in-progress' WHERE id = ?0; UPDATE hms.task SET status = 'completed', ended_at = now()
				WHERE id = ?0`,
			taken.ID,
		},
		"EndedOpen":          {"23514", `UPDATE hms.task SET ended_at = now() WHERE id = ?0`, waiting.ID},
		"CancelledUnended":   {"23514", `UPDATE hms.task SET status = 'cancelled' WHERE id = ?0`, waiting.ID},
		"ElsewhereInTheList": {"23514", `UPDATE hms.task SET sort_at = now() WHERE id = ?0`, waiting.ID},
		"EscalatedUnheard":   {"23514", `UPDATE hms.task SET escalation_level = 1 WHERE id = ?0`, waiting.ID},
		"EscalatesUndated":   {"23514", `UPDATE hms.task SET escalate_at = now() WHERE id = ?0`, waiting.ID},
		"HistoryChanged":     {"HM002", `UPDATE hms.task_history SET actor = 'x' WHERE task_id = ?0`, waiting.ID},
		"HistoryRemoved":     {"HM002", `DELETE FROM hms.task_history WHERE task_id = ?0`, waiting.ID},
		"HistoryUnreasoned": {
			"23514",
			`INSERT INTO hms.task_history SELECT tenant_id, gen_random_uuid(), task_id, 9, patient_id, sealed_for, from_status,
				'cancelled', owner_id, role_id, '', actor, at FROM hms.task_history WHERE task_id = ?0`,
			waiting.ID,
		},
		"HistoryTwice": {
			"23505",
			`INSERT INTO hms.task_history SELECT tenant_id, gen_random_uuid(), task_id, version, patient_id, sealed_for,
				from_status, to_status, owner_id, role_id, reason, actor, at FROM hms.task_history WHERE task_id = ?0`,
			waiting.ID,
		},
		"HistoryOfAnotherKey": {
			"23514",
			`INSERT INTO hms.task_history SELECT tenant_id, gen_random_uuid(), task_id, 9, patient_id, gen_random_uuid(),
				from_status, to_status, owner_id, role_id, reason, actor, at FROM hms.task_history WHERE task_id = ?0`,
			waiting.ID,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.DB.NewRaw(tt.query, tt.id, thief).Exec(t.Context())
			require.Equal(t, tt.state, dbx.SQLState(err), "%v", err)
			require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(dbx.Map(err)))
		})
	}
	anew := must(t)(b.ClaimTask(nurse, b.ask(t, toRole(identity.RoleNurse)).ID))
	_, err := b.DB.NewRaw(
		`UPDATE hms.task SET owner_id = ?1, claimed_at = NULL, status = 'requested' WHERE id = ?0`, anew.ID, thief,
	).Exec(t.Context())
	require.NoError(t, err, "asked for anew it may be anybody's")
}
