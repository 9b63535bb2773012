package fault_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// joined gives the services that execute in a host's transaction, of whatever kind that is.
func joined(t testing.TB, h *hms.HMS, host dbtest.HostTx) *hms.HMS {
	t.Helper()
	switch tx := host.Tx.(type) {
	case bun.Tx:
		return h.WithTx(tx)
	case *sql.Tx:
		return h.WithSQLTx(tx)
	case pgx.Tx:
		return h.WithPgxTx(tx)
	default:
		t.Fatalf("no way to join %T", tx)
		return nil
	}
}

// inEachHostTx runs test in a transaction of each kind that a host may begin, on env's database.
// They take turns.
func inEachHostTx(t *testing.T, env *hmstest.Env, test func(t *testing.T, bound *hms.HMS, host dbtest.HostTx)) {
	t.Helper()
	for _, way := range dbtest.WaysToJoin {
		t.Run(way.Name, func(t *testing.T) {
			host := way.Begin(t, env.DB, env.DSN)
			test(t, joined(t, env.H, host), host)
		})
	}
}

func TestHMS_HostTransaction(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	_, err := env.DB.ExecContext(t.Context(), `CREATE TABLE host_order (id int)`)
	require.NoError(t, err)
	who := env.Patient(t)
	sell := func(h *hms.HMS, stock hmstest.Stock, quantity hmstype.Quantity) error {
		_, err := h.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{
			Patient: who.ID, Item: stock.Item.ID, Location: stock.Location, Quantity: quantity,
		})
		return err
	}
	left := func(t *testing.T, stock hmstest.Stock) hmstype.Quantity {
		t.Helper()
		shelf, err := env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
		require.NoError(t, err)
		return shelf[0].OnHand
	}
	orders := func(t *testing.T) int {
		t.Helper()
		var n int
		require.NoError(t, env.DB.NewRaw(`SELECT count(*) FROM host_order`).Scan(t.Context(), &n))
		return n
	}
	const order = `INSERT INTO host_order VALUES (1)`

	inEachHostTx(t, env, func(t *testing.T, bound *hms.HMS, host dbtest.HostTx) {
		stock, before := env.Stock(t, 10, ""), orders(t)
		require.NoError(t, sell(bound, stock, 3))
		require.NoError(t, host.Exec(t.Context(), order), "the host writes its own table next, as itself")
		require.ErrorIs(t, sell(bound, stock, 100), pharmacy.ErrInsufficientStock)
		require.NoError(t, host.Exec(t.Context(), order), "an error of ours leaves the host's transaction usable")
		require.NoError(t, host.Within(t.Context(), func(nested dbtest.HostTx) error {
			if err := sell(joined(t, env.H, nested), stock, 2); err != nil {
				return err
			}
			return nested.Exec(t.Context(), order)
		}), "in a savepoint of the host's, which it undoes")
		require.Equal(t, hmstype.Quantity(10), left(t, stock), "nobody else sees anything of it yet")
		require.NoError(t, host.Commit())
		require.Equal(t, hmstype.Quantity(7), left(t, stock))
		require.Equal(t, before+2, orders(t))
		err := sell(bound, stock, 1)
		require.Error(t, err, "the transaction has ended")
		if _, ok := host.Tx.(pgx.Tx); ok {
			require.ErrorIs(t, err, pgx.ErrTxClosed)
		}
		require.Equal(t, hmstype.Quantity(7), left(t, stock))
	})
	inEachHostTx(t, env, func(t *testing.T, bound *hms.HMS, host dbtest.HostTx) {
		stock := env.Stock(t, 10, "")
		require.NoError(t, sell(bound, stock, 3))
		require.NoError(t, host.Rollback())
		require.Equal(t, hmstype.Quantity(10), left(t, stock), "rolled back together")
	})
}

