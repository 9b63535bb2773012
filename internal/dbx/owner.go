package dbx

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
)

// OwnerRole owns the schema. Row-level security binds it like any other.
const OwnerRole = "hms_owner"

// ErrBoundToTransaction: what concerns the whole installation cannot run inside a host's
// transaction.
var ErrBoundToTransaction = fmt.Errorf("%w: this needs a transaction of its own", hmstype.ErrPrecondition)

// ownerLockTimeout bounds each wait for a lock: whoever waits for a table queues everybody
// else behind himself.
const ownerLockTimeout = "2s"

// Owner is a transaction of the installation's own, as the role that owns the schema.
type Owner struct {
	DB   // of no tenant: for statements on the schema
	name string
	op   string
}

// AsOwner runs fn in a transaction as [OwnerRole], for what concerns all tenants and the tables
// themselves. name is who does it, as the trail shall name him: "system:<name>". The login must
// be a member of the role, as for migrations. Nothing is tried again: fn may have effects
// outside the database.
func (h Handle) AsOwner(ctx context.Context, op, name string, fn func(context.Context, Owner) error) error {
	return h.ofNoTenant(ctx, op, name, OwnerRole, func(ctx context.Context, db DB) error {
		if _, err := db.Exec(ctx, "SET LOCAL lock_timeout = '"+ownerLockTimeout+"'"); err != nil {
			return err
		}
		return fn(ctx, Owner{DB: db, name: name, op: op})
	})
}

// AsOwnerSnapshot is [Handle.AsOwner] for a transaction that only reads, and sees one state of the database however
// long it lasts (REPEATABLE READ). It gets no transaction id, so that no sealer waits for it.
func (h Handle) AsOwnerSnapshot(ctx context.Context, op, name string, fn func(context.Context, Owner) error) error {
	h.snapshot = true
	return h.AsOwner(ctx, op, name, fn)
}

// SchedulerRole sees the ids of all tenants, and nothing else.
const SchedulerRole = "hms_scheduler"

// AsScheduler runs fn in a transaction as [SchedulerRole], of which the login must be a member.
func (h Handle) AsScheduler(ctx context.Context, op string, fn func(context.Context, DB) error) error {
	return h.ofNoTenant(ctx, op, "scheduler", SchedulerRole, fn)
}

// ofNoTenant runs fn in a transaction of the installation's own, in one of its roles.
func (h Handle) ofNoTenant(
	ctx context.Context, op, name, role string, fn func(context.Context, DB) error,
) error {
	if h.IsBound() {
		return ErrBoundToTransaction
	}
	actor := hmstype.SystemActor(hmstype.TenantID{}, name)
	now := h.Now()
	want, err := settingsOf(ctx, actor, op, now)
	if err != nil {
		return err
	}
	return h.inOwnTx(ctx, actor, now, want, func(ctx context.Context, db DB) error {
		if _, err := db.Exec(ctx, "SET LOCAL ROLE "+role); err != nil {
			return err
		}
		return fn(ctx, db)
	})
}

// Tenant turns the transaction to one tenant, whose rows it sees until it turns to another. Ports
// join the tenant's operation by the context that it gives.
func (o Owner) Tenant(ctx context.Context, tenant hmstype.TenantID) (context.Context, DB, error) {
	actor := hmstype.SystemActor(tenant, o.name)
	want, err := settingsOf(ctx, actor, o.op, o.Now)
	if err != nil {
		return ctx, DB{}, err
	}
	if err := o.handle.apply(ctx, o.handle.conn, o.handle.statements(want)); err != nil {
		return ctx, DB{}, err
	}
	ctx, db := o.handle.newOperation(ctx, actor, o.Now, want)
	return ctx, db, nil
}

// AsInstallation runs fn in a transaction of the application's role under the nil tenant: the
// rows of the installation itself, which are no hospital's and which no actor can reach.
func (h Handle) AsInstallation(ctx context.Context, op string, fn func(context.Context, DB) error) error {
	return h.ofNoTenant(ctx, op, "installation", AppRole, fn)
}

// TakeTurn takes a lock for which only those wait who do the same: it may wait for a minute.
func (o Owner) TakeTurn(ctx context.Context, lock string) error {
	for _, s := range []string{
		"SET LOCAL lock_timeout = '60s'", lock, "SET LOCAL lock_timeout = '" + ownerLockTimeout + "'",
	} {
		if _, err := o.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// TryLocked runs fn, and again where a lock could not be had in time (55P03) or two waited for
// each other (40P01): each try in a savepoint of its own, with a pause between them in which
// those who queue behind it come through.
func (o Owner) TryLocked(ctx context.Context, attempts int, fn func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		if _, err := o.Exec(ctx, "SAVEPOINT hms_owner"); err != nil {
			return err
		}
		err := fn(ctx)
		if state := SQLState(err); attempt == attempts || (state != "55P03" && state != "40P01") {
			return err
		}
		if _, rollbackErr := o.Exec(ctx, "ROLLBACK TO SAVEPOINT hms_owner"); rollbackErr != nil {
			return err
		}
		if waitErr := backoff(ctx, attempt+ownerBackoff); waitErr != nil {
			return err
		}
	}
}

// ownerBackoff begins the pauses of TryLocked at some 200 ms.
const ownerBackoff = 5

// DatabaseTime gives the database's clock.
func (db DB) DatabaseTime(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return hmstype.Instant(now), err
}
