// Package pharmacy keeps the formulary and the stock, and hands medication out: first
// expired, first out, and never a unit that is not there.
//
// It owns categories, items, suppliers, locations, batches, the append-only movements, the
// balances and the dispenses. It does not own prescriptions or allergies, which it asks for
// through [PrescriptionSource] and [SafetyChecker], nor prices of bills: it posts a charge.
//
// # The truth
//
// The truth is the movements; a balance is a cache that [Service.Verify] recomputes. Units
// move from a supplier to stock, from stock to a patient, from a patient to quarantine, and
// so on: nothing appears or vanishes. Quantities are whole base units.
//
// # States of a batch
//
//	quarantine -> available <-> hold; quarantine, available, hold -> recalled
//	recalled -> quarantine (lifted) | destroyed; quarantine, hold -> destroyed
//
// Only a batch that is available and not expired is handed out. Expired is derived from
// the expiry date and the tenant's day, and depleted from the balances; neither is stored.
//
// # Errors
//
// [ErrInsufficientStock] (an *InsufficientStockError tells what there is), [ErrBatchConflict],
// [ErrPrescription], [hmstype.ErrFindings] and [ErrReturn] are preconditions.
package pharmacy
