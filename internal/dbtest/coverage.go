package dbtest

import (
	"context"
	"fmt"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// LeavesNoEvent are the use cases that may leave nothing on the audit trail, and why.
var LeavesNoEvent = map[string]string{
	"audit.seal":               "the signed checkpoint is its own record; an event of each seal would want another seal",
	"audit.retention_policies": "rules, nobody's data",
	"identity.login":           "counts the attempt first; the outcome is recorded by its second half",
	"outbox.purge":             "removes rows that were delivered; the deeds that they tell of are on the trail",
	"outbox.relay":             "marks what was delivered; the events tell of deeds that are on the trail",

	"identity.end_break_glass":   "a grant that is over already stays as it is",
	"appointment.no_show_sweep":  "may find nothing to do",
	"facility.post_bed_days":     "may find nothing to do",
	"lab.escalate_critical":      "may find nothing to do",
	"billing.verify":             "sums only",
	"facility.verify":            "sums only",
	"pharmacy.verify":            "sums only",
	"clinical.verify":            "sums only",
	"billing.balances":           "sums only",
	"billing.day_summary":        "sums only",
	"billing.payer_mix":          "sums only",
	"billing.revenue_by_day":     "sums only",
	"billing.receivables_ageing": "sums only",
	"facility.census":            "counts only",
	"lab.turnaround_times":       "figures only",
	"billing.prices":             "a catalogue, nobody's data",
	"billing.service_items":      "a catalogue, nobody's data",
	"lab.test":                   "a catalogue, nobody's data",
	"lab.tests":                  "a catalogue, nobody's data",
	"lab.reference_ranges":       "a catalogue, nobody's data",
	"pharmacy.shelf":             "stock, nobody's data",
	"pharmacy.item":              "a catalogue, nobody's data",
	"pharmacy.items":             "a catalogue, nobody's data",
	"facility.beds":              "beds, not who lies in them",
	"identity.api_keys":          "accounts, no patient's data",
	"identity.roles":             "accounts, no patient's data",
	"identity.sessions":          "accounts, no patient's data",
	"identity.tenant":            "accounts, no patient's data",
	"identity.user":              "accounts, no patient's data",
	"identity.users":             "accounts, no patient's data",
}

const eventsOfDeed = `SELECT count(*) FROM hms.audit_event
	WHERE tenant_id = $1 AND operation = $2 AND xid = pg_current_xact_id_if_assigned() AND recorded_at > clock_timestamp() - interval '1 hour'`

// RequireEvent is the probe of every test's services: a use case that succeeds must have left
// an event on the trail in its own transaction, unless [LeavesNoEvent] says why not. So each
// test of a use case is a test of its trail, too.
func RequireEvent(ctx context.Context, db dbx.DB, op service.Op) error {
	if _, ok := LeavesNoEvent[op.Name]; ok {
		return nil
	}
	var n int
	if err := db.QueryRow(ctx, eventsOfDeed, db.Tenant(), op.Name).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%s left no event on the audit trail", op.Name)
	}
	return nil
}
