package clinical_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// Whether a prescription may be dispensed is judged in one place, which says why not and what is left.
type dispensable struct {
	before func(*clinical.Service, context.Context, clinical.PrescriptionStep) (clinical.Prescription, error)
	handed hmstype.Quantity // before
	after  time.Duration
	wanted hmstype.Quantity
	reason clinical.NotDispensableReason // empty where it is allowed
	status clinical.PrescriptionStatus
	left   hmstype.Quantity
	is     error
}

// dispensables are the prescriptions of 40 tablets for ten days, what became of them, and what is asked for.
func dispensables() map[string]dispensable {
	const day = 24 * time.Hour
	return map[string]dispensable{
		"All":     {wanted: 40},
		"Rest":    {handed: 39, wanted: 1},
		"LastDay": {after: 10 * day, wanted: 1},
		"More": {
			wanted: 41, reason: clinical.NotDispensableExceeds, status: "active", left: 40, is: clinical.ErrOverDispensed,
		},
		"MoreThanRest": {
			handed: 39, wanted: 2, reason: clinical.NotDispensableExceeds, status: "active", left: 1,
			is: clinical.ErrOverDispensed,
		},
		"AllGone": {
			handed: 40, wanted: 1, reason: clinical.NotDispensableExceeds, status: "completed", is: clinical.ErrOverDispensed,
		},
		"Overflow": {
			wanted: 1 << 62, reason: clinical.NotDispensableExceeds, status: "active", left: 40, is: clinical.ErrOverDispensed,
		},
		"DayAfter": {
			after: 11 * day, wanted: 1, reason: clinical.NotDispensableExpired, status: "active", left: 40,
			is: clinical.ErrNotActive,
		},
		"GoneAndOver": {
			handed: 40, after: 11 * day, wanted: 1, reason: clinical.NotDispensableExpired, status: "completed",
			is: clinical.ErrNotActive,
		},
		"OnHold": {
			before: as((*clinical.Service).HoldPrescription), handed: 3, wanted: 1,
			reason: clinical.NotDispensableInactive, status: "on-hold", left: 37, is: clinical.ErrNotActive,
		},
		"OnHoldAndOver": {
			before: as((*clinical.Service).HoldPrescription), after: 11 * day, wanted: 99,
			reason: clinical.NotDispensableInactive, status: "on-hold", left: 40, is: clinical.ErrNotActive,
		},
		"Stopped": {
			before: as((*clinical.Service).StopPrescription), handed: 1, wanted: 1,
			reason: clinical.NotDispensableInactive, status: "stopped", left: 39, is: clinical.ErrNotActive,
		},
		"Mistake": {
			before: as((*clinical.Service).EnterPrescriptionInError), wanted: 1,
			reason: clinical.NotDispensableInactive, status: "entered-in-error", left: 40, is: clinical.ErrNotActive,
		},
	}
}

func TestPort_LockToDispense(t *testing.T) {
	t.Parallel()
	for name, tt := range dispensables() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			in := tablets(b.open(t, clinical.ClassAmbulatory))
			in.RefillsAllowed, in.ValidUntil = 1, hmstype.DateOf(dbtest.Start, time.UTC).AddDays(10)
			rx, err := b.Prescribe(b.Ctx, in)
			require.NoError(t, err)
			if tt.handed > 0 {
				require.NoError(t, b.dispense(t, rx.ID, tt.handed))
			}
			if tt.before != nil {
				_, err := tt.before(b.Service, b.Ctx, clinical.PrescriptionStep{ID: rx.ID, Reason: "why"})
				require.NoError(t, err)
			}
			b.Clock.Advance(tt.after)
			err = b.dispense(t, rx.ID, tt.wanted)
			if tt.reason == "" {
				require.NoError(t, err)
				return
			}
			var refused *clinical.NotDispensableError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, clinical.NotDispensableError{
				Reason: tt.reason, Status: tt.status, ValidUntil: in.ValidUntil, Remaining: tt.left,
			}, *refused)
			require.ErrorIs(t, err, tt.is)
			require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
			got, err := b.GetPrescription(b.Ctx, rx.ID)
			require.NoError(t, err)
			require.Equal(t, tt.handed, got.Dispensed, "nothing was handed out")
			if tt.handed > 0 {
				require.NoError(t, b.dispense(t, rx.ID, -1), "what comes back is taken on any")
			}
		})
	}
}

func TestPort_RecordDispensed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rx, err := b.Prescribe(b.Ctx, tablets(b.open(t, clinical.ClassAmbulatory)))
	require.NoError(t, err)
	require.NoError(t, b.dispensePart(t, rx.ID, 20, 7), "a part takes what was handed out")
	got, err := b.GetPrescription(b.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(13), got.Remaining())

	require.ErrorIs(t, b.dispensePart(t, rx.ID, 1, 14), clinical.ErrOverDispensed, "the table's check is the second guard")
	require.ErrorIs(t, b.dispense(t, rx.ID, -8), clinical.ErrOverDispensed, "more than was handed out does not come back")
	require.ErrorIs(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		port := clinical.NewPort(b.Base)
		locked, err := port.LockToDispense(ctx, db.Conn(), rx.ID, 2)
		require.NoError(t, err)
		require.Equal(t, rx.Patient, locked.Patient)
		require.Equal(t, rx.Encounter, locked.Encounter)
		require.Equal(t, db.By(), locked.PrescribedBy, "the host's own actor keeps its name")
		require.NoError(t, port.RecordDispensed(ctx, db.Conn(), locked, 1))
		return port.RecordDispensed(ctx, db.Conn(), locked, 1)
	}), hmstype.ErrStale, "what was judged once is recorded once")

	foreign := setup(t)
	require.ErrorIs(t, foreign.dispense(t, rx.ID, 1), hmstype.ErrNotFound)
}

// as takes a step of a prescription by what every one of them asks for.
func as[In interface {
	~struct {
		ID     hmstype.PrescriptionID `json:"id"`
		Reason string                 `json:"reason"`
	}
}](
	method func(*clinical.Service, context.Context, In) (clinical.Prescription, error),
) func(*clinical.Service, context.Context, clinical.PrescriptionStep) (clinical.Prescription, error) {
	return func(s *clinical.Service, ctx context.Context, in clinical.PrescriptionStep) (clinical.Prescription, error) {
		return method(s, ctx, In(in))
	}
}
