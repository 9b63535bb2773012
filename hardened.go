package hms

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/migrate"
)

// ErrHardened says that the database is in hardened mode and does not know the host's
// Config.ContextKey, or that a clock is minutes off. It is a precondition.
var ErrHardened = dbx.ErrHardened

// ErrReadOnly says that the host's transaction, or the server as a replica, is read-only. Reads write,
// too, for each is recorded. It is a precondition: trying again does not help.
var ErrReadOnly = dbx.ErrReadOnly

// ErrNoRecorder says that within a transaction of the host's no second connection is free for what must outlive it: the
// record of a read or of a refusal, a sign-in. Give a Config.Recorder, or a larger pool. It is unavailable.
var ErrNoRecorder = dbx.ErrNoRecorder

// NewContextKey makes a random key for Config.ContextKey, 32 bytes in base64. Keep it where
// the program's other secrets are, and never in the database.
func NewContextKey() (hmstype.Secret, error) { return dbx.NewContextKey() }

// Harden brings the database into hardened mode, or exchanges its keys there; see migrate.Harden. The
// login must be a member of hms_owner, so it is that of the HMS that migrates.
func (h *HMS) Harden(ctx context.Context, keys ...hmstype.Secret) error {
	return migrate.Harden(ctx, h.handle.Bun(), keys...)
}

// Soften brings the database back into its ordinary mode; see migrate.Soften.
func (h *HMS) Soften(ctx context.Context) error { return migrate.Soften(ctx, h.handle.Bun()) }

// Weaknesses gives what of the server's and the login's set-up leaves open more than it must; an empty
// list where nothing does. It changes nothing. [HMS.Check] writes them to the Logger, and in hardened mode
// refuses those that would undo it.
func (h *HMS) Weaknesses(ctx context.Context) ([]migrate.Weakness, error) {
	return migrate.Weaknesses(ctx, h.handle.Bun())
}

// checkSetUp logs the weaknesses, and in hardened mode holds the database against it.
func (h *HMS) checkSetUp(ctx context.Context) error {
	found, err := h.Weaknesses(ctx)
	if err != nil {
		return err
	}
	for _, w := range found {
		if h.config.ContextKey != "" && w.UndoesHardening {
			return fmt.Errorf("%w: hardened mode: %s: %s", hmstype.ErrPrecondition, w.Rule, w.Mend)
		}
		h.config.Logger.Warn().Str("rule", w.Rule).Str("object", w.Object).Str("mend", w.Mend).
			Msg("the set-up leaves open more than it must")
	}
	if h.config.ContextKey == "" {
		return nil
	}
	return migrate.CheckHardened(ctx, h.handle.Bun())
}
