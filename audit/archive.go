package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ArchiveConfig is what archiving needs of the host; hms fills it in.
type ArchiveConfig struct {
	Log LogConfig
	Now func() time.Time // required
}

// ArchiveInput says which month, where to, and whether in earnest.
type ArchiveInput struct {
	Month Month  // required, "2006-01"
	By    string // who does it, as the trail shall name him: "system:<By>"; required, 1 to 100 characters
	Sink  Sink   // required to purge
	// Purge drops the month's events after they were archived. Without it nothing is written
	// anywhere: the report tells what would happen.
	Purge bool
}

// Validate implements the rules above.
func (in ArchiveInput) Validate() error {
	var v hmstype.Validator
	_, _, err := in.Month.Bounds()
	v.Check(err == nil, "month", "must be a month YYYY-MM")
	v.Text(in.By, "by", 1, 100)
	v.Required(in.Sink != nil || !in.Purge, "sink")
	return v.Err()
}

// TenantMonth is one tenant's part of a month, and what became of it.
type TenantMonth struct {
	Tenant hmstype.TenantID
	RetentionMonth
	Archive string    // the archive's name in the sink; empty for a report
	Sum     tlog.Hash // SHA-256 of the archive
}

// ArchiveReport tells what was done, or would be.
type ArchiveReport struct {
	Month   Month
	Purged  bool          // the events are archived and dropped
	Tenants []TenantMonth // those with events in the month, by id
}

// ArchiveMonth archives one month of the trail, of all tenants, and drops it. That is the
// installation's deed and no tenant's: the login must be a member of hms_owner, as for
// migrations, and no actor is asked for. It reports only, unless in.Purge.
//
// It refuses ([RetainedError]) unless, for every tenant with events in the month, the month is
// over and the longest period of its categories has passed, by the host's clock and by the
// database's; no legal hold concerns its events; and every event is sealed and there. Then each
// tenant gets an archive of its own, which package proof verifies; it is closed, read back from
// the store and verified before anything is dropped ([ErrArchive]). The signed records of the
// purge, the events that tell of it and the dropping of the partition are one transaction:
// whatever fails before its commit leaves the trail as it was, and archives without use.
// Policies and holds are asked again at its end, so that one that comes in the meantime counts.
//
// Writers wait only for the end. Reading the whole trail (VerifyLog, Verify) and archiving get
// in each other's way: run them in turn. [ErrNoPartition], [ErrNoSigner], [ErrLogDamaged].
func ArchiveMonth(ctx context.Context, db *bun.DB, config ArchiveConfig, in ArchiveInput) (ArchiveReport, error) {
	report, err := archiveMonth(ctx, db, config, in)
	if err = dbx.Map(err); err != nil {
		return report, &hmstype.Error{Op: archiveOp, Err: err}
	}
	return report, nil
}

const archiveOp = "audit.archive_month"

func archiveMonth(ctx context.Context, db *bun.DB, config ArchiveConfig, in ArchiveInput) (ArchiveReport, error) {
	report := ArchiveReport{Month: in.Month}
	if err := in.Validate(); err != nil {
		return report, err
	}
	if err := config.Log.Validate(); err != nil {
		return report, err
	}
	if in.Purge && config.Log.Signer == nil {
		return report, ErrNoSigner
	}
	a := &archiver{log: config.Log.withDefaults(), in: in}
	var err error
	if a.from, a.to, err = in.Month.Bounds(); err != nil {
		return report, err
	}
	handle := dbx.NewHandle(db, dbx.Options{Now: config.Now})
	if err := a.survey(ctx, handle); err != nil {
		return report, err
	}
	err = handle.AsOwner(ctx, archiveOp, in.By, a.run)
	for _, t := range a.tenants {
		report.Tenants = append(report.Tenants, t.TenantMonth)
	}
	report.Purged = in.Purge && err == nil
	return report, err
}

// archiver is the state of one month's archiving.
type archiver struct {
	log      LogConfig
	in       ArchiveInput
	from, to time.Time
	part     string // the month's partition
	tenants  []*tenantPart
}

// tenantPart is one tenant's part of the month.
type tenantPart struct {
	TenantMonth
	purge proof.Purge
}

// run works in one transaction. Until the archives are written it only reads, and so has no
// transaction id that would hold the sealers up.
func (a *archiver) run(ctx context.Context, tx dbx.Owner) error {
	now, err := tx.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	if tx.Now.Before(now) { // a clock that runs ahead must not cost evidence, whichever it is
		now = tx.Now
	}
	if a.in.Purge {
		if err := a.closeMonth(ctx, tx); err != nil {
			return err
		}
	}
	err = a.each(ctx, tx, func(db dbx.DB, t *tenantPart) error {
		list, err := policies(ctx, db)
		if err != nil {
			return err
		}
		t.RetentionMonth, err = monthState(ctx, db, a.in.Month, now, periods(list))
		return err
	})
	if err != nil || !a.in.Purge {
		return err
	}
	if err := a.retained(); err != nil {
		return err
	}
	if err := a.each(ctx, tx, func(db dbx.DB, t *tenantPart) error { return a.archive(ctx, db, t) }); err != nil {
		return err
	}
	return a.purge(ctx, tx, now)
}

// each turns to the tenants one after another.
func (a *archiver) each(ctx context.Context, tx dbx.Owner, fn func(dbx.DB, *tenantPart) error) error {
	for _, t := range a.tenants {
		db, err := tx.Tenant(ctx, t.Tenant)
		if err != nil {
			return err
		}
		if err := fn(db, t); err != nil {
			return err
		}
	}
	return nil
}

// retained refuses where something stands in the way.
func (a *archiver) retained() error {
	refusal := &RetainedError{Month: a.in.Month}
	for _, t := range a.tenants {
		if len(t.Obstacles) > 0 {
			refusal.Tenants = append(refusal.Tenants, t.TenantMonth)
		}
	}
	if len(refusal.Tenants) > 0 {
		return refusal
	}
	return nil
}

// closeMonth makes archivers take turns, whatever their months: two who read the trail and both
// want to lock it would wait for each other. Then it keeps others from writing into the month.
// Reading goes on.
func (a *archiver) closeMonth(ctx context.Context, tx dbx.Owner) error {
	// The store may take its time, which is no reason for the server to end the transaction.
	if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return err
	}
	if err := tx.TakeTurn(ctx, `LOCK TABLE hms.audit_purge IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `LOCK TABLE `+a.part+` IN SHARE ROW EXCLUSIVE MODE`)
	if dbx.SQLState(err) == undefinedTable { // another archiver was faster
		return ErrNoPartition
	}
	return err
}

const undefinedTable = "42P01"

// errRollBack ends a transaction that must leave nothing behind.
var errRollBack = fmt.Errorf("%w: rolled back on purpose", hmstype.ErrPrecondition)
