package dbtest

import (
	"context"
	"fmt"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

const eventsOfUseCase = `SELECT count(*) FROM hms.audit_event
	WHERE tenant_id = $1 AND operation = $2 AND xid = pg_current_xact_id_if_assigned()`

// RequireEvent is the probe of every test's services: a use case that succeeds must have left
// an event on the trail in its own transaction, unless its declaration says why not. So each test of a use case is
// a test of its trail, too; [Main] sees to it that there is one.
func RequireEvent(ctx context.Context, db dbx.DB, op usecase.Op) error {
	info := declaredAs(op.Name)
	if info.Quiet != "" {
		noteSuccess(op.Name)
		return nil
	}
	var n int
	if err := db.QueryRow(ctx, eventsOfUseCase, db.Tenant(), op.Name).Scan(&n); err != nil {
		return err
	}
	if info.MayBeIdle != "" && n == 0 {
		return nil
	}
	if n == 0 {
		return fmt.Errorf("%s left no event on the audit trail", op.Name)
	}
	if err := requireShown(ctx, db, op, info); err != nil {
		return err
	}
	noteSuccess(op.Name)
	return nil
}

// requireShown holds that every patient whom the result shows has an event of this transaction.
func requireShown(ctx context.Context, db dbx.DB, op usecase.Op, info usecase.Info) error {
	for _, patient := range op.Shown {
		var n int
		err := db.QueryRow(ctx, `SELECT count(*) FROM hms.audit_event
			WHERE tenant_id = $1 AND patient_id = $2 AND xid = pg_current_xact_id_if_assigned()`, db.Tenant(), patient).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 && info.MayBeIdle == "" {
			return fmt.Errorf("%s shows data of a patient of whom it left no event", op.Name)
		}
	}
	return nil
}

func declaredAs(name string) usecase.Info {
	for _, info := range usecase.Declared() {
		if info.Name == name {
			return info
		}
	}
	return usecase.Info{}
}
