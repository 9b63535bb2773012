package hms

import (
	"context"

	"github.com/chelal/hms/hmstype"
)

// Require asks whether the context's actor holds a permission, for what the host's own program does: one of
// Config.Permissions, or of the library's. A refusal is of kind permission denied and is on the audit trail, as that
// of a use case is; a permission that neither declares is invalid. The host's own actor holds every one, an API key
// none outside its scopes. Ask it before a transaction where you can: it may need a connection of its own.
func (h *HMS) Require(ctx context.Context, permission Permission) error {
	if err := h.gate.Require(ctx, "hms.require", permission); err != nil {
		return &hmstype.Error{Op: "hms.require", Err: err}
	}
	return nil
}

// Allows is [HMS.Require] as a question, for what a page shows: a refusal is an answer, and leaves no record.
func (h *HMS) Allows(ctx context.Context, permission Permission) (bool, error) {
	if !h.gate.Knows(permission) {
		return false, hmstype.Invalid("permission", "must be in the catalogue")
	}
	return h.gate.Allows(ctx, permission)
}
