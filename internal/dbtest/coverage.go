package dbtest

import (
	"context"
	"fmt"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LeavesNoEvent are the use cases that may leave nothing on the audit trail, and why.
var LeavesNoEvent = map[string]string{
	"audit.seal":               "the signed checkpoint is its own record; an event of each seal would want another seal",
	"audit.retention_policies": "rules, nobody's data",

	"audit.export_page":             "goes on with an export that is recorded; it may show no patient's data",
	"identity.count_login":          "counts the attempt; identity.login records how it ended",
	"identity.prove_password":       "a wrong password is recorded, a right one by the deed that it is for",
	"identity.authenticate":         "who asks with every request; what he then does is recorded",
	"identity.my_sessions":          "one's own account, no patient's data",
	"identity.webauthn_credentials": "one's own account, no patient's data",

	"facility.post_bed_days": "the charges that it posts are on the trail",
	"facility.verify":        "sums only",
	"pharmacy.verify":        "sums only",
	"facility.census":        "counts only",
	"pharmacy.shelf":         "stock, nobody's data",
	"pharmacy.item":          "a catalogue, nobody's data",
	"pharmacy.items":         "a catalogue, nobody's data",
	"facility.beds":          "beds, not who lies in them",
	"identity.api_keys":      "accounts, no patient's data",
	"identity.roles":         "accounts, no patient's data",
	"identity.sessions":      "accounts, no patient's data",
	"identity.tenant":        "accounts, no patient's data",
	"identity.user":          "accounts, no patient's data",
	"identity.users":         "accounts, no patient's data",
}

// MayFindNothing are the use cases that leave an event only where there was something to do. At
// least one test must give them that.
var MayFindNothing = map[string]string{
	"identity.end_break_glass": "a grant that is over already stays as it is",
	"identity.revoke_api_key":  "a key that has ended already stays as it is",
}

const eventsOfUseCase = `SELECT count(*) FROM hms.audit_event
	WHERE tenant_id = $1 AND operation = $2 AND xid = pg_current_xact_id_if_assigned()`

// RequireEvent is the probe of every test's services: a use case that succeeds must have left
// an event on the trail in its own transaction, unless [LeavesNoEvent] or [MayFindNothing] says
// why not. So each test of a use case is a test of its trail, too; [Main] sees to it that there is one.
func RequireEvent(ctx context.Context, db dbx.DB, op usecase.Op) error {
	info := declaredAs(op.Name)
	if _, ok := LeavesNoEvent[op.Name]; ok || info.Quiet != "" {
		noteSuccess(op.Name)
		return nil
	}
	var n int
	if err := db.QueryRow(ctx, eventsOfUseCase, db.Tenant(), op.Name).Scan(&n); err != nil {
		return err
	}
	if _, ok := MayFindNothing[op.Name]; (ok || info.MayBeIdle != "") && n == 0 {
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