// InTx on bound services is one savepoint: all of what it does stays, or nothing, and the host
// goes on after its error and its panic.
func TestHMS_HostTransaction_InTx(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	errOurs := errors.New("ours")
	inEachHostTx(t, env, func(t *testing.T, bound *hms.HMS, host dbtest.HostTx) {
		register := func(ctx context.Context, h *hms.HMS) error {
			details := patient.Details{LastName: "Joins", Gender: patient.GenderUnknown}
			_, err := h.Patient.Register(ctx, patient.RegisterInput{Details: details})
			return err
		}
		found, before := registered(t, env), roleAndSettings(t, host)
		require.ErrorIs(t, bound.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
			require.NoError(t, register(ctx, tx))
			return errOurs
		}), errOurs)
		require.Equal(t, before, roleAndSettings(t, host))
		require.PanicsWithValue(t, "ours", func() {
			_ = bound.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
				require.NoError(t, register(ctx, tx))
				panic("ours")
			})
		})
		require.Equal(t, before, roleAndSettings(t, host))
		require.NoError(t, bound.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
			require.ErrorIs(t, tx.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
				require.NoError(t, register(ctx, tx))
				return errOurs
			}), errOurs)
			return register(ctx, tx)
		}))
		require.Equal(t, before, roleAndSettings(t, host))
		require.NoError(t, host.Commit())
		require.Equal(t, found+1, registered(t, env), "the last one's")
		if tx, ok := host.Tx.(pgx.Tx); ok { // whose connection goes back to the host
			var left string
			require.NoError(t, tx.Conn().QueryRow(t.Context(), `SELECT `+held).Scan(&left))
			require.Empty(t, left)
		}
	})
}

func registered(t *testing.T, env *hmstest.Env) int {
	t.Helper()
	var n int
	err := env.DB.NewRaw(`SELECT count(*) FROM hms.patient WHERE tenant_id = ?`, env.Tenant).Scan(t.Context(), &n)
	require.NoError(t, err)
	return n
}

// roleAndSettings is what a host finds in its transaction.
func roleAndSettings(t *testing.T, host dbtest.HostTx) string {
	t.Helper()
	var s string
	require.NoError(t, host.Scan(t.Context(), `SELECT concat_ws('|', current_user, current_setting('search_path'),
		coalesce(current_setting('hms.tenant', true), ''), coalesce(current_setting('hms.context', true), ''),
		current_setting('standard_conforming_strings'))`, &s))
	return s
}

// A whole stay runs in one transaction of the host's, over everything that the services send and
// read. It cannot be the whole day: sessions are looked up apart, where nobody sees accounts that are
// not committed.
func TestHMS_HostTransaction_WholeStay(t *testing.T) {
	t.Parallel()
	for _, way := range dbtest.WaysToJoin {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			env := hmstest.New(t)
			host := way.Begin(t, env.DB, env.DSN)
			inside := *env
			inside.H = joined(t, env.H, host)
			bill := liveThroughAStay(t, &inside)
			_, err := env.H.Billing.GetBill(env.Ctx, bill)
			require.ErrorIs(t, err, hms.ErrNotFound, "nobody else sees it yet")
			require.NoError(t, host.Commit())
			paid, err := env.H.Billing.GetBill(env.Ctx, bill)
			require.NoError(t, err)
			require.True(t, paid.Open.IsZero())
			stock, err := env.H.Pharmacy.Verify(env.Ctx)
			require.NoError(t, err)
			require.Len(t, stock.Items, 1)
			require.True(t, stock.Clean(), stock)
			trail, err := env.H.AuditLog.Verify(env.Ctx)
			require.NoError(t, err)
			require.True(t, trail.Clean(), "%+v", trail)
		})
	}
}

// liveThroughAStay registers, prescribes, dispenses, bills, takes a payment, admits and reads, and
// gives the bill.
func liveThroughAStay(t *testing.T, env *hmstest.Env) hmstype.BillID {
	t.Helper()
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := fixture.Prescription(t, env, stock.Item, 20, 0)
	give := pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20, IdempotencyKey: "k"}
	first, err := env.H.Pharmacy.Dispense(env.Ctx, give)
	require.NoError(t, err)
	again, err := env.H.Pharmacy.Dispense(env.Ctx, give)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	draft, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: rx.Patient})
	require.NoError(t, err)
	bill, err := env.H.Billing.IssueBill(env.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.NoError(t, err)
	_, err = env.H.Billing.Pay(env.Ctx, billing.PayInput{
		Bill: bill.ID, Amount: bill.Total, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
	})
	require.NoError(t, err)
	_, err = env.H.Facility.Admit(env.Ctx, facility.AdmitInput{
		Encounter: env.Encounter(t, rx.Patient, clinical.ClassInpatient).ID, Bed: env.Bed(t, "").ID,
	})
	require.NoError(t, err)
	fillInbox(t, env, env.H, rx.Patient)
	found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "test"})
	require.NoError(t, err)
	require.NotEmpty(t, found.Items)
	events, err := env.H.Audit.ListEvents(env.Ctx, audit.ListEventsInput{Patient: rx.Patient})
	require.NoError(t, err)
	require.NotEmpty(t, events.Items)
	return bill.ID
}
