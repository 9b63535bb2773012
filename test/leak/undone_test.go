package leak_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/usecase"
)

var errUndone = errors.New("the rest of the handler failed")

// Whatever use case showed what somebody said of a patient, in a transaction that was rolled back, is on the trail:
// every declared one in a transaction of ours, and every one that reads in a transaction of the host's, before it ends.
func TestCanaries_NoRollbackHidesWhatWasShown(t *testing.T) {
	t.Parallel()
	c := newHospital(t)
	c.live()
	w := &walk{hospital: c, declared: method.Declared(), ids: c.day.IDs}
	ctx := w.day.Person(w.day.Role)
	shown := map[string]bool{}
	for _, m := range method.Public(w.h) {
		info, ok := w.declared[method.Operation(m.Name)]
		if !ok || info.Proof != "" || info.Name == opensRecords || info.Shows == "" {
			continue
		}
		for variant := range variants {
			w.undone(t, m.Name, info, shown, func(call func(context.Context, *hms.HMS)) {
				require.ErrorIs(t, w.h.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
					call(ctx, tx)
					return errUndone
				}), errUndone)
			}, variant)
			if !info.Writes {
				w.undone(t, m.Name, info, shown, func(call func(context.Context, *hms.HMS)) {
					tx, err := w.db.BeginTx(t.Context(), nil)
					require.NoError(t, err)
					call(ctx, w.h.WithTx(tx))
					require.NoError(t, tx.Rollback())
				}, variant)
			}
		}
	}
	t.Logf("%d calls; %d use cases show a patient's words", w.calls, len(shown))
	require.Greater(t, len(shown), 60)
}

// undone makes one call within what rolls it back, and looks for the event of a patient where it showed something.
func (w *walk) undone(
	t *testing.T, called string, info usecase.Info, shown map[string]bool,
	within func(call func(context.Context, *hms.HMS)), variant int,
) {
	t.Helper()
	events := func() (n int) {
		require.NoError(t, w.db.NewRaw(`SELECT count(*) FROM hms.audit_event
			WHERE operation = ? AND patient_id IS NOT NULL`, info.Name).Scan(t.Context(), &n))
		return n
	}
	before := events()
	var found []int
	within(func(ctx context.Context, h *hms.HMS) {
		found = w.ofPatients(w.find(w.call(t, ctx, h, called, info, variant)))
	})
	if len(found) > 0 {
		shown[info.Name] = true
		assert.Greater(t, events(), before, "%s shows %s and leaves no trace", info.Name, w.describe(found))
	}
}
