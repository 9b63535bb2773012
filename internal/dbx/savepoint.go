package dbx

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// hostSettings are the host's role and its values of our settings, read with the
// savepoint: neither RELEASE nor RESET ROLE would bring them back.
type hostSettings struct {
	role string
	settings
}

const readSettings = `SELECT current_setting('role'),
	coalesce(current_setting('hms.tenant', true), ''), coalesce(current_setting('hms.actor', true), ''),
	coalesce(current_setting('hms.request_id', true), ''), coalesce(current_setting('hms.purpose', true), ''),
	coalesce(current_setting('hms.operation', true), ''), coalesce(current_setting('hms.restricted', true), ''),
	coalesce(current_setting('hms.now', true), ''), coalesce(current_setting('hms.credential', true), '')`

func (h Handle) inSavepoint(
	ctx context.Context, actor hmstype.Actor, now time.Time, want settings, fn func(context.Context, DB) error,
) error {
	leaveGuard, err := h.guard.enter()
	if err != nil {
		return err
	}
	defer leaveGuard()
	h.conn = counted(ctx, h.conn, h.guard)
	if _, err := h.conn.ExecContext(ctx, "SAVEPOINT "+h.savepoint()); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	released := false
	defer func() {
		if !released {
			rollbackToSavepoint(ctx, h.conn, h.savepoint())
		}
	}()
	before, err := h.enter(ctx, want)
	if err != nil {
		return err
	}
	if h.owned == nil {
		h.host = before
	}
	opCtx, db := h.newOperation(ctx, actor, now, want)
	if err := db.run(opCtx, fn); err != nil {
		return err
	}
	if err := h.leave(ctx, want, before); err != nil {
		return err
	}
	if _, err := h.conn.ExecContext(ctx, "RELEASE SAVEPOINT "+h.savepoint()); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	released = true
	return nil
}

// savepoint names the savepoint that the handle sets. That of an operation around it has another
// name, so that its rollback undoes all of what is inside, though a goroutine left that open.
func (h Handle) savepoint() string { return "hms_use_case_" + strconv.Itoa(h.depth) }

// enter makes our settings where they are not in force and tells what was before.
func (h Handle) enter(ctx context.Context, want settings) (hostSettings, error) {
	if h.owned != nil {
		before := hostSettings{role: AppRole, settings: *h.owned}
		if *h.owned == want {
			return before, nil
		}
		return before, apply(ctx, h.conn, want.changes(*h.owned))
	}
	var before hostSettings
	err := h.conn.QueryRowContext(ctx, readSettings).Scan(&before.role,
		&before.tenant, &before.actor, &before.request, &before.purpose, &before.operation, &before.restricted, &before.now,
		&before.credential)
	if err != nil {
		return before, fmt.Errorf("read settings: %w", err)
	}
	if err := apply(ctx, h.conn, want.pairs()); err != nil {
		return before, &beginError{err}
	}
	return before, nil
}

// leave gives back what was before.
func (h Handle) leave(ctx context.Context, want settings, before hostSettings) error {
	if h.owned != nil {
		if before.settings == want {
			return nil
		}
		return apply(ctx, h.conn, before.changes(want))
	}
	return giveBack(ctx, h.conn, before)
}

// giveBack makes the host's role and settings again.
func giveBack(ctx context.Context, conn bun.IConn, before hostSettings) error {
	if err := apply(ctx, conn, before.pairs()); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "SET LOCAL ROLE "+quoteRole(before.role))
	return err
}

func apply(ctx context.Context, conn bun.IConn, pairs [][2]string) error {
	statements, err := statements(pairs)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	return nil
}

// rollbackToSavepoint also undoes our SET LOCALs. It runs on a context that cannot be
// cancelled: a savepoint left behind would keep rows that the caller was told are gone.
// Where it fails the host's connection is broken, and so is its transaction.
func rollbackToSavepoint(ctx context.Context, conn bun.IConn, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+name); err == nil {
		_, _ = conn.ExecContext(ctx, "RELEASE SAVEPOINT "+name) // only frees memory
	}
}

// Savepoint runs fn so that its failure leaves the transaction usable: what one member of
// a batch did is undone without hurting its neighbours. fn goes on with the same operation.
func (db DB) Savepoint(ctx context.Context, fn func(context.Context, DB) error) error {
	conn, name := db.handle.conn, db.handle.savepoint()
	if _, err := conn.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	released := false
	defer func() {
		if !released {
			rollbackToSavepoint(ctx, conn, name)
		}
	}()
	if err := fn(ctx, db); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	released = true
	return nil
}
