package dbx

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// hostSettings are the host's role and its values of what we set, read with the savepoint: neither
// RELEASE nor RESET ROLE would bring them back. Zero ones are the login's own.
type hostSettings struct {
	known               bool // whether they were read
	role, path, strings string
	tenant, context     string
	distributed         bool // whether settings must be sent one by one, for workers to have them
}

const readSettings = `SELECT current_setting('role'), current_setting('search_path'),
	current_setting('standard_conforming_strings'), coalesce(current_setting('hms.tenant', true), ''),
	coalesce(current_setting('hms.context', true), ''),
	EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')`

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
	released, mark := false, h.ledger.mark()
	defer func() {
		if !released {
			rollbackToSavepoint(ctx, h.conn, h.savepoint())
			h.ledger.undone(mark)
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
func (h Handle) enter(ctx context.Context, want settings) (before hostSettings, err error) {
	if h.owned != nil {
		return before, h.apply(ctx, h.conn, h.changes(want, *h.owned))
	}
	err = h.conn.QueryRowContext(ctx, readSettings, Arguments(h.bun)...).Scan(&before.role, &before.path, &before.strings,
		&before.tenant, &before.context, &before.distributed)
	if err != nil {
		return before, fmt.Errorf("read settings: %w", err)
	}
	before.known = true
	if err := h.apply(ctx, h.conn, h.entering(before, want)); err != nil {
		return before, &beginError{err}
	}
	return before, nil
}

// leave gives back what was before.
func (h Handle) leave(ctx context.Context, want settings, before hostSettings) error {
	if h.owned != nil {
		return h.apply(ctx, h.conn, h.changes(*h.owned, want))
	}
	return h.apply(ctx, h.conn, before.leaving())
}

// setAll makes all settings in one statement, which a transaction that only database/sql holds
// needs to do it in one round trip.
const setAll = `SELECT set_config('role', $1, true), set_config('search_path', $2, true),
	set_config('standard_conforming_strings', $3, true), set_config('hms.tenant', $4, true),
	set_config('hms.context', $5, true)`

// entering gives the messages that make our settings in the host's transaction.
func (h Handle) entering(before hostSettings, want settings) []message {
	switch {
	case before.distributed || !before.known:
		return append(slices.Clone(guarded), h.statements(want)...)
	case h.opts.ContextKey != nil: // the role must be ours before hms.enter may be called
		all := message{text: setAll, args: []string{AppRole, searchPath, "on", "", ""}}
		return append([]message{all}, h.statements(want)...)
	}
	return []message{{text: setAll, args: []string{AppRole, searchPath, "on", want.tenant, want.context}}}
}

// leaving gives the messages that make the host's settings again.
func (before hostSettings) leaving() []message {
	back := []message{setLocal("hms.tenant", before.tenant), setLocal("hms.context", before.context)}
	switch {
	case !before.known:
		return append(back, message{text: "SET LOCAL standard_conforming_strings TO DEFAULT"},
			message{text: "SET LOCAL search_path TO DEFAULT"}, message{text: "SET LOCAL ROLE NONE"})
	case before.distributed:
		return append(back, setLocal("standard_conforming_strings", before.strings),
			message{text: "SELECT set_config('search_path', $1, true)", args: []string{before.path}},
			message{text: "SET LOCAL ROLE " + quoteRole(before.role)})
	default:
		return []message{{text: setAll, args: []string{
			before.role, before.path, before.strings, before.tenant, before.context,
		}}}
	}
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
	released, mark := false, db.handle.ledger.mark()
	defer func() {
		if !released {
			rollbackToSavepoint(ctx, conn, name)
			db.handle.ledger.undone(mark)
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
