package sealed

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ArchiveMonthInput says which month, where to, and whether in earnest.
type ArchiveMonthInput struct {
	Month Month  // required, "2006-01"
	By    string // who does it, as the trail shall name him: "system:<By>"; required, 1 to 100 characters
	Sink  Sink   // required to purge
	// Purge drops the month's events after they were archived. Without it nothing is written
	// anywhere: the report tells what would happen.
	Purge bool
}

// Validate implements the rules above.
func (in ArchiveMonthInput) Validate() error {
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
// installation's and no tenant's: the login must be a member of hms_owner, as for
// migrations, and no actor is asked for. It reports only, unless in.Purge.
//
// It refuses ([RetainedError]) unless, for every tenant with events in the month, the month is
// over and the longest period of its categories has passed, by the host's clock and by the
// database's; no legal hold concerns its events; and every event is sealed and there. Then each
// tenant gets an archive of its own, which package proof verifies; it is closed, read back from
// the store and verified before anything is dropped ([ErrArchive]). Until then no transaction
// stays open: the store may take its time.
//
// The last transaction asks everything again, under locks, so that a hold, a rule or an event
// that came in the meantime counts. In it stand the signed records of the purge, the events
// that tell of it, and the dropping of the partition: whatever fails before its commit leaves the
// trail as it was, and archives without use. Of two archivers at once one drops the month, and
// the other gets [ErrNoPartition]. Whoever reads the whole trail meanwhile (VerifyLog, Verify) is
// waited for some seconds; then it is hmstype.ErrUnavailable, and may be tried again.
//
// [ErrNoPartition], [ErrNoSigner], [ErrLogDamaged].
func ArchiveMonth(ctx context.Context, h dbx.Handle, config Config, in ArchiveMonthInput) (ArchiveReport, error) {
	report, err := archiveMonth(ctx, h, config, in)
	if err = dbx.Map(err); err != nil {
		return report, &hmstype.Error{Op: archiveOp, Err: err}
	}
	return report, nil
}

const archiveOp = "audit.archive_month"

func archiveMonth(ctx context.Context, h dbx.Handle, config Config, in ArchiveMonthInput) (ArchiveReport, error) {
	report := ArchiveReport{Month: in.Month}
	if err := in.Validate(); err != nil {
		return report, err
	}
	if err := config.Validate(); err != nil {
		return report, err
	}
	if in.Purge && config.Signer == nil {
		return report, ErrNoSigner
	}
	a := &archiver{config: config.withDefaults(), in: in}
	var err error
	if a.from, a.to, err = in.Month.Bounds(); err != nil {
		return report, err
	}
	a.handle = h.Unbound()
	// An archive is the installation's, on a handle of its own, so nobody else can make its port.
	a.trail = audit.NewPort(usecase.Base{DB: a.handle})
	err = a.run(ctx)
	for _, t := range a.tenants {
		report.Tenants = append(report.Tenants, t.TenantMonth)
	}
	report.Purged = in.Purge && err == nil
	return report, err
}

// archiver is the state of one month's archiving.
type archiver struct {
	handle   dbx.Handle
	trail    audit.Port
	config   Config
	in       ArchiveMonthInput
	from, to time.Time
	part     string // the month's partition
	tenants  []*tenantPart
}

// tenantPart is one tenant's part of the month.
type tenantPart struct {
	TenantMonth
	purge proof.Purge
}

func (a *archiver) run(ctx context.Context) error {
	if err := a.inOwnTx(ctx, a.survey); err != nil && !errors.Is(err, errRollBack) {
		return err
	}
	if err := a.inOwnTx(ctx, a.look); err != nil || !a.in.Purge {
		return err
	}
	if err := a.retained(); err != nil {
		return err
	}
	for _, t := range a.tenants {
		if err := a.archive(ctx, t); err != nil {
			return err
		}
	}
	return a.inOwnTx(ctx, a.purge)
}

// inOwnTx runs one step in a transaction as the schema's owner.
func (a *archiver) inOwnTx(ctx context.Context, fn func(context.Context, dbx.Owner) error) error {
	return a.handle.AsOwner(ctx, archiveOp, a.in.By, fn)
}

// inTenant runs one step in a transaction that sees one tenant's rows.
func (a *archiver) inTenant(ctx context.Context, t *tenantPart, fn func(context.Context, dbx.DB) error) error {
	return a.inOwnTx(ctx, func(ctx context.Context, tx dbx.Owner) error {
		ctx, db, err := tx.Tenant(ctx, t.Tenant)
		if err != nil {
			return err
		}
		return fn(ctx, db)
	})
}

// each turns a transaction to the tenants one after another.
func (a *archiver) each(
	ctx context.Context, tx dbx.Owner, fn func(context.Context, dbx.DB, *tenantPart) error,
) error {
	for _, t := range a.tenants {
		ctx, db, err := tx.Tenant(ctx, t.Tenant)
		if err != nil {
			return err
		}
		if err := fn(ctx, db, t); err != nil {
			return err
		}
	}
	return nil
}

// look finds out how each tenant's month stands.
func (a *archiver) look(ctx context.Context, tx dbx.Owner) error {
	now, err := earlierClock(ctx, tx)
	if err != nil {
		return err
	}
	return a.each(ctx, tx, func(ctx context.Context, db dbx.DB, t *tenantPart) error {
		rules, err := a.trail.KeepPeriods(ctx, db.Conn())
		if err != nil {
			return err
		}
		t.RetentionMonth, err = monthState(ctx, db, a.in.Month, now, rules)
		return err
	})
}

// earlierClock gives the time of the host's or of the database's clock, whichever is behind: one
// that runs ahead must not cost evidence.
func earlierClock(ctx context.Context, tx dbx.Owner) (time.Time, error) {
	now, err := tx.DatabaseTime(ctx)
	if err != nil {
		return now, err
	}
	if tx.Now.Before(now) {
		now = tx.Now
	}
	return now, nil
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
